"""Signals at awkward moments, and a stderr that takes nothing: the process always ends, by the right means, with one object a file."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import LONG, MIB, Cli, Gate, bodies_out, heard_until, patient
from vidup.console.session import code_of
from vidup.console.totals import Totals
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode, VidupError
from vidup.upload.outcome import Report, combined

Emulate = Callable[..., Emulator]
Video = Callable[..., Path]

AT_IMPORT = """
import importlib.abc, os, sys
class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Watch())
"""

AFTER_THE_RESULT = """
import os
import vidup.state.journal
def forget(*_):
    {action}
vidup.state.journal.StateFolder.forget = forget
"""


@pytest.fixture
def injected(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """The environment in which Python runs this code before vidup begins."""

    def environment(code: str) -> dict[str, str]:
        folder = tmp_path / "injected"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(code)
        return {"PYTHONPATH": str(folder)}

    return environment


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that is full and that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(writer, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def two_begun(emulator: Emulator, video: Video, vidup: Cli) -> Emulator:
    """An emulator, and two uploads to it that were refused at their first part and can be resumed."""
    emulator.add_fault("part=*,times=2:error=uploaded-file-invalid-file")
    for seed in (1, 2):
        done = vidup("upload", video(12 * MIB, f"{seed}.mp4", seed), "--part-size", "5MiB", "-j", "1", emulator=emulator)
        assert done.returncode == 6
    return emulator


@pytest.mark.parametrize("words", [(), ("-vv",), ("--progress", "json")])
def test_a_stderr_that_nobody_reads(words: tuple[str, ...], full_pipe: int, emulator: Emulator, video: Video, vidup: Cli) -> None:
    """The upload ends well, and so does the process."""
    process = vidup.start("upload", video(12 * MIB), "--json", *words, emulator=emulator, stderr=full_pipe)
    stdout, _ = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(stdout)["status"]) == (0, "uploaded")


def test_a_signal_while_nobody_reads_stderr(full_pipe: int, emulate: Emulate, video: Video, vidup: Cli) -> None:
    """The object is printed, and the process ends by the signal."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    process = vidup.start("upload", video(40 * MIB), "--json", emulator=emulator, stderr=full_pipe)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > MIB, LONG)
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(stdout)["status"]) == (-signal.SIGTERM, "interrupted")


def test_several_uploads_to_a_stderr_that_nobody_reads(full_pipe: int, two_begun: Emulator, vidup: Cli) -> None:
    """Neither does the second one wait for it."""
    process = vidup.start("resume", "--all", "--json", "-v", emulator=two_begun, stderr=full_pipe)
    stdout, _ = process.communicate(timeout=LONG)
    assert (process.returncode, [json.loads(line)["status"] for line in stdout.splitlines()]) == (0, ["uploaded", "uploaded"])


