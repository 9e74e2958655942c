"""EDGE: where an API key comes from: a file or a pipe, the environment, or the file that `vidup login` keeps.

Never an argument, which `ps` and the history would show.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vidup.api.credentials import ApiKey
from vidup.errors import ExitCode, VidupError

VARIABLES: Final = ("VIDUP_API_KEY", "APIVIDEO_API_KEY")
DASHBOARD: Final = "https://dashboard.api.video"


def find_key(key_file: str | None, environ: Mapping[str, str], base_url: str) -> ApiKey:
    """The first key found: --api-key-file (`-` is standard input), VIDUP_API_KEY, APIVIDEO_API_KEY, the one kept for this base URL.

    Raises VidupError(AUTH) if there is none, or none that can be one.
    """
    if key_file is not None:
        return given_key(key_file)
    for variable in VARIABLES:
        if environ.get(variable):
            return _checked(environ[variable], f"the environment variable {variable}")
    kept = kept_key(base_url)
    if kept is None:
        raise VidupError(
            ExitCode.AUTH, "No API key was given",
            advice=f"Run vidup login, set VIDUP_API_KEY to a key from {DASHBOARD}, or use --api-key-file. Without an account: vidup demo",
        )  # fmt: skip
    return kept


def given_key(key_file: str) -> ApiKey:
    """The key in this file, `-` is standard input. Raises VidupError(AUTH) if none can be read there."""
    source = "standard input" if key_file == "-" else f"the file {key_file} (--api-key-file)"
    return _checked(read_secret(key_file, "API key", "--api-key-file"), source)


def typed_key(text: str) -> ApiKey:
    """The key that somebody typed. Raises VidupError(AUTH) if it cannot be one."""
    return _checked(text, "your input")


def kept_key(base_url: str) -> ApiKey | None:
    """The key that `vidup login` keeps for this base URL. Raises VidupError(AUTH) if others can read its file."""
    from vidup.console.config import Homeless

    try:
        path = key_path(base_url)
    except Homeless:
        return None
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            mode, text = os.fstat(file.fileno()).st_mode, file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise VidupError(
            ExitCode.AUTH, f"The key kept in {path} cannot be read", cause=error.strerror or str(error),
            advice=f"Make the file readable for you alone: chmod 600 '{path}'",
        ) from error  # fmt: skip
    if mode & 0o077:
        raise VidupError(
            ExitCode.AUTH, f"Others can read the key kept in {path}", cause=f"its mode is {mode & 0o777:04o}",
            advice=f"If nobody has read it: chmod 600 '{path}'. If in doubt, revoke the key at {DASHBOARD}.",
        )  # fmt: skip
    return _checked(text, f"`vidup login`, which kept it for {base_url}")


def keep_key(base_url: str, key: ApiKey) -> Path:
    """Keep the key for this base URL, readable for the user alone; the file is there whole or not at all. Raises VidupError(FILE)."""
    path = key_path(base_url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        descriptor, beside = tempfile.mkstemp(dir=path.parent)  # made 0600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{key.value}\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def drop_key(base_url: str) -> bool:
    """Remove the key kept for this base URL; whether there was one. Raises VidupError(FILE)."""
    path = key_path(base_url)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cannot_write(path, error) from error
    return True


def key_path(base_url: str) -> Path:
    """Where the key for this base URL is kept, or would be: a readable name, and digits that tell it from any other.

    Raises VidupError(FILE) where the user has no home.
    """
    from vidup.console.config import config_folder

    parts = urlsplit(base_url)
    same = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
    name = re.sub(r"[^a-z0-9.]+", "-", parts.netloc.lower())[:60]
    return config_folder() / "keys" / f"{name}-{hashlib.sha256(same.encode()).hexdigest()[:12]}"


def _cannot_write(path: Path, error: OSError) -> VidupError:
    return VidupError(
        ExitCode.FILE, f"The key file {path} cannot be written", cause=error.strerror or str(error),
        advice="Free or repair the folder; or set VIDUP_API_KEY instead.",
    )  # fmt: skip


def read_secret(file: str, noun: str, option: str) -> str:
    """What stands in this file, `-` is standard input. Raises VidupError(AUTH), which names it by `noun` and `option`."""
    try:
        if file == "-":
            return sys.stdin.read() if sys.stdin is not None else ""
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not text"
        raise VidupError(
            ExitCode.AUTH, f"The {noun} file {file} cannot be read", cause=words or str(error), advice=f"Correct {option}."
        ) from error


def _checked(text: str, source: str) -> ApiKey:
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        wrong = "is empty" if not value else "is not a key: a key is one word of letters and digits"
        raise VidupError(ExitCode.AUTH, f"The API key from {source} {wrong}", advice=f"Copy the key again from {DASHBOARD}.")
    return ApiKey(value, source)
