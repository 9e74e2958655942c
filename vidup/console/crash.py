"""DOOR: a fault of vidup itself, as one sentence and a private file that holds its traceback and no secret."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import traceback
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from vidup.console.keys import VARIABLES
from vidup.console.options import environment, state_folder
from vidup.console.tokens import VARIABLE
from vidup.errors import ExitCode, VidupError


def write_crash(error: BaseException, folder: Path, secrets: Iterable[str] = ()) -> str | None:
    """Write the traceback of a fault of ours to a private file here, or else in the temporary folder; its path, or None."""
    text = "".join(traceback.format_exception(error))
    for secret in filter(None, secrets):
        text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
    text = re.sub(r"(?i)(bearer|basic) +[^\s'\"]+", r"\1 ***", text)
    for place in (folder, Path(tempfile.gettempdir())):
        path = place / f"crash-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return str(path)
    return None


def crash_error(error: BaseException, folder: Path, secrets: Iterable[str] = ()) -> VidupError:
    """A fault of vidup itself as one sentence that says where its traceback is."""
    what, path = f"vidup itself failed ({type(error).__name__})", write_crash(error, folder, secrets)
    if path is None:
        return VidupError(ExitCode.INTERNAL, what, cause="the traceback could not be written anywhere", advice="Please report it.")
    return VidupError(
        ExitCode.INTERNAL, what, cause=f"the traceback is in {path}", advice="Please report it with that file; it holds no key."
    )


def stray_fault(error: Exception) -> VidupError:
    """A fault of vidup outside of any upload, as `crash_error` tells it."""
    given = environment().get("VIDUP_STATE_DIR")
    try:
        folder = state_folder(Path(given) if given else None)
    except (VidupError, OSError):  # the user has no home, or the current folder is gone
        folder = Path(tempfile.gettempdir())
    return crash_error(error, folder, [environment().get(name, "") for name in (*VARIABLES, VARIABLE)])
