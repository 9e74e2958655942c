"""`vidup emulator -v`: what a script did, request by request."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

from tests.conftest import LONG, MIB, Cli


def test_v_shows_a_line_for_each_request(video: Callable[..., Path], vidup: Cli) -> None:
    """On stderr, with status, address, part and size; no key and no token; stdout keeps its one line."""
    server = vidup.start("emulator", "-v", "--fault", "part=2:reset=before")
    assert server.stdout is not None
    where = json.loads(server.stdout.readline())
    done = vidup("upload", video(12 * MIB), "-j", "1", env={"VIDUP_BASE_URL": where["url"], "VIDUP_API_KEY": where["api_key"]})
    server.send_signal(signal.SIGTERM)
    stdout, stderr = server.communicate(timeout=LONG)
    told = [line for line in stderr.splitlines() if not line.startswith(("Serving", "Try"))]
    video_id = done.stdout.strip()
    assert told[:2] == ["200  POST /auth/api-key", "201  POST /videos"]
    assert [line for line in told if "/source" in line] == [
        f"201  POST /videos/{video_id}/source  part 1/2  6.0 MiB",
        f"cut  POST /videos/{video_id}/source  part 2/2",
        f"201  POST /videos/{video_id}/source  part 2/2  6.0 MiB",
    ]
    assert stdout == "" and where["api_key"] not in "\n".join(told) and "earer" not in stderr


def test_without_it_requests_are_not_told(video: Callable[..., Path], vidup: Cli) -> None:
    """A test's log is its own."""
    server = vidup.start("emulator")
    assert server.stdout is not None
    where = json.loads(server.stdout.readline())
    vidup("upload", video(MIB), env={"VIDUP_BASE_URL": where["url"], "VIDUP_API_KEY": where["api_key"]})
    server.send_signal(signal.SIGTERM)
    assert "POST" not in server.communicate(timeout=LONG)[1]


def test_no_line_holds_an_upload_token(vidup: Cli) -> None:
    """Also not that of its deletion, which names it in the address."""
    server = vidup.start("emulator", "-v")
    assert server.stdout is not None
    where = json.loads(server.stdout.readline())
    env = {"VIDUP_BASE_URL": where["url"], "VIDUP_API_KEY": where["api_key"]}
    token = vidup("token", "create", env=env).stdout.strip()
    assert vidup("token", "delete", token, env=env).returncode == 0
    server.send_signal(signal.SIGTERM)
    stderr = server.communicate(timeout=LONG)[1]
    assert token and token not in stderr and "DELETE /upload-tokens/***" in stderr
