"""DOOR: `--title`, which may name the file that it is for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import click

Describe = Callable[[str, int], Mapping[str, object]]
"""The attributes of the video for this file: its path as named, and its number in the list, from 1."""


class Title(click.ParamType[str]):
    """A title, or what makes one of the file's name."""

    name = "title"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from vidup.source.naming import title_maker

        text = str(value)
        try:
            title_maker(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return text


def describer(video: Mapping[str, object]) -> Describe:
    """What gives each file these attributes, with a title of its own where the title asks for one; else all share them."""
    if "title" not in video:
        return lambda _path, _number: video
    from vidup.source.naming import title_maker

    make = title_maker(str(video["title"]))
    if make is None:
        return lambda _path, _number: video
    return lambda path, number: {**video, "title": make(os.path.abspath(path), number)}
