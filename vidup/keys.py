"""EDGE: where an API key comes from: a file or a pipe, the environment. Never an argument, which `ps` and the history would show."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vidup.errors import ExitCode, VidupError
from vidup.order import ApiKey

VARIABLES: Final = ("VIDUP_API_KEY", "APIVIDEO_API_KEY")
DASHBOARD: Final = "https://dashboard.api.video"


def find_key(key_file: str | None, environ: Mapping[str, str]) -> ApiKey:
    """The first key found: --api-key-file (`-` is standard input), VIDUP_API_KEY, APIVIDEO_API_KEY.

    Raises VidupError(AUTH) if there is none, or none that can be one.
    """
    if key_file is not None:
        source = "standard input (--api-key-file -)" if key_file == "-" else f"the file {key_file} (--api-key-file)"
        return _checked(_read(key_file), source)
    for variable in VARIABLES:
        if environ.get(variable):
            return _checked(environ[variable], f"the environment variable {variable}")
    raise VidupError(
        ExitCode.AUTH, "No API key was given",
        advice=f"Set VIDUP_API_KEY to a key from {DASHBOARD}, or use --api-key-file. Without an account: vidup demo",
    )  # fmt: skip


def _read(key_file: str) -> str:
    try:
        return sys.stdin.read() if key_file == "-" else Path(key_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not text"
        raise VidupError(
            ExitCode.AUTH, f"The API key file {key_file} cannot be read", cause=words or str(error), advice="Correct --api-key-file."
        ) from error


def _checked(text: str, source: str) -> ApiKey:
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        wrong = "is empty" if not value else "is not a key: a key is one word of letters and digits"
        raise VidupError(ExitCode.AUTH, f"The API key from {source} {wrong}", advice=f"Copy the key again from {DASHBOARD}.")
    return ApiKey(value, source)
