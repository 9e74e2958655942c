"""DOOR: what a row of a list says of its file, in the names and by the rules of the options of `upload`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from vidup.console.options import VIDEO, video_attributes
from vidup.console.values import VideoId
from vidup.errors import ExitCode, VidupError
from vidup.source.lists import Row

_FLAGS: Final = ("public", "mp4", "panoramic", "transcript")
_LISTS: Final = {"tag": "tag", "tags": "tag", "metadata": "metadata"}
_EMPTIED: Final = {"tag": "tags", "metadata": "metadata"}
"""What a row may ask for none of, where the command has some."""

_NAMES: Final = {**{name: name for name in VIDEO}, **_LISTS, "video_id": "video_id", "private": "private"}


class Own(NamedTuple):
    """What a file has of its own: attributes of the video to create, which come before those of the command, or the video to go into."""

    video: Mapping[str, object]
    video_id: str | None


def own_of(row: Row) -> Own | None:
    """What this row asks for; None where it only names a file. Raises VidupError(USAGE) for a key or a value that no option has."""
    if not row.fields:
        return None
    options: dict[str, Any] = dict.fromkeys(VIDEO)
    video_id: str | None = None
    for key, value in row.fields.items():
        name = _NAMES.get(key.replace("-", "_"))
        if name is None:
            raise _unknown(row, key)
        if value is None:
            continue
        if name == "video_id":
            video_id = _video_id(row, value)
        elif name == "private":
            options["public"] = not _flag(row, key, value)
        else:
            options[name] = _value(row, key, name, value)
    video = video_attributes(options) | {field: [] for name, field in _EMPTIED.items() if options[name] == ()}
    if video_id is not None and video:
        raise _wrong(row, "has a video_id, and what describes a new video: leave out one of them")
    return Own(video, video_id) if video or video_id is not None else None


def _value(row: Row, key: str, name: str, value: object) -> object:
    if name in _FLAGS:
        return _flag(row, key, value)
    if name == "tag":
        tags = [value] if isinstance(value, str) else value
        if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
            return tuple(tags)
        raise _wrong(row, f"has a {key} that is no list of texts")
    if name == "metadata":
        return _metadata(row, value)
    if isinstance(value, str):
        return value
    raise _wrong(row, f"has a {key} that is no text")


def _metadata(row: Row, value: object) -> tuple[tuple[str, str], ...]:
    """Pairs of an object, or of texts as the option takes them: KEY=VALUE."""
    pairs = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list) and all(isinstance(one, str) and one.partition("=")[1] for one in value):
        pairs = [(key, text) for key, _, text in (one.partition("=") for one in value)]
    if (value and not pairs) or not all(key and isinstance(text, str) for key, text in pairs):
        raise _wrong(row, 'has metadata that are neither {"KEY": "VALUE"} nor ["KEY=VALUE"]')
    return tuple(pairs)


def _flag(row: Row, key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(row, f"has a {key} that is neither true nor false")


def _video_id(row: Row, value: object) -> str:
    try:
        return VideoId().convert(value, None, None)
    except click.BadParameter as error:
        raise _wrong(row, f"has a wrong video_id: {error.message}") from None


def _unknown(row: Row, key: str) -> VidupError:
    from difflib import get_close_matches

    alike = get_close_matches(key.replace("-", "_"), _NAMES, n=1)
    advice = f"Did you mean {alike[0]}?" if alike else f"It may hold: {', '.join(sorted(('file', 'file_b64', *_NAMES)))}."
    return _wrong(row, f"has a key that vidup does not know: {key}", advice)


def _wrong(row: Row, what: str, advice: str = "Correct it.") -> VidupError:
    return VidupError(ExitCode.USAGE, f"{row.where[:1].upper()}{row.where[1:]} {what}", advice=advice)
