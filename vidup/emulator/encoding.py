"""EMULATOR: how far the encoding of a complete video has come, as its status tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

QUALITIES: Final = ("240p", "360p", "480p", "720p", "1080p")
"""What every video is encoded to, one after another."""

_METADATA: Final = ("width", "height", "bitrate", "duration", "framerate", "samplerate", "videoCodec", "audioCodec", "aspectRatio")

ENDS: Final = ("failed", "partly", "stuck", "odd")
"""How an encoding may go other than well: every quality fails, every second one does, the first is never through, or each is in a state
that nobody documented until all of it is encoded."""

_ODD: Final = ("analyzing", "queued", "packaging")
"""States that the reference does not name: a client must take them for work in progress."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a video: all of it takes so many seconds, each quality an equal share; `end` is empty or one of ENDS."""

    seconds: float = 0.0
    end: str = ""

    def shape(self, complete_for: float | None) -> dict[str, object]:
        """The status's `encoding`, so many seconds after the last byte (None: not complete). Playable as soon as one quality is encoded."""
        states = [self._state(number, complete_for) for number in range(len(QUALITIES))]
        return {
            "playable": "encoded" in states,
            "qualities": [{"type": "hls", "quality": name, "status": state} for name, state in zip(QUALITIES, states, strict=True)],
            "metadata": dict.fromkeys(_METADATA),
        }

    def _state(self, number: int, complete_for: float | None) -> str:
        if complete_for is None:
            return "waiting"
        if self.end == "stuck":
            return "waiting" if number else "encoding"
        share = self.seconds / len(QUALITIES)
        if self.end == "odd":
            return "encoded" if complete_for >= self.seconds > 0 else _ODD[number % len(_ODD)]
        if complete_for >= share * (number + 1):
            return "failed" if self.end == "failed" or (self.end == "partly" and number % 2 == 0) else "encoded"
        return "encoding" if number == 0 or complete_for >= share * number else "waiting"
