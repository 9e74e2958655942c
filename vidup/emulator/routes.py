"""EMULATOR: the addresses of the API and what happens at each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vidup.emulator.answers import Answer, Refused, json_answer
from vidup.emulator.bodies import Form, boundary_of, receive
from vidup.emulator.encoding import Encoding
from vidup.emulator.faults import Fault
from vidup.emulator.keys import Keyring
from vidup.emulator.ledger import Exchange, Ledger
from vidup.emulator.limits import MIB
from vidup.emulator.listing import token_page, video_page
from vidup.emulator.ranges import PartRange, read_range
from vidup.emulator.shapes import (
    status_shape,
    text_attribute,
    ttl_attribute,
    upload_token_shape,
    video_attributes,
    video_shape,
)
from vidup.emulator.video import Video
from vidup.emulator.videos import Library
from vidup.emulator.wire import Head

_FRAME: Final = MIB
"""Bytes a multipart request may have around its file."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything an address may touch."""

    library: Library
    keyring: Keyring
    ledger: Ledger
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Request:
    """One request at one address; `name` is what its path names, a video id or an upload token."""

    head: Head
    exchange: Exchange
    name: str

    @property
    def fault(self) -> Fault:
        """The scripted fault this request meets."""
        return self.exchange.body.fault

    def payload(self) -> dict[str, object]:
        """The JSON body."""
        return self.exchange.body.payload()


Handler = Callable[[Site, Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: which fault place it is (`on=`), what it counts as for the rate limit, and whether it asks for a key."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    place: str = ""
    counts_as: str = "reads"
    open_to_all: bool = False


def _log_in(site: Site, request: Request) -> Answer:
    return json_answer(200, site.keyring.log_in(text_attribute(request.payload(), "apiKey")))


def _refresh(site: Site, request: Request) -> Answer:
    return json_answer(200, site.keyring.refresh(text_attribute(request.payload(), "refreshToken")))


def _create(site: Site, request: Request) -> Answer:
    attributes = video_attributes(request.payload(), new=True)
    video = site.library.create(attributes)
    request.exchange.video_id = video.video_id
    return json_answer(202 if video.refuses else 201, video_shape(video))


def _list(site: Site, request: Request) -> Answer:
    return json_answer(200, video_page(request.head.query, site.library.every(request.fault.lag), filtered=not request.fault.unfiltered))


def _get(site: Site, request: Request) -> Answer:
    return json_answer(200, video_shape(site.library.get(request.name)))


def _update(site: Site, request: Request) -> Answer:
    video = site.library.get(request.name)
    attributes = video_attributes(request.payload(), new=False)
    attributes.pop("source", None)
    site.library.update(video, attributes)
    return json_answer(200, video_shape(video))


def _delete(site: Site, request: Request) -> Answer:
    site.library.delete(request.name)
    return Answer(204)


def _status(site: Site, request: Request) -> Answer:
    video = site.library.get(request.name)
    fault = request.fault
    encoding = Encoding(site.encoding.seconds if fault.encode_after is None else fault.encode_after, fault.encode)
    return json_answer(200, status_shape(video, site.library.standing(video, fault.lag), encoding))


def _upload(site: Site, request: Request) -> Answer:
    video = site.library.get(request.name)
    wanted = read_range(request.exchange.content_range, begun_by_part=bool(video.parts))
    site.library.admit(video, wanted)
    return _take_in(site, request, wanted, lambda form: video)


def _upload_by_token(site: Site, request: Request) -> Answer:
    token = request.head.query.get("token", [""])[0]
    site.keyring.check_upload_token(token)
    wanted = read_range(request.exchange.content_range, begun_by_part=False)

    def named_or_new(form: Form) -> Video:
        video_id = form.fields.get("videoId")
        return site.library.get(video_id) if video_id else site.library.create({"title": form.filename or "Untitled"})

    return _take_in(site, request, wanted, named_or_new)


def _take_in(site: Site, request: Request, wanted: PartRange | None, video_for: Callable[[Form], Video]) -> Answer:
    library, exchange = site.library, request.exchange
    if (request.head.length or 0) > library.max_part + _FRAME:
        raise Refused("uploaded-file-too-large", name="file")
    with library.waiting_room() as path:
        boundary = boundary_of(request.head.headers)
        form = receive(exchange.body, boundary, path, library.max_part, lambda count: site.ledger.seen(exchange, count))
        library.check_size(form.size, wanted)
        video = video_for(form)
        exchange.video_id = video.video_id
        library.commit(video, wanted, path, form.size, request.fault.commit_after)
    return json_answer(201, video_shape(video))


def _create_token(site: Site, request: Request) -> Answer:
    payload = request.payload() if request.head.length != 0 else {}
    return json_answer(200, upload_token_shape(site.keyring.new_upload_token(ttl_attribute(payload))))


def _list_tokens(site: Site, request: Request) -> Answer:
    return json_answer(200, token_page(request.head.query, site.keyring.upload_tokens()))


def _get_token(site: Site, request: Request) -> Answer:
    return json_answer(200, upload_token_shape(site.keyring.upload_token(request.name)))


def _delete_token(site: Site, request: Request) -> Answer:
    site.keyring.drop_upload_token(request.name)
    return Answer(204)


_VIDEOS: Final = re.compile(r"/videos/?")
_VIDEO: Final = re.compile(r"/videos/(?P<name>[^/]+)")
_SOURCE: Final = re.compile(r"/videos/(?P<name>[^/]+)/source")
_STATUS: Final = re.compile(r"/videos/(?P<name>[^/]+)/status")
_TOKENS: Final = re.compile(r"/upload-tokens/?")
_TOKEN: Final = re.compile(r"/upload-tokens/(?P<name>[^/]+)")

_ROUTES: Final = (
    Route("POST", re.compile("/auth/api-key"), _log_in, "login", "writes", open_to_all=True),
    Route("POST", re.compile("/auth/refresh"), _refresh, "refresh", "writes", open_to_all=True),
    Route("POST", _VIDEOS, _create, "create", "writes"),
    Route("GET", _VIDEOS, _list, "list"),
    Route("GET", _VIDEO, _get, "get"),
    Route("PATCH", _VIDEO, _update, counts_as="writes"),
    Route("DELETE", _VIDEO, _delete, counts_as="writes"),
    Route("POST", _SOURCE, _upload, "source", "uploads"),
    Route("GET", _STATUS, _status, "status"),
    Route("POST", re.compile("/upload"), _upload_by_token, "source", "uploads", open_to_all=True),
    Route("POST", _TOKENS, _create_token, counts_as="writes"),
    Route("GET", _TOKENS, _list_tokens),
    Route("GET", _TOKEN, _get_token),
    Route("DELETE", _TOKEN, _delete_token, counts_as="writes"),
)


def _nowhere(slug: str) -> Handler:
    def refuse(site: Site, request: Request) -> Answer:
        raise Refused(slug)

    return refuse


def find_route(method: str, path: str) -> tuple[Route, str]:
    """The route of this address and the name in its path; an unknown address or method has a route too, which refuses."""
    matches = [(route, match) for route in _ROUTES if (match := route.path.fullmatch(path))]
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict().get("name", "")
    slug = "method-not-allowed" if matches else "unrecognized-request-url"
    counts_as = "reads" if method in ("GET", "HEAD") else "writes"
    return Route(method, re.compile(""), _nowhere(slug), counts_as=counts_as, open_to_all=True), ""


def is_video_route(route: Route) -> bool:
    """Whether the name in this route's path is a video id."""
    return route.path in (_VIDEO, _SOURCE, _STATUS)
