"""CORE: bodies around a body: what is sent besides the part itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from vidup.upload.exchange import Cut


class Sent(Protocol):
    """What a connection, and whatever is around it, needs of a body."""

    all_out: bool
    content_type: str

    @property
    def cut(self) -> Cut: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[memoryview]: ...

    def moved(self, taken: int) -> None: ...


class Around:
    """A body that passes on all that concerns the one within."""

    def __init__(self, body: Sent) -> None:
        self.body = body
        self.content_type = body.content_type

    @property
    def cut(self) -> Cut:
        """Whether nobody wants the rest of it."""
        return self.body.cut

    @property
    def all_out(self) -> bool:
        """Whether the last byte was taken."""
        return self.body.all_out

    @all_out.setter
    def all_out(self, out: bool) -> None:
        self.body.all_out = out

    def __len__(self) -> int:
        return len(self.body)

    def __iter__(self) -> Iterator[memoryview]:
        return iter(self.body)

    def moved(self, taken: int) -> None:
        """So many bytes were taken."""
        self.body.moved(taken)


class Beside(Around):
    """A multipart body with a form field before its file; the bytes of the field count for nothing."""

    def __init__(self, body: Sent, field: str, value: str) -> None:
        """`value` without line breaks, as ids are. Raises ValueError for a body that is not multipart."""
        super().__init__(body)
        _, found, boundary = body.content_type.partition("boundary=")
        if not found:
            raise ValueError(f"{body.content_type} is not multipart/form-data")
        self._field = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        self._left = len(self._field)

    def __len__(self) -> int:
        return len(self._field) + len(self.body)

    def __iter__(self) -> Iterator[memoryview]:
        self._left = len(self._field)
        yield memoryview(self._field)
        yield from self.body

    def moved(self, taken: int) -> None:
        """So many bytes were taken, the first of which are the field's."""
        ours = min(self._left, taken)
        self._left -= ours
        self.body.moved(taken - ours)
