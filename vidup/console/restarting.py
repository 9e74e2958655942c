"""DOOR: the command that begins an upload anew, as the old one was asked for."""

from __future__ import annotations

from collections.abc import Mapping

import click

from vidup.console.options import PRODUCTION, SANDBOX, given
from vidup.console.retyping import STICKY, as_option, program
from vidup.inert import command_line
from vidup.source.naming import as_template

_FILE = ("any_file", "follow", "idle")
"""Options that say how the file is to be taken."""


def restart_command(context: click.Context, more: str, file: str, base_url: str, video: Mapping[str, object]) -> str:
    """The shell-quoted command that uploads this file into a new video, as the old one was asked for; `more` are options that it needs."""
    words = [*program(), "upload", "--restart", *more.split()]
    given_too = given(context, (*STICKY, *_FILE) if "--part-size" in more else (*STICKY, *_FILE, "part_size"))
    for name in given_too:
        value = context.params[name]
        option = "--" + name.replace("_", "-")
        words += [option] if value is True else [option, as_option(value) if isinstance(value, float) else str(value)]
    if base_url != PRODUCTION:
        words += ["--sandbox"] if base_url == SANDBOX else ["--base-url", base_url]
    return command_line([*words, *_video_words(video), *(["--"] if file.startswith("-") else []), file])


def _video_words(video: Mapping[str, object]) -> list[str]:
    """The options that ask for this creation payload: `video_attributes` backwards."""
    switches = {
        "public": ("--public", "--private"), "mp4Support": ("--mp4", "--no-mp4"), "panoramic": ("--panoramic", ""),
        "transcript": ("--transcript", ""),
    }  # fmt: skip
    texts = {"title": "--title", "description": "--description", "playerId": "--player-id", "language": "--language"}
    words = [text for name, option in texts.items() if name in video for text in (option, _spelled(name, video[name]))]
    words += [option for name, (on, off) in switches.items() if name in video if (option := on if video[name] else off)]
    tags, metadata = video.get("tags"), video.get("metadata")
    words += [text for tag in (tags if isinstance(tags, list) else []) for text in ("--tag", str(tag))]
    pairs = [f"{pair['key']}={pair['value']}" for pair in (metadata if isinstance(metadata, list) else [])]
    return words + [text for pair in pairs for text in ("--metadata", pair)]


def _spelled(name: str, value: object) -> str:
    return as_template(str(value)) if name == "title" else str(value)
