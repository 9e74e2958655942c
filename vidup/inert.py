"""CORE: text from a server or a file name, made harmless for a terminal, a log and a CI runner that reads commands in logs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Final

_BREAKS: Final = re.compile(r" *[\t\r\n][ \t\r\n]*")
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"  # unseen, separators, bidi
    "\U000e0000-\U000e007f"  # tags: unseen text
    "\ud800-\udfff]"  # what is left of a file name that is not in the file system's encoding
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/ =+,@")
_COMMAND: Final = re.compile(r"^(\s*):(?=:)")
_LOOKED_AT: Final = 8
"""Times the limit. How much of a text is read at most, so that a page of megabytes costs nothing."""


def inert(text: str, limit: int = 300) -> str:
    r"""The text on one line of at most `limit` characters, showing what it would have done (`\x1b`, `\u202e`) instead of doing it.

    Breaks and tabs become a space; `::` at the start and `##[` anywhere, by which GitHub and Azure runners take commands from
    any line of a log, are pulled apart.
    """
    shown = _BREAKS.sub(" ", text[: _LOOKED_AT * limit])
    shown = _UNSAFE.sub(_escape, shown)
    shown = _COMMAND.sub(r"\1: ", shown).replace("##[", "# #[")
    if len(shown) > limit or len(text) > _LOOKED_AT * limit:
        return shown[: limit - 1] + "…"
    return shown


def github_escape(text: str, property: bool = False) -> str:
    """The text as the message of a GitHub workflow command, or as the value of one of its properties (`title=`)."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if property else escaped


def json_line(value: object) -> str:
    """The value as one line of ASCII JSON that any parser takes, and that neither a terminal nor a CI runner takes for a command.

    Strict parsers refuse lone surrogates and numbers that are none: what is left of a file name that is not in the file system's
    encoding becomes U+FFFD, and an infinite number or NaN, which a server may well have told, null.
    """
    finite = json.loads(readable(json.dumps(value, ensure_ascii=False)), parse_constant=lambda _name: None)
    return json.dumps(finite, allow_nan=False).replace("##[", "#\\u0023[")


def readable(text: str) -> str:
    """The text as anybody can read it: what is left of a file name that is not in the file system's encoding becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def file_fields(path: str | None, name: str = "file") -> dict[str, object]:
    """How JSON names a file: `file`, and `file_b64`, its very bytes in base64, where its name is not UTF-8 and `file` only shows it.

    `name` is another one for `file`.
    """
    if path is None or not _SURROGATE.search(path):
        return {name: path}
    from base64 import b64encode

    return {name: path, f"{name}_b64": b64encode(path.encode("utf-8", "surrogateescape")).decode()}


def command_line(words: Iterable[str]) -> str:
    """The shell-quoted command of these words, which can be shown and still be pasted: a word that is not inert becomes $'...'."""
    return " ".join(shlex.quote(word) if inert(word, len(word)) == word else _ansi_c(word) for word in words)


def _ansi_c(word: str) -> str:
    """The word as bash, zsh and POSIX shells since 2024 read it, every byte that is not a plain ASCII character spelled out."""
    data = word.encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in data) + "'"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
