"""DOOR: the kinds of values that options take: sizes, rates, durations, numbers, ids, pairs."""

from __future__ import annotations

from typing import Any

import click

from vidup.api.ledger import NONCE_KEY, PORTABLE_KEY
from vidup.plan.parts import MAX_PART, MIN_PART
from vidup.plan.rate import SLOWEST
from vidup.units import parse_duration, parse_rate, parse_size, show_size


class _Bytes(click.ParamType[int]):
    """A number of bytes, and what is wrong with it."""

    def parse(self, text: str) -> int:
        """As the user wrote it. Raises ValueError, with what is wrong."""
        return parse_size(text)

    def wrong(self, number: int) -> str:
        """Why this number will not do; empty where it does."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = value if isinstance(value, int) else self.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if wrong := self.wrong(number):
            self.fail(wrong, param, ctx)
        return number


class Size(_Bytes):
    """A part size: 5 to 200 MiB."""

    name = "size"

    def wrong(self, number: int) -> str:
        within = MIN_PART <= number <= MAX_PART
        return "" if within else f"{show_size(number)} is not between 5 MiB and 200 MiB, which api.video allows for a part"


class Rate(_Bytes):
    """Bytes a second, 0 for no limit."""

    name = "rate"

    def parse(self, text: str) -> int:
        return parse_rate(text)

    def wrong(self, number: int) -> str:
        if not 0 < number < SLOWEST:
            return ""
        return f"{show_size(number)} a second is too slow for parts of 5 MiB: at least 16 KiB, or 0 for no limit"


class AnySize(_Bytes):
    """A size of at least one byte."""

    name = "size"

    def wrong(self, number: int) -> str:
        return "" if number >= 1 else "a size is at least one byte"


class Duration(click.ParamType[float]):
    """Seconds, or 15m, 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return float(value) if isinstance(value, int | float) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Whole(click.ParamType[int]):
    """A whole number within a range, both ends included."""

    name = "integer"

    def __init__(self, least: int, most: int) -> None:
        self._range = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        least, most = self._range
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self.fail(f"{value} is not a whole number from {least} to {most}", param, ctx)
        return number


class Seconds(click.ParamType[float]):
    """A number of seconds within a range, both ends included."""

    name = "seconds"

    def __init__(self, least: float, most: float) -> None:
        self._range = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        least, most = self._range
        try:
            seconds = float(value)
        except ValueError:
            seconds = least - 1
        if not least <= seconds <= most:  # nor does what is no number, NaN, lie in it
            self.fail(f"{value} is not a number of seconds from {least:g} to {most:g}", param, ctx)
        return seconds


class VideoId(click.ParamType[str]):
    """The id of a video on the server; it becomes part of an address."""

    name = "video_id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not text.isalnum() or not text.isascii():
            self.fail("a video id is letters and digits, as in vi4blUQJFrYWbaG44NChkH27", param, ctx)
        return text


class KeyValue(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        if key in (PORTABLE_KEY, NONCE_KEY):  # a second one of this name would hide what --portable writes
            self.fail(f"{key} is kept for --portable, which writes it itself", param, ctx)
        return key, text