@pytest.mark.parametrize("progress", ["tty", "json"])
def test_the_second_signal_ends_at_once_on_a_terminal_that_takes_nothing(
    progress: str, emulate: Emulate, video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """After Ctrl-S, or behind an ssh that hangs, there is no line to leave for the prompt, and nothing to wait for."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=600"])
    ours, theirs = os.openpty()
    command = ("upload", video(12 * MIB), "--part-size", "5MiB", "--progress", progress)
    with vidup.start(*command, emulator=emulator, stderr=theirs, env={"TERM": "xterm", **patient(tmp_path / "out")}) as process:
        try:
            assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 2, LONG)
            process.send_signal(signal.SIGTERM)
            shown = b""
            while b"again to quit at once" not in shown:
                shown += os.read(ours, 4096)
            termios.tcflow(theirs, termios.TCOOFF)  # what Ctrl-S does
            process.send_signal(signal.SIGTERM)
            assert process.wait(LONG) == -signal.SIGTERM  # the first alone would wait for answers, and then for the terminal
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)


def stopped_twice(vidup: Cli, emulator: Emulator, *words: str | Path, env: dict[str, str] | None = None) -> tuple[str, str]:
    """Stdout and stderr of a command that was told twice to stop while it waited for two answers; it ends by the first signal."""
    out = vidup.cwd.with_name("out")
    process = vidup.start(*words, emulator=emulator, env=(env or {}) | patient(out))
    assert emulator.wait_until(lambda: bodies_out(out) == 2, LONG)
    process.send_signal(signal.SIGINT)
    heard = heard_until(process, "Continue with")  # also told at once
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=LONG)  # the first alone waits for the answers
    assert process.returncode == -signal.SIGINT
    return stdout, heard + stderr


def test_the_second_signal_still_says_everything(emulate: Emulate, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """The object, the words and the command, and the output of a job: what a person or a program needs to go on."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=600"])
    env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output")}
    stdout, stderr = stopped_twice(vidup, emulator, "upload", video(12 * MIB), "--json", "--part-size", "5MiB", env=env)
    report = json.loads(stdout)
    command = f"vidup resume {report['upload_id']}"
    assert (report["status"], report["exit_code"], report["resumable"], report["resume_command"]) == ("interrupted", 130, True, command)
    first, second, *rest = [line[9:] for line in stderr.splitlines() if line[9:].startswith(("warning:", "→"))]
    assert (first, second) == ("warning: Stopping, up to 5 s for 2 answers (again to quit at once)", f"→ Continue with: {command}")
    assert rest == ["warning: Interrupted: movie.mp4 is not uploaded yet.", f"→ Continue with: {command}"]
    assert "resumable<<" in (tmp_path / "output").read_text() and "\ntrue\n" in (tmp_path / "output").read_text()


def test_the_second_signal_ends_the_events_with_an_exit(emulate: Emulate, video: Video, vidup: Cli) -> None:
    """One result, one exit, which is the last."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=600"])
    _, stderr = stopped_twice(vidup, emulator, "upload", video(12 * MIB), "--part-size", "5MiB", "--progress", "json")
    events = [json.loads(line) for line in stderr.splitlines()]
    assert [event["type"] for event in events if event["type"] in ("result", "exit")] == ["result", "exit"]
    last = events[-1]
    assert (last["type"], last["code"], last["kind"], last["message"], last["resumable"]) == ("exit", 130, "sigint", "interrupted", True)


def test_the_second_signal_leaves_an_object_for_every_file(two_begun: Emulator, vidup: Cli) -> None:
    """In the order given, however far each of them is."""
    two_begun.add_fault("part=*,times=*:stall-answer=600")
    stdout, _ = stopped_twice(vidup, two_begun, "resume", "--all", "--json", "-j", "2")
    reports = [json.loads(line) for line in stdout.splitlines()]
    assert [report["exit_code"] for report in reports] == [130, 130]
    assert [report["resume_command"] for report in reports] == [f"vidup resume {report['upload_id']} --jobs 2" for report in reports]


def test_the_second_signal_waits_for_no_reader(full_pipe: int, emulate: Emulate, video: Video, vidup: Cli, tmp_path: Path) -> None:
    """Stderr takes nothing: the object is on stdout all the same, and the end comes at once."""
    emulator = emulate(faults=["part=*,times=*:stall-answer=600"])
    words = ("upload", video(12 * MIB), "--part-size", "5MiB", "--json")
    process = vidup.start(*words, emulator=emulator, stderr=full_pipe, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 2, LONG)
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    stdout, _ = process.communicate(timeout=LONG)
    assert (process.returncode, json.loads(stdout)["status"]) == (-signal.SIGINT, "interrupted")


WHILE_PRINTING = """
import os
import vidup.console.results as results
printed = results.print_result
def print_result(report, *more):
    {before}
    out = printed(report, *more)
    {after}
    return out
