"""EMULATOR: the JSON shapes of api.video, and the checks of what a client may set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from vidup.emulator.answers import Problem, refused_for
from vidup.emulator.encoding import Encoding
from vidup.emulator.keys import UploadToken
from vidup.emulator.video import Standing, Video

_LANGUAGE: Final = re.compile(r"[A-Za-z]+(-[A-Za-z]+)*")


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and isinstance(item.get("key"), str) and isinstance(item.get("value"), str) for item in value
    )


_Check = tuple[Callable[[object], bool], str]
_TEXT: Final[_Check] = (lambda value: isinstance(value, str), "a string")
_FLAG: Final[_Check] = (lambda value: isinstance(value, bool), "a boolean")
_STRINGS: Final[_Check] = (_is_strings, "an array of strings")
_OBJECT: Final[_Check] = (lambda value: isinstance(value, dict), "an object")

_ATTRIBUTES: Final[dict[str, _Check]] = {
    "title": (lambda value: isinstance(value, str) and bool(value.strip()), "a string that is not empty"),
    "description": _TEXT,
    "source": _TEXT,
    "public": _FLAG,
    "panoramic": _FLAG,
    "mp4Support": _FLAG,
    "playerId": _TEXT,
    "tags": _STRINGS,
    "metadata": (_is_pairs, 'an array of objects with "key" and "value"'),
    "language": (
        lambda value: value is None or (isinstance(value, str) and bool(_LANGUAGE.fullmatch(value))),
        'only letters and dashes (for example "fr", "fr-BE")',
    ),
    "transcript": _FLAG,
    "transcriptSummary": _FLAG,
    "transcriptSummaryAttributes": _STRINGS,
    "watermark": _OBJECT,
    "clip": _OBJECT,
}


def video_attributes(payload: Mapping[str, object], *, new: bool) -> dict[str, object]:
    """What of this payload a video keeps. Refused, naming every problem, for a missing title or values of the wrong type."""
    problems = [Problem("attribute-required", "title")] if new and "title" not in payload else []
    for name, (holds, expected) in _ATTRIBUTES.items():
        if name in payload and not holds(payload[name]):
            verb = "contain" if name == "language" else "be"
            problems.append(Problem("invalid-attribute", name, f'The "{name}" attribute must {verb} {expected}.'))
    if problems:
        raise refused_for(tuple(problems))
    return {name: payload[name] for name in _ATTRIBUTES if name in payload}


def text_attribute(payload: Mapping[str, object], name: str) -> str:
    """A required text of a payload; Refused when it is missing or no text."""
    if name not in payload:
        raise refused_for((Problem("attribute-required", name),))
    value = payload[name]
    if not isinstance(value, str):
        raise refused_for((Problem("invalid-attribute", name, f'The "{name}" attribute must be a string.'),))
    return value


def ttl_attribute(payload: Mapping[str, object]) -> int:
    """Seconds an upload token shall live, 0 for ever; Refused for anything but a whole number of 0 to 2147483647."""
    ttl = payload.get("ttl", 0)
    if not isinstance(ttl, int) or isinstance(ttl, bool) or not 0 <= ttl <= 2_147_483_647:
        raise refused_for((Problem("invalid-attribute", "ttl", 'The "ttl" attribute must be an integer from 0 to 2147483647.'),))
    return ttl


def atom(moment: datetime) -> str:
    """A moment the way api.video writes it."""
    return moment.isoformat(timespec="seconds")


def video_shape(video: Video) -> dict[str, object]:
    """The video object."""
    given = video.attributes
    shape: dict[str, object] = {
        "videoId": video.video_id,
        "title": given["title"],
        "description": given.get("description", ""),
        "public": given.get("public", True),
        "panoramic": given.get("panoramic", False),
        "mp4Support": given.get("mp4Support", True),
        "tags": given.get("tags", []),
        "metadata": given.get("metadata", []),
        "createdAt": atom(video.created),
        "publishedAt": atom(video.created),
        "updatedAt": atom(video.updated),
        "discarded": False,
        "discardedAt": None,
        "deletesAt": None,
        "source": {"uri": f"/videos/{video.video_id}/source"},
        "assets": _assets(video),
    }
    if "playerId" in given:
        shape["playerId"] = given["playerId"]
    if given.get("language"):
        shape |= {"language": given["language"], "languageOrigin": "api"}
    return shape


def _assets(video: Video) -> dict[str, str]:
    ticket = "" if video.attributes.get("public", True) else f"?token={video.private_token}"
    player = f"https://embed.api.video/vod/{video.video_id}{ticket}"
    files = f"https://cdn.api.video/vod/{video.video_id}"
    frame = f'<iframe src="{player}" width="100%" height="100%" frameborder="0" scrolling="no" allowfullscreen=""></iframe>'
    assets = {"iframe": frame, "player": player, "hls": f"{files}/hls/manifest.m3u8{ticket}", "thumbnail": f"{files}/thumbnail.jpg{ticket}"}
    if video.attributes.get("mp4Support", True):
        assets["mp4"] = f"{files}/mp4/source.mp4{ticket}"
    return assets


def status_shape(video: Video, standing: Standing, encoding: Encoding) -> dict[str, object]:
    """The status object of a video that stands like this."""
    parts, total, size = standing.parts, standing.total, standing.size
    whole = size is not None and not parts
    arrived = "ingested" if video.refuses else "uploaded" if size is not None else "uploading"
    return {
        "ingest": {
            "status": arrived,
            "filesize": size,
            "receivedBytes": [{"from": 0, "to": size - 1, "total": size}] if whole and size is not None else [],
            "receivedParts": {"parts": parts, "total": total},
        },
        "encoding": encoding.shape(standing.complete_for),
    }


def upload_token_shape(token: UploadToken) -> dict[str, object]:
    """The upload token object."""
    expires = None if token.expires is None else atom(token.expires)
    return {"token": token.token, "ttl": token.ttl, "createdAt": atom(token.created), "expiresAt": expires}
