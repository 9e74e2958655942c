"""CORE: what the server has of one video, as a value, as the JSON of `vidup status`, and as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vidup.api.ledger import Ledger, read_ledger
from vidup.inert import inert
from vidup.units import show_size


class Quality(NamedTuple):
    """One encoding of the video, in the server's words: hls or mp4, `720p`, `encoded`. What it did not tell is None."""

    type: str | None
    quality: str | None
    status: str | None


class VideoStatus(NamedTuple):
    """One status answer; `playable` is None where the server did not say."""

    video_id: str
    ledger: Ledger
    playable: bool | None
    qualities: tuple[Quality, ...]

    @property
    def failed(self) -> bool:
        """Whether it will never play: there are qualities, and the encoding of every one failed. What nobody documented is not a no."""
        return not self.playable and bool(self.qualities) and all(one.status == "failed" for one in self.qualities)

    def names(self) -> list[str]:
        """The qualities by name, each with its type where that is not the stream."""
        return [f"{one.quality or 'unnamed'}{f' ({one.type})' if one.type not in (None, 'hls') else ''}" for one in self.qualities]

    def states(self) -> tuple[tuple[str, str], ...]:
        """Each quality by name, and its state in the server's words."""
        return tuple((name, one.status or "unknown") for name, one in zip(self.names(), self.qualities, strict=True))

    def in_short(self) -> str:
        """Where it stands, in a few words."""
        return encoding_words(self.ledger.state, self.states())

    def to_json(self) -> dict[str, object]:
        """The object that `--json` prints; states nobody documented pass as they are."""
        return {
            "v": 1,
            "video_id": self.video_id,
            "ingest": {
                "status": self.ledger.state or None,
                "filesize": self.ledger.filesize,
                "parts_received": len(self.ledger.parts),
                "total_parts": self.ledger.total,
            },
            "encoding": {
                "playable": self.playable,
                "qualities": [{"type": one.type, "quality": one.quality, "status": one.status} for one in self.qualities],
            },
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        size = self.ledger.filesize
        encoded = [f"{one.quality or 'unnamed'} ({one.type or 'unknown type'}) {one.status or 'unknown'}" for one in self.qualities]
        return [
            f"video     {inert(self.video_id)}",
            f"ingest    {self._ingest()}",
            f"size      {'not known before the video is whole' if size is None else f'{show_size(size)} ({size} bytes)'}",
            f"encoding  {inert(', '.join(encoded), 1000) or 'nothing yet'}",
            f"playable  {'not told' if self.playable is None else 'yes' if self.playable else 'not yet'}",
        ]

    def _ingest(self) -> str:
        ledger = self.ledger
        state = inert(ledger.state) or "no state told"
        if ledger.parts or ledger.total:
            return f"{state}, {len(ledger.parts)} of {ledger.total or 'an unknown number of'} parts received"
        return f"{state}, received by bytes" if ledger.by_bytes else state


def encoding_words(ingest: str, qualities: tuple[tuple[str, str], ...]) -> str:
    """`encoding: 240p 360p encoded, 480p encoding`; before there are qualities how far the video itself has come."""
    if not qualities:
        return f"ingest: {ingest or 'no state told'}"
    states = dict.fromkeys(state for _name, state in qualities)
    said = (f"{' '.join(name for name, has in qualities if has == state)} {state}" for state in states)
    return f"encoding: {', '.join(said)}"


def read_video_status(video_id: str, body: Mapping[str, object]) -> VideoStatus:
    """The status in this answer; whatever is missing or of another type counts as not told.

    Shape: https://docs.api.video/reference/api/Videos#retrieve-video-status-and-details
    """
    encoding = body.get("encoding")
    encoding = encoding if isinstance(encoding, Mapping) else {}
    qualities, playable = encoding.get("qualities"), encoding.get("playable")
    entries = [entry for entry in (qualities if isinstance(qualities, list) else []) if isinstance(entry, Mapping)]
    read = tuple(Quality(_text(entry, "type"), _text(entry, "quality"), _text(entry, "status")) for entry in entries)
    return VideoStatus(video_id, read_ledger(body), playable if isinstance(playable, bool) else None, read)


def _text(entry: Mapping[str, object], name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) else None
