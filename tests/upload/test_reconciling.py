"""Servers that lag, contradict themselves, or serve two masters: the status decides, nothing is mixed, and nobody loops."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MIB
from tests.upload.runs import run_upload
from vidup.api.credentials import ApiKey
from vidup.console.summary import failure_lines
from vidup.upload.order import Order
from vidup.upload.outcome import Report

DOCS = "https://docs.api.video/reference/"


@dataclass
class Script:
    """A server in a few lines: what each status call tells, one after the other (the last stays), and how parts are answered."""

    ledgers: list[dict[str, Any]]
    refuse: str = ""
    posts: list[int] = field(default_factory=list)
    asked: int = 0

    def status(self) -> dict[str, Any]:
        ledger = self.ledgers[min(self.asked, len(self.ledgers) - 1)]
        self.asked += 1
        return {"ingest": ledger}


def ledger(state: str = "uploading", parts: list[int] | None = None, total: int | None = None, **more: Any) -> dict[str, Any]:
    return {"status": state, "filesize": None, "receivedParts": {"parts": parts or [], "total": total}, **more}


@contextmanager
def serving(script: Script) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer(200, script.status() if self.path.endswith("/status") else {"videoId": "vi1"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            part = re.match(r"part (\d+)/", self.headers.get("Content-Range", ""))
            if part is not None:
                script.posts.append(int(part[1]))
            if part is not None and script.refuse:
                self.answer(400, {"type": DOCS + script.refuse, "title": "no", "status": 400})
            else:
                self.answer(201, {"videoId": "vi1", "access_token": "token", "expires_in": 3600})

        def log_message(self, format: str, *args: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def run(tmp_path: Path, video: Callable[..., Path]) -> Callable[..., Report]:
    path = video(12 * MIB)

    def upload(script: Script, again: Script | None = None, **more: Any) -> Report:
        """One run against this script; with `again`, a second run against that one, at the same address."""
        with serving(script) as url:
            order = Order(
                path=str(path), base_url=url, key=ApiKey("key1", "the test"), state_dir=tmp_path / "state",
                part_size=5 * MIB, **more,
            )  # fmt: skip
            report = run_upload(order)
            if again is not None:
                script.ledgers, script.refuse, script.asked, script.posts = again.ledgers, again.refuse, 0, again.posts
                report = run_upload(order)
            return report

    return upload


@pytest.mark.parametrize(
    ("refusal", "total"), [("video-source-already-uploaded", None), ("video-content-range-by-part-different-total-parts", 7)]
)
def test_another_clients_video_is_never_called_ours(refusal: str, total: int | None, run: Callable[..., Report]) -> None:
    """A named container that was empty, refuses every part, and is then complete: the server never took a byte from us."""
    script = Script([ledger(), ledger("uploaded", total=total)], refuse=refusal)
    report = run(script, video_id="vi1")
    assert (report.status, int(report.exit_code)) == ("failed", 6)


@pytest.mark.parametrize(
    ("last", "what"),
    [
        (ledger("uploaded", filesize=99), "The server holds 99 bytes"),
        (ledger(parts=[1, 50], total=60), "The parts on the server cannot be parts of this file"),
    ],
)
def test_nothing_is_called_safe_where_the_server_holds_another_file(last: dict[str, Any], what: str, run: Callable[..., Report]) -> None:
    """Every part was taken, but what became of them is not this file."""
    report = run(Script([ledger(), last]))
    assert (report.parts_done, int(report.exit_code)) == (2, 6)
    text = "\n".join(failure_lines(report))
    assert what in text
    assert "are safe" not in text


def test_a_status_that_lags_behind_the_answers_is_polled_and_nothing_is_sent_again(run: Callable[..., Report]) -> None:
    """Every part was answered 201; that the list is empty for a while does not make them lost."""
    script = Script([ledger(), ledger(), ledger(), ledger("uploaded")])
    report = run(script)
    assert report.status == "uploaded"
    assert sorted(script.posts) == [1, 2]


def test_a_server_that_is_busy_with_the_whole_gets_no_parts_again(run: Callable[..., Report]) -> None:
    """A rerun that finds the video merging waits for it, whatever its list of parts says meanwhile."""
    first = Script([ledger()], refuse="uploaded-file-invalid-file")
    again = Script([ledger("merging"), ledger("merging"), ledger("uploaded")])
    assert run(first, again).status == "uploaded"
    assert again.posts == []


def test_parts_beyond_the_plan_put_the_plan_in_question(run: Callable[..., Report]) -> None:
    """A list that names part 50 of 2 is of another split: a refusal, not a crash."""
    script = Script([ledger(parts=[50])], refuse="video-content-range-by-part-part-already-sent")
    report = run(script)
    assert (report.status, int(report.exit_code)) == ("failed", 6)


def test_a_complete_video_is_ours_also_when_its_bytes_are_listed(run: Callable[..., Report]) -> None:
    """Complete, our container, our size: `receivedBytes` beside it is no reason to doubt."""
    whole = ledger("ingested", receivedBytes=[{"from": 0, "to": 12 * MIB - 1, "total": 12 * MIB}])
    assert run(Script([whole])).status == "uploaded"


def test_the_ids_of_moved_files_are_not_given_away(
    emulate: Callable[..., Any], video: Callable[..., Path], vidup: Any, tmp_path: Path
) -> None:
    """A file moves and is interrupted again; another file at its old place is another upload, and neither record is lost."""
    emulator = emulate(faults=["part=2,times=*:error=uploaded-file-invalid-file"])
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    words = ("--part-size", "5MiB", "-j", "1")
    path = video(12 * MIB).rename(tmp_path / "a" / "m.mp4")
    vidup("upload", path, *words, emulator=emulator)
    moved = path.rename(tmp_path / "b" / "m.mp4")
    vidup("upload", moved, *words, emulator=emulator)
    video(12 * MIB, seed=2).rename(path)
    other = vidup("upload", path, *words, emulator=emulator)
    assert "changed" not in other.stderr
    rows = json.loads(vidup("list", "--json").stdout)
    assert {row["file"] for row in rows} == {str(path), str(moved)}
    assert len({row["upload_id"] for row in rows}) == 2
