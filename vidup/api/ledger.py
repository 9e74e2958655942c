"""CORE: what the server says it has (`Ledger`), and what of it an upload may build on."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from vidup.plan.parts import is_valid_total

_COMPLETE: Final = ("uploaded", "ingested")
_OPEN: Final = ("", "missing", "uploading")
"""States in which parts may still be sent; in any other that is not complete the server is busy with what it has."""

LAG: Final = 60.0
"""Seconds that a status may lag: nothing that it does not explain is taken for final, nor a part that was accepted for lost, any sooner."""

PORTABLE_KEY: Final = "vidup-file"
"""The metadata key under which `--portable` keeps a file's identity beside the user's own metadata."""


NONCE_KEY: Final = "vidup-run"
"""The metadata key of a word made up for one run, by which a video whose creation was not answered is found again."""


class Ledger(NamedTuple):
    """The `ingest` of one status answer: its state, the bytes of the whole file if known, the announced total, the stored parts."""

    state: str = ""
    filesize: int | None = None
    total: int | None = None
    parts: frozenset[int] = frozenset()
    by_bytes: bool = False

    @property
    def complete(self) -> bool:
        """Whether the server has the whole video. States nobody documented are not a yes."""
        return self.state in _COMPLETE or (self.total is not None and self.total == len(self.parts) == max(self.parts, default=0))

    @property
    def open(self) -> bool:
        """Whether the server still takes parts."""
        return self.state in _OPEN

    @property
    def empty(self) -> bool:
        """Whether nothing was ever stored in this container."""
        return not self.parts and not self.by_bytes and self.open

    def may_hold(self, size: int) -> bool:
        """Whether the stored file can be one of `size` bytes: the server says so, or says nothing."""
        return self.filesize is None or self.filesize == size


def read_ledger(body: Mapping[str, object]) -> Ledger:
    """The ledger in the body of a status answer; whatever is missing or of another type counts as not told.

    Shape: https://docs.api.video/reference/api/Videos#retrieve-video-status-and-details
    """
    ingest = body.get("ingest")
    if not isinstance(ingest, Mapping):
        return Ledger()
    received = ingest.get("receivedParts")
    received = received if isinstance(received, Mapping) else {}
    numbers = received.get("parts")
    parts = frozenset(n for n in numbers if isinstance(n, int) and n > 0) if isinstance(numbers, list) else frozenset()
    state, size, total = ingest.get("status"), ingest.get("filesize"), received.get("total")
    return Ledger(
        state=state if isinstance(state, str) else "",
        filesize=size if isinstance(size, int) and size > 0 else None,
        total=total if isinstance(total, int) and total > 0 else None,
        parts=parts,
        by_bytes=bool(ingest.get("receivedBytes")) and not parts,
    )


def agreed_total(ledger: Ledger, planned: int | None, size: int) -> int | None:
    """The total that the rest of an upload of `size` bytes must use, or None if the server's cannot be of this file.

    What is stored binds: the server's total. Nothing stored binds nothing, so the planned one may be kept.
    """
    total = ledger.total if ledger.parts and ledger.total is not None else planned
    if total is None or not is_valid_total(size, total) or max(ledger.parts, default=0) > total:
        return None
    return total


def foreign_parts(ledger: Ledger, attempted: Collection[int]) -> list[int]:
    """Stored parts that this upload never tried to send: another writer's."""
    return sorted(ledger.parts - set(attempted))


def portable_record(size: int, fingerprint: str) -> dict[str, str]:
    """The metadata entry by which another machine recognises the file."""
    return {"key": PORTABLE_KEY, "value": f"{size}:{fingerprint}"}


def recorded_file(video: Mapping[str, object]) -> str:
    """The value of the portable record in a video object, or nothing."""
    metadata = video.get("metadata")
    for entry in metadata if isinstance(metadata, list) else []:
        if isinstance(entry, Mapping) and entry.get("key") == PORTABLE_KEY and isinstance(entry.get("value"), str):
            return str(entry["value"])
    return ""
