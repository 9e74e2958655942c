"""EMULATOR: the two lists: which query parameters they know, and what they filter, sort and page by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from vidup.emulator.answers import Problem, refused_for
from vidup.emulator.keys import UploadToken
from vidup.emulator.shapes import upload_token_shape, video_shape
from vidup.emulator.video import Video

Query = Mapping[str, list[str]]
_Item = TypeVar("_Item", Video, UploadToken)

_TAGS: Final = re.compile(r"tags\[\d*\]")
_METADATA: Final = re.compile(r"metadata\[([^][]+)\]")
_FILTERS: Final = re.compile(rf"title|description|liveStreamId|{_TAGS.pattern}|{_METADATA.pattern}")
_NO_FILTERS: Final = re.compile(r"(?!)")

_VIDEOS_BY: Final[Mapping[str, Callable[[Video], Any]]] = {
    "createdAt": lambda video: video.created,
    "publishedAt": lambda video: video.created,
    "updatedAt": lambda video: video.updated,
    "title": lambda video: str(video.attributes["title"]).casefold(),
}
_TOKENS_BY: Final[Mapping[str, Callable[[UploadToken], Any]]] = {
    "createdAt": lambda token: token.created,
    "ttl": lambda token: token.expires or datetime.max.replace(tzinfo=UTC),  # how much longer it lives
}
_ORDERS: Final = ("asc", "desc")
_RANGES: Final = {"currentPage": (1, None), "pageSize": (1, 100)}


def video_page(query: Query, videos: Iterable[Video], *, filtered: bool = True) -> dict[str, object]:
    """One page of these videos, newest first unless the query says otherwise; Refused, naming each parameter that is wrong.

    Not `filtered`: the filters are understood, and do nothing, as in a server that knows them by name alone.
    """
    _check(query, _FILTERS, _VIDEOS_BY)
    found = _sorted(query, [video for video in videos if not filtered or _wanted(query, video)], _VIDEOS_BY)
    return _page("/videos", query, found, video_shape)


def token_page(query: Query, tokens: Iterable[UploadToken]) -> dict[str, object]:
    """One page of these upload tokens, as `video_page`."""
    _check(query, _NO_FILTERS, _TOKENS_BY)
    return _page("/upload-tokens", query, _sorted(query, list(tokens), _TOKENS_BY), upload_token_shape)


def _check(query: Query, filters: re.Pattern[str], keys: Mapping[str, object]) -> None:
    problems = [
        Problem("invalid-query-parameter", name, f'The "{name}" parameter does not exist.')
        for name in query
        if name not in ("sortBy", "sortOrder", *_RANGES) and not filters.fullmatch(name)
    ]
    for name, allowed in (("sortBy", tuple(keys)), ("sortOrder", _ORDERS)):
        if _last(query, name, allowed[0]) not in allowed:
            problems.append(Problem("invalid-query-parameter", name, f'The "{name}" parameter must be one of {", ".join(allowed)}.'))
    problems += [problem for name in _RANGES if (problem := _out_of_range(name, _last(query, name, "1")))]
    if problems:
        raise refused_for(tuple(problems))


def _out_of_range(name: str, text: str) -> Problem | None:
    least, most = _RANGES[name]
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return Problem("invalid-query-parameter", name, f'The "{name}" parameter must be an integer.')
    if int(text) >= least and (most is None or int(text) <= most):
        return None
    return Problem("parameter-out-of-range", name, bounds={"min": least} if most is None else {"min": least, "max": most})


def _last(query: Query, name: str, default: str) -> str:
    return query.get(name, [default])[-1]


def _wanted(query: Query, video: Video) -> bool:
    """Title and description hold the term as it is written; every tag and every metadata pair is there; no live stream made the video."""
    given = video.attributes
    texts = all(_last(query, name, "") in str(given.get(name) or "") for name in ("title", "description"))
    return texts and "liveStreamId" not in query and _tags(query) <= _words(given.get("tags")) and _pairs(query) <= _metadata(given)


def _words(value: object) -> set[str]:
    return {str(item) for item in value} if isinstance(value, list) else set()


def _tags(query: Query) -> set[str]:
    return {tag for name, values in query.items() if _TAGS.fullmatch(name) for tag in values}


def _pairs(query: Query) -> set[tuple[str, str]]:
    return {(match[1], value) for name, values in query.items() if (match := _METADATA.fullmatch(name)) for value in values}


def _metadata(attributes: Mapping[str, object]) -> set[tuple[str, str]]:
    given = attributes.get("metadata")
    return {(pair["key"], pair["value"]) for pair in given} if isinstance(given, list) else set()


def _sorted(query: Query, newest_first: Sequence[_Item], keys: Mapping[str, Callable[[_Item], Any]]) -> list[_Item]:
    """By the asked key, `createdAt` and `desc` unless told otherwise; of equals the older counts as the lesser."""
    key = keys[_last(query, "sortBy", "createdAt")]
    ranked = [(key(item), age, item) for age, item in enumerate(reversed(newest_first))]
    ranked.sort(key=lambda entry: entry[:2], reverse=_last(query, "sortOrder", "desc") == "desc")
    return [item for _, _, item in ranked]


def _page(path: str, query: Query, items: list[_Item], shape: Callable[[_Item], dict[str, object]]) -> dict[str, object]:
    page, size = int(_last(query, "currentPage", "1")), int(_last(query, "pageSize", "25"))
    pages = max(1, -(-len(items) // size))
    shown = [shape(item) for item in items[(page - 1) * size : page * size]]
    named = {"self": page, "first": 1, "previous": page - 1, "next": page + 1, "last": pages}
    links = [{"rel": rel, "uri": f"{path}?{_same(query, number, size)}"} for rel, number in named.items() if 1 <= number <= pages]
    counts = {"currentPage": page, "pageSize": size, "pagesTotal": pages, "itemsTotal": len(items), "currentPageItems": len(shown)}
    return {"data": shown, "pagination": {**counts, "links": links}}


def _same(query: Query, page: int, size: int) -> str:
    rest = {name: values for name, values in query.items() if name not in _RANGES}
    return urlencode({**rest, "currentPage": page, "pageSize": size}, doseq=True)
