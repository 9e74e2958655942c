"""CORE: what tells one upload, one content, and one key, from another: short names made by hashing."""

from __future__ import annotations

from functools import cache, lru_cache


def upload_id_for(path: str, base_url: str, requested_id: str, turn: int = 0) -> str:
    """The short, shell-safe name of an upload, from what tells one upload from another and the names that were taken already."""
    return _short(path, base_url, requested_id, *([str(turn)] if turn else []))


def content_mark(fingerprint: str, base_url: str, requested_id: str) -> str:
    """The same for this content on its way to this place, whatever its path."""
    return _short("content", fingerprint, base_url, requested_id)


def file_mark(path: str, size: int, mtime_ns: int, base_url: str) -> str:
    """The same for this file at this server as long as nobody touches it."""
    return _short("file", path, str(size), str(mtime_ns), base_url)


@cache
def key_hash(base_url: str, key: str) -> str:
    """Eight digits that tell whether two runs used the same key, and nothing else about it."""
    import hashlib  # what only looks at the records, as a TAB does, need not load it

    return hashlib.pbkdf2_hmac("sha256", key.encode("utf-8", "surrogateescape"), base_url.encode(), 1000).hex()[:8]


@lru_cache(maxsize=64)
def _short(*words: str) -> str:
    import hashlib

    digest = hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).digest()
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "".join(letters[byte % 32] for byte in digest[:8])
