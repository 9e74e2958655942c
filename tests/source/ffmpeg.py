"""Tiny real videos, made by ffmpeg where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed, which makes the real files (apt install ffmpeg)")


def make(path: Path, *options: str, size: str = "352x288", seconds: float = 0.4) -> Path:
    """A film of a test card and a tone under this path; `options` come before it. Raises CalledProcessError where ffmpeg cannot."""
    assert FFMPEG is not None
    sources = ["-f", "lavfi", "-i", f"testsrc=d={seconds}:s={size}:r=25", "-f", "lavfi", "-i", f"sine=d={seconds}"]
    subprocess.run(
        [FFMPEG, "-v", "error", "-nostdin", "-y", *sources, *options, str(path)], check=True, timeout=60, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return path
