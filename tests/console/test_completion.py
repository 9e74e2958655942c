"""TAB in the real shells: what stands on the command line after it, and silence where something is broken."""

from __future__ import annotations

import re
import resource
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.conftest import LONG, MIB, Cli
from vidup.emulator.server import Emulator
from vidup.state.journal import Journal, StateFolder
from vidup.state.record import Checkpoint

ROOT = Path(__file__).parents[2]
FILES = {"bash": "vidup.bash", "zsh": "_vidup", "fish": "vidup.fish"}
CHECK = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}
START = {
    "bash": (["--norc", "--noprofile", "-i"], "PS1='$ '; bind 'set enable-bracketed-paste off'; source {file}"),
    "zsh": (["-f", "-i"], "unsetopt zle_bracketed_paste; autoload -U compinit; compinit -D; PS1='$ '; source {file}"),
    "fish": (["--no-config", "-i"], "set -g fish_autosuggestion_enabled 0; source {file}"),
}
each_shell = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])


def present(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed here")
    return path


@pytest.fixture
def folder(tmp_path: Path, vidup: Cli) -> Path:
    """Files to complete, and a `vidup` that completes as the real one does but only shows the words it is run with."""
    for name in ("my first film.mp4", "one, two.mp4", "plain.mp4"):
        (vidup.cwd / name).touch()
    (vidup.cwd / "sub folder").mkdir()
    (vidup.cwd / "sub folder" / "inner.mp4").touch()
    command = tmp_path / "bin" / "vidup"
    command.parent.mkdir()
    real = f"exec {shlex.quote(sys.executable)} -m vidup"
    command.write_text(f"#!/bin/sh\n[ -n \"$_VIDUP_COMPLETE\" ] && {real}\nprintf 'RAN:'; printf '<%s>' \"$@\"; echo ':END'\n")
    command.chmod(0o755)
    return command.parent


Tab = Callable[[str], str]


@pytest.fixture
def tab(shell: str, folder: Path, vidup: Cli) -> Iterator[Tab]:
    """tab(line): type the line, TAB and Enter into the real shell; what vidup was run with."""
    words, setup = START[shell]
    env = vidup.env(PATH=f"{folder}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", TERM="xterm", LC_ALL="C.UTF-8")
    terminal = pexpect.spawn(present(shell), words, env=env, cwd=str(vidup.cwd), encoding="utf-8", timeout=LONG, dimensions=(40, 160))
    terminal.sendline(setup.format(file=shlex.quote(str(ROOT / "completions" / FILES[shell]))) + '; vidup rea""dy')
    terminal.expect_exact("RAN:<ready>:END")

    def press(line: str) -> str:
        terminal.send(f"{line}\t\r")
        terminal.expect(r"RAN:(.*?):END")
        assert isinstance(terminal.match, re.Match)
        return str(terminal.match[1])

    yield press
    terminal.close(force=True)


@each_shell
def test_the_script_is_one_the_shell_can_read(shell: str) -> None:
    """The shell's own syntax check finds nothing."""
    present(shell)
    done = subprocess.run([*CHECK[shell], str(ROOT / "completions" / FILES[shell])], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_shell
def test_commands_options_and_values(tab: Tab) -> None:
    """Also behind `--option=`, and behind words with `=` and `:` in them."""
    assert tab("vidup res") == "<resume>"
    assert tab("vidup upload --part-s") == "<upload><--part-size>"
    assert tab("vidup upload --progress j") == "<upload><--progress><json>"
    assert tab("vidup upload --progress=j") == "<upload><--progress=json>"
    assert tab("vidup upload --title=x --base-url http://127.0.0.1:80 -m a=b --colo") == (
        "<upload><--title=x><--base-url><http://127.0.0.1:80><-m><a=b><--color>"
    )
    assert tab("vidup completion zs") == "<completion><zsh>"


@each_shell
def test_file_names(tab: Tab) -> None:
    """With spaces and commas, in folders, as a value, and behind words that bash takes apart."""
    assert tab("vidup upload pl") == "<upload><plain.mp4>"
    assert tab("vidup upload my") == "<upload><my first film.mp4>"
    assert tab("vidup upload my\\ first\\ f") == "<upload><my first film.mp4>"
    assert tab("vidup upload on") == "<upload><one, two.mp4>"
    assert tab("vidup upload 'sub folder/i") == "<upload><sub folder/inner.mp4>"
    assert tab("vidup upload sub\\ folder/") == "<upload><sub folder/inner.mp4>"
    assert (
        tab("vidup upload --title=x --base-url http://127.0.0.1:80 pl") == "<upload><--title=x><--base-url><http://127.0.0.1:80><plain.mp4>"
    )
    assert tab("vidup upload plain.mp4 --title x pl") == "<upload><plain.mp4><--title><x><plain.mp4>"
    assert tab("vidup plan --from-file pl") == "<plan><--from-file><plain.mp4>"
    assert tab("vidup upload --api-key-file=pl") == "<upload><--api-key-file=plain.mp4>"
    assert tab("vidup upload --state-dir=su") in ("<upload><--state-dir=sub folder/>", "<upload><--state-dir=sub folder>")


@pytest.fixture
def interrupted(vidup: Cli) -> str:
    """The id of an upload of two parts of which one is done, as the state folder remembers it."""
    folder = StateFolder(vidup.state)
    folder.prepare()
    known = Checkpoint(
        upload_id="k3f9abcd", path="/films/my, film.mp4", size=12 * MIB, mtime_ns=1, fingerprint="1:0", base_url="http://127.0.0.1:9", video_id="viNone",
        total_parts=2, created=True, vouched=True, requested_id="", key_hash="0", options={}, began=0.0,
    )  # fmt: skip
    with closing(Journal.create(folder, known)) as journal:
        journal.confirm(1)
    return known.upload_id


@each_shell
def test_upload_ids(interrupted: str, tab: Tab) -> None:
    """From the state folder, wherever one is to be named."""
    assert tab(f"vidup resume {interrupted[:3]}") == f"<resume><{interrupted}>"
    assert tab("vidup forget ") == f"<forget><{interrupted}>"
    assert tab("vidup resume pl") == "<resume><plain.mp4>"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_upload_ids_come_with_their_file(shell: str, interrupted: str, vidup: Cli) -> None:
    """In the shells that show help beside a value: the path, commas included, and how far it is."""
    shown = complete(vidup, shell, "vidup resume ")
    assert interrupted in shown
    assert "my, film.mp4 (1/2 parts)" in shown


def complete(vidup: Cli, shell: str, line: str, **env: str) -> str:
    """What vidup tells the shell for this line; nothing may be said beside it."""
    done = vidup(env={"_VIDUP_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, **env})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@each_shell
def test_silence_in_any_state(shell: str, vidup: Cli, nobodys_home: Path, emulator: Emulator) -> None:
    """Broken records, settings and command lines: no traceback, no word, no request."""
    config = nobodys_home / "xdg_config_home" / "vidup" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("= not toml")
    vidup.state.mkdir()
    (vidup.state / "broken.jsonl").write_bytes(b"\xff\x00{")
    (vidup.state / "folder.jsonl").mkdir()
    where = {"VIDUP_BASE_URL": emulator.url, "VIDUP_API_KEY": emulator.api_key}
    assert complete(vidup, shell, "vidup forget ", **where) == ""
    assert complete(vidup, shell, "vidup forget ", VIDUP_STATE_DIR="/proc/self/mem", **where) == ""
    assert "upload" in complete(vidup, shell, "vidup upl", VIDUP_PART_SIZE="nonsense", VIDUP_JOBS="x")
    assert complete(vidup, shell, 'vidup nonsense "unclosed') == ""
    complete(vidup, shell, "")
    assert emulator.requests == []


def test_tab_loads_nothing_heavy(vidup: Cli, interrupted: str) -> None:
    """Neither HTTP nor the terminal library, whose imports alone would take longer than a TAB may."""
    program = "import sys, vidup.cli as cli\ntry: cli.main()\nfinally: print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    env = vidup.env(_VIDUP_COMPLETE="bash_complete", COMP_WORDS="vidup resume ")
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert interrupted in done.stdout
    assert not {"requests", "urllib3", "rich", "tenacity", "ssl", "subprocess", "random"} & set(eval(done.stderr))


def cpu(command: list[str], env: dict[str, str]) -> float:
    """Seconds of processor time of the quickest of five runs: what else the machine does should not count."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=env, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(5))


def test_tab_is_quick(vidup: Cli, interrupted: str) -> None:
    """A TAB costs little more than starting Python and loading Click does: at most as much again."""
    env = vidup.env(_VIDUP_COMPLETE="bash_complete", COMP_WORDS="vidup resume ")
    assert cpu(vidup.command(), env) < 2.5 * cpu([sys.executable, "-c", "import click"], env)


def test_the_wheel_installs_the_scripts(tmp_path: Path) -> None:
    """Each where its shell looks for it below a prefix, and the man page where man does."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named" in built.stderr:
        pytest.skip("hatchling is not installed here: it comes with the build, not with the tests")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shared = {name.partition("/data/")[2]: archive.read(name) for name in archive.namelist() if "/data/" in name}
    places = {
        "share/bash-completion/completions/vidup": "vidup.bash",
        "share/zsh/site-functions/_vidup": "_vidup",
        "share/fish/vendor_completions.d/vidup.fish": "vidup.fish",
        "share/man/man1/vidup.1": "vidup.1",
    }
    assert shared == {place: (ROOT / "completions" / name).read_bytes() for place, name in places.items()}