results.print_result = print_result
"""


@pytest.mark.parametrize("progress", ["plain", "json"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_second_signal_while_the_end_is_told_tells_nothing_twice(
    moment: str, progress: str, emulate: Emulate, video: Video, vidup: Cli, injected: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """Nor does anything stay untold: one object, the words once, one row for the job; or one result and one exit."""
    emulator = emulate(faults=["part=*,times=*:slow=1M"])
    acts = {"before": "None", "after": "None", moment: "os.kill(os.getpid(), 15)"}
    job = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    env = injected(WHILE_PRINTING.format(**acts)) | job
    process = vidup.start("upload", video(40 * MIB), "--json", "--progress", progress, emulator=emulator, env=env)
    assert emulator.wait_until(lambda: emulator.payload_bytes() > MIB, LONG)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG)
    assert (process.returncode, [json.loads(line)["exit_code"] for line in stdout.splitlines()]) == (-signal.SIGINT, [130]), stderr
    assert (tmp_path / "summary").read_text().count("interrupted") == 1
    if progress == "plain":
        assert stderr.count("Interrupted: movie.mp4 is not uploaded yet.") == 1
    else:
        types = [json.loads(line)["type"] for line in stderr.splitlines()]
        assert [type_ for type_ in types if type_ in ("result", "exit")] == ["result", "exit"]


def test_what_the_second_signal_says_are_the_numbers_of_its_moment(
    emulator: Emulator, gate: Gate, video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """A part that was confirmed since the first signal counts, in the object as in the words."""
    gate.hold(lambda record: record.part)
    words = ("upload", video(12 * MIB), "--json", "--progress", "json", "--part-size", "5MiB")
    process = vidup.start(*words, emulator=emulator, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 2, LONG)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while json.loads(process.stderr.readline())["type"] != "note":  # of the first signal
        pass
    gate.hold(lambda record: record.part == 2)
    while (event := json.loads(process.stderr.readline()), event["type"], event.get("state"))[1:] != ("part", "done"):
        pass
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG)
    (result,) = [event for event in map(json.loads, stderr.splitlines()) if event["type"] == "result"]
    assert (json.loads(stdout)["parts_sent"], result["parts_sent"], process.returncode) == (1, 1, -signal.SIGINT)


def test_a_signal_that_leaves_nothing_undone_changes_nothing(
    emulator: Emulator, gate: Gate, video: Video, vidup: Cli, tmp_path: Path
) -> None:
    """Every answer comes within the grace and the server has the whole: that is told, and 0 is the end."""
    gate.hold(lambda record: record.part)
    words = ("upload", video(12 * MIB), "--json", "--part-size", "5MiB")
    process = vidup.start(*words, emulator=emulator, env=patient(tmp_path / "out"))
    assert emulator.wait_until(lambda: bodies_out(tmp_path / "out") == 2, LONG)
    process.send_signal(signal.SIGTERM)
    heard = heard_until(process, "Stopping")
    gate.open()
    stdout, stderr = process.communicate(timeout=LONG)
    stderr = heard + stderr
    report = json.loads(stdout)
    assert (process.returncode, report["status"], report["exit_code"], report["resumable"]) == (0, "uploaded", 0, False)
    assert "for 2 answers (again to quit at once)" in stderr and "Uploaded movie.mp4" in stderr and "Interrupted" not in stderr
    assert emulator.videos[report["video_id"]].complete and not list(vidup.state.glob("*.json"))


def test_a_stdout_that_takes_nothing_keeps_nobody_from_the_summary(full_pipe: int, emulator: Emulator, video: Video, vidup: Cli) -> None:
    """It is shown before the id is written where that may wait for ever."""
    process = vidup.start("upload", video(6 * MIB), emulator=emulator, stdout=full_pipe)
    try:
        assert process.stderr is not None
        shown = b""
        while b"Uploaded movie.mp4" not in shown:
            ready, _, _ = select.select([process.stderr], [], [], LONG)
            assert ready, shown
            shown += os.read(process.stderr.fileno(), 4096)
        assert process.poll() is None  # it still waits for whoever is to read the id
    finally:
        process.kill()
        process.communicate()


def test_a_look_that_is_asked_for_before_there_is_a_view_is_not_forgotten(
    emulator: Emulator, video: Video, vidup: Cli, injected: Callable[[str], dict[str, str]]
) -> None:
    """SIGUSR1 a moment too early is answered a moment later."""
    code = "import os, vidup.progress.views as views\nopened = views.open_view\n"
    code += "def open_view(*words):\n    os.kill(os.getpid(), 10)\n    return opened(*words)\nviews.open_view = open_view\n"
    done = vidup("upload", video(6 * MIB), emulator=emulator, env=injected(code))
    assert (done.returncode, done.stderr.count("nothing is being sent now")) == (0, 1)


def test_where_nothing_was_sent_no_wait_is_promised(emulate: Emulate, video: Video, vidup: Cli) -> None:
    """There are no answers to wait for while the key is checked; the same command goes on."""
    emulator = emulate(answer_delay=600)
    process = vidup.start("upload", video(6 * MIB), emulator=emulator)
    assert emulator.wait_until(lambda: emulator.connections, LONG)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=LONG)
    assert "Stopping (again to quit at once)" in stderr and " 5 s" not in stderr


@pytest.mark.parametrize("fault", ["part=*,times=*:slow=1M", "part=1:error=uploaded-file-invalid-file"])
def test_a_signal_stops_the_whole_of_resume_all(fault: str, two_begun: Emulator, gate: Gate, vidup: Cli) -> None:
    """However the running one ends: no other begins, each has its object, and the process ends by the signal."""
    created = len(two_begun.requests)
    payload = two_begun.payload_bytes()
    two_begun.add_fault(fault)
    gate.hold(lambda record: record.part)
    process = vidup.start("resume", "--all", "--json", "--retry-for", "2000000", "-j", "1", emulator=two_begun)
    assert two_begun.wait_until(lambda: two_begun.payload_bytes() > payload + MIB, LONG)
    process.send_signal(signal.SIGINT)
    heard_until(process, "Stopping")
    gate.open()
    stdout, stderr = process.communicate(timeout=LONG)
    assert process.returncode == -signal.SIGINT, stderr
    first, second = map(json.loads, stdout.splitlines())
    assert first["status"] in ("interrupted", "failed")
    assert (second["status"], second["resumable"], second["exit_code"], second["total_parts"]) == ("interrupted", True, 130, 2)
    assert first["video_id"] != second["video_id"] and second["video_id"] in two_begun.videos
    assert not any(second["video_id"] in request.path for request in two_begun.requests[created:])
    assert second["resume_command"] == f"vidup resume {second['upload_id']} --jobs 1 --retry-for 2000000"
    two_begun.clear_faults()
    assert vidup(*shlex.split(second["resume_command"])[1:], emulator=two_begun).returncode == 0


def test_the_events_of_several_end_with_one_exit(two_begun: Emulator, vidup: Cli) -> None:
    """A program that reads up to `exit` reads them all, and finds there the code of the process."""
    two_begun.add_fault("part=1:error=uploaded-file-invalid-file")
    done = vidup("resume", "--all", "--progress", "json", emulator=two_begun)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert sorted(event["status"] for event in events if event["type"] == "result") == ["failed", "uploaded"]
    assert [event["type"] for event in events].count("exit") == 1
    last = events[-1]
    assert (last["type"], last["code"], last["kind"], last["resumable"]) == ("exit", done.returncode, "rejected", True)
    assert (done.returncode, last["message"]) == (6, "1 of 2 uploads are complete")


def test_a_signal_that_left_anything_undone_beats_all() -> None:
    """One failure keeps its code, of several the signal stands in `exit` as the process ends by it; what is complete is complete."""
    good, bad = (
        Report("uploaded", "a", ExitCode.OK),
        Report("failed", "b", ExitCode.REJECTED, error=VidupError(ExitCode.REJECTED, "it was refused")),
    )
    stopped = Report("interrupted", "c", ExitCode.SIGTERM)
    assert [code_of(one, signal.SIGTERM) for one in (good, bad, stopped)] == [ExitCode.OK, ExitCode.REJECTED, ExitCode.SIGTERM]
    assert [of_two(good, one, ExitCode.SIGTERM) for one in (good, bad, stopped)] == [ExitCode.OK, ExitCode.SIGTERM, ExitCode.SIGTERM]
    assert of_two(good, bad, None) is ExitCode.REJECTED


def of_two(one: Report, other: Report, received: ExitCode | None) -> ExitCode:
    totals = Totals(2)
    totals.add(0, one)
    totals.add(1, other)
    return totals.code(received)


def test_the_exit_code_of_several() -> None:
    """One keeps its own; several are 75 only if every failure is resumable, else the first permanent code."""
    ok, busy, again, rejected, auth = ExitCode.OK, ExitCode.BUSY, ExitCode.AGAIN, ExitCode.REJECTED, ExitCode.AUTH
    assert [combined([code]) for code in (ok, busy, rejected)] == [ok, busy, rejected]
    assert [combined([ok, ok]), combined([ok, busy]), combined([busy, again])] == [ok, again, again]
    assert [combined([ok, rejected]), combined([again, rejected, auth])] == [rejected, rejected]
    assert combined([]) == ok


def test_ctrl_c_before_vidup_is_loaded(injected: Callable[[str], dict[str, str]], vidup: Cli) -> None:
    """No traceback: the process just ends by it."""
    done = vidup("--version", env=injected(AT_IMPORT.format(module="click", number=int(signal.SIGINT))))
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_sigusr1_before_vidup_is_loaded(injected: Callable[[str], dict[str, str]], vidup: Cli) -> None:
    """It asks for nothing yet, and ends nothing."""
    done = vidup("--version", env=injected(AT_IMPORT.format(module="click", number=int(signal.SIGUSR1))))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_library_leaves_signals_alone() -> None:
    """Only the command takes them; importing vidup in a program does not."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    code = "import signal, vidup.cli, vidup.upload.upload; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert before == {number: signal.getsignal(number) for number in before}


