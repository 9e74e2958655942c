"""CORE: who is asking: an API key and where it came from."""

from __future__ import annotations

from typing import NamedTuple


class ApiKey(NamedTuple):
    """An API key and where it came from; only the source may be shown."""

    value: str
    source: str

    def __repr__(self) -> str:
        return f"ApiKey(source={self.source!r})"
