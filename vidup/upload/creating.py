"""CONDUCTOR: making a video. `POST /videos` has no idempotency key, so a lost answer is looked for before a second video is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from vidup.api.ledger import LAG, NONCE_KEY
from vidup.events import Note, Retrying, Tell
from vidup.upload.acting import Action, Do
from vidup.upload.asking import Ask, Rest, Script
from vidup.upload.exchange import Verb
from vidup.upload.outcome import Refused, gave_up, refused, server_words

_MOST_MADE: Final = 2
"""Videos that one run may make, as far as it can tell."""

_SLACK: Final = 5.0
"""Seconds by which the creation time may be earlier than the server's clock said when the video was asked for."""


def create(payload: Mapping[str, object], tell: Tell, now: Callable[[], float]) -> Script[dict[str, object]]:
    """The new video's object. Raises Refused when the server refuses it, or when two may have been made and it cannot be told.

    What may have been made is known by the word made up for this run, where the user lets vidup write into the metadata; else videos
    that title and time speak for are only counted and told: another program may have made one of that title at that moment.
    """
    unresolved, began, told = 0, now(), list[str]()
    while True:
        made = yield Ask(Verb.CREATE, payload=payload, plainly=True)
        if made.do is Do.GO_ON:
            return made.reply.body or {}
        if not made.failed:
            raise refused(made, Verb.CREATE.value)
        tell(Retrying(0, made.failures, made.wait, server_words(made.rule, made.reply)))
        if made.reply.failure != "no-answer":
            unresolved += 1
            patience = LAG if unresolved >= _MOST_MADE else 0.0
            if patience:
                tell(Note("two videos may have been made: the list of videos is watched for a minute before another is asked for"))
            found = yield from _look_for(payload, now, began, patience)
            if isinstance(found, dict):
                return found
            if found is not None:
                unresolved = len(found) if patience else max(unresolved, len(found))
                told += [video_id for video_id in found if video_id not in told]
            if unresolved >= _MOST_MADE:
                raise _no_more(made, told)
            if found:
                tell(Note(f"the answer to creating the video was lost; {found[0]} may be what it made, and stays behind empty", True))
        yield Rest(made.wait)


def _look_for(
    payload: Mapping[str, object], now: Callable[[], float], began: float, patience: float
) -> Script[dict[str, object] | list[str] | None]:
    """The video that a lost request made, if the word of this run tells; else the ids that title and time speak for; None: unknown.

    Looks again for `patience` seconds, for lists may lag.
    """
    nonce, until, rest = _nonce(payload), now() + patience, 1.0
    query: dict[str, object] = {"sortBy": "createdAt", "sortOrder": "desc", "pageSize": 25}
    query |= {f"metadata[{NONCE_KEY}]": nonce} if nonce else {"title": payload["title"]}
    while True:
        asked_at = now()
        try:
            reply = (yield Ask(Verb.FIND, payload=query)).reply
        except Refused:
            return None
        data = (reply.body or {}).get("data")
        videos = [video for video in data if isinstance(video, dict) and video.get("videoId")] if isinstance(data, list) else []
        mine = [video for video in videos if nonce and _nonce(video) == nonce]
        if mine:
            return mine[0]
        if asked_at >= until:
            break
        yield Rest(min(rest, max(until - now(), 0.0)))
        rest = min(2 * rest, 15.0)
    if nonce:
        return []
    if reply.date is None:
        return None
    since = reply.date - (now() - began) - _SLACK
    return [str(video["videoId"]) for video in videos if video.get("title") == payload["title"] and moment(video) >= since]


def _nonce(video: Mapping[str, object]) -> str:
    entries = video.get("metadata")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and entry.get("key") == NONCE_KEY:
            return str(entry.get("value"))
    return ""


def moment(video: Mapping[str, object]) -> float:
    """Seconds since 1970 of the video's creation; 0 where it is not told."""
    try:
        return datetime.fromisoformat(str(video.get("createdAt", "")).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def _no_more(made: Action, leftovers: list[str]) -> Exception:
    left = f"It may have made {' and '.join(leftovers)}, which stay behind empty and go after 7 days. " if leftovers else ""
    return gave_up(
        made, "The video could not be created: the answers were lost twice", f"{left}Run the same command again when the line is better."
    )