def test_a_signal_after_the_result(emulator: Emulator, video: Video, vidup: Cli, injected: Callable[[str], dict[str, str]]) -> None:
    """What is out is out: 0 stays 0."""
    action = "[os.kill(os.getpid(), number) for number in (2, 2, 15, 1)]"
    done = vidup("upload", "--json", video(6 * MIB), emulator=emulator, env=injected(AFTER_THE_RESULT.format(action=action)))
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "uploaded")
    assert "Stopping" not in done.stderr


def test_a_fault_after_the_result(emulator: Emulator, video: Video, vidup: Cli, injected: Callable[[str], dict[str, str]]) -> None:
    """One object all the same, whose exit code holds; the fault is told on stderr and kept in a file."""
    env = injected(AFTER_THE_RESULT.format(action="raise RuntimeError"))
    done = vidup("upload", "--json", video(6 * MIB), emulator=emulator, env=env)
    (line,) = done.stdout.splitlines()
    assert (done.returncode, json.loads(line)["status"]) == (0, "uploaded")
    (crash,) = vidup.state.glob("crash-*.txt")
    assert str(crash) in done.stderr


def test_a_key_on_standard_input_serves_every_upload(two_begun: Emulator, vidup: Cli) -> None:
    """It can be read only once."""
    done = vidup("resume", "--all", "--api-key-file", "-", "--json", stdin=two_begun.api_key + "\n")
    assert (done.returncode, [json.loads(line)["status"] for line in done.stdout.splitlines()]) == (0, ["uploaded", "uploaded"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root lists every folder")
def test_a_state_folder_that_cannot_be_listed_is_no_wrong_usage(video: Video, vidup: Cli) -> None:
    """3, as any state folder that is of no use."""
    vidup.state.mkdir(mode=0)
    assert vidup("upload", video(10), env={"VIDUP_API_KEY": "key1", "VIDUP_BASE_URL": "http://127.0.0.1:9"}).returncode == 3
