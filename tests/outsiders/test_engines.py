"""The recipes of the README for many machines, as they stand there: run by the engine where it is installed, else read by its rules."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, fill, sha256
from tests.outsiders.cluster import NoCluster, cluster
from vidup.emulator.server import Emulator
from vidup.errors import ExitCode

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
RECIPES = README.partition("### Many machines\n")[2].partition("\n## ")[0]


def command_of(program: str) -> str:
    """The one line of the README that begins with this program."""
    (line,) = re.findall(rf"^{program} .*$", RECIPES, re.MULTILINE)
    return str(line)


def yaml_of(word: str) -> Any:
    """The YAML of the README in which this word stands, read."""
    yaml = pytest.importorskip("yaml")
    (text,) = [block for block in re.findall(r"```yaml\n(.*?)```", RECIPES, re.DOTALL) if word in block]
    return yaml.safe_load(text)


def course(vidup: Cli, count: int) -> dict[str, str]:
    """A folder `course` of so many videos, by their titles."""
    (vidup.cwd / "course" / "week 1").mkdir(parents=True)
    files = [
        fill(vidup.cwd / "course" / ("week 1" if number % 2 else ".") / f"{number:02}.mp4", 1000 + number, number)
        for number in range(count)
    ]
    return {path.stem: sha256(path) for path in files}


def uploaded(emulator: Emulator) -> list[tuple[str, str | None]]:
    return sorted((video.title, emulator.sha256(video_id)) for video_id, video in emulator.videos.items())


@pytest.fixture
def slurm() -> Iterator[dict[str, str]]:
    """The environment of a cluster of our own."""
    with ExitStack() as running:
        try:
            environ = running.enter_context(cluster())
        except NoCluster as reason:
            pytest.skip(str(reason))
        yield environ


@pytest.mark.timeout(240)
def test_a_slurm_array_uploads_each_file_once(slurm: dict[str, str], emulator: Emulator, vidup: Cli) -> None:
    """The recipe as it stands, and again, which sends nothing; then one task of it alone, which is refused instead of taking all files, but
    goes with its number."""
    files = course(vidup, 19)
    program, *words = shlex.split(command_of("sbatch"))
    env = {**vidup.env(emulator), "SLURM_CONF": slurm["SLURM_CONF"]}
    env["PATH"] += f":{slurm['PATH']}"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        more = ["--wait", "--output", "%a.log"]
        return subprocess.run([program, *more, *words], env=env, cwd=vidup.cwd, capture_output=True, text=True, check=False, timeout=200)

    done = run(*words)
    logs = [(vidup.cwd / f"{task}.log").read_text() for task in range(1, 9)]
    assert done.returncode == 0, (done.stderr, logs)
    assert uploaded(emulator) == sorted(files.items())
    told = [re.search(r"shard (\d/8): (\d) of 19 files, list (\w+)", log) for log in logs]
    assert [found and (found[1], int(found[2])) for found in told] == [(f"{task}/8", 3 if task <= 3 else 2) for task in range(1, 9)]
    assert len({found and found[3] for found in told}) == 1
    assert run(*words).returncode == 0
    alone = run("--array=3", *words[1:])
    assert alone.returncode == 2 and "give --shard I/N" in (vidup.cwd / "3.log").read_text()
    (vidup.cwd / "done-3.ndjson").unlink()
    assert len(emulator.videos) == 19
    assert run("--array=3", "--wrap", words[-1].replace("--shard auto", "--shard 3/8")).returncode == 0
    assert len(emulator.videos) == 22


def test_gnu_parallel_runs_again_what_failed_alone(emulator: Emulator, vidup: Cli) -> None:
    """The recipe as it stands, twice: the second time only the file that was refused is sent."""
    if (
        shutil.which("parallel") is None
        or "GNU" not in subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=False).stdout
    ):
        pytest.skip("GNU parallel is not installed (Debian: parallel)")
    files = {path.stem: sha256(path) for path in (fill(vidup.cwd / f"clip {number}.mp4", 1000 + number, number) for number in range(4))}
    (vidup.cwd / "clip 9.mp4").touch()  # empty: exit 3
    env = vidup.env(emulator)

    def run() -> int:
        return subprocess.run(
            ["sh", "-c", command_of("parallel")], env=env, cwd=vidup.cwd, capture_output=True, text=True, check=False, timeout=100
        ).returncode

    assert run() == 1  # as many as failed
    assert uploaded(emulator) == sorted(files.items())
    fill(vidup.cwd / "clip 9.mp4", 2000, 9)
    assert run() == 0
    assert uploaded(emulator) == sorted({**files, "clip 9": sha256(vidup.cwd / "clip 9.mp4")}.items())


def test_the_kubernetes_job_tells_the_exit_codes_apart() -> None:
    """What may go on is begun again, what may not ends its index alone."""
    job = yaml_of("kind: Job")
    spec, (container,) = job["spec"], job["spec"]["template"]["spec"]["containers"]
    assert (job["apiVersion"], spec["completionMode"], spec["template"]["spec"]["restartPolicy"]) == ("batch/v1", "Indexed", "Never")
    rules = {rule["action"]: rule["onExitCodes"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule}
    resumable = sorted(int(code) for code in ExitCode if code.resumable)
    assert (rules["Count"]["operator"], rules["Count"]["values"]) == ("In", resumable)
    assert (rules["FailIndex"]["operator"], rules["FailIndex"]["values"]) == ("NotIn", resumable)
    assert spec["backoffLimitPerIndex"] > 0 and {rule["containerName"] for rule in rules.values()} == {container["name"]}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in spec["template"]["spec"]["volumes"]}


def test_the_pods_of_the_kubernetes_job_upload_each_file_once(emulator: Emulator, vidup: Cli, tmp_path: Path) -> None:
    """Each is run as the kubelet would, with nothing that another left but the volumes; one that is begun again sends nothing twice."""
    spec = yaml_of("kind: Job")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    (total,) = [one["value"] for one in container["env"] if one["name"] == "VIDUP_SHARD_TOTAL"]
    assert total == str(spec["completions"])
    files = course(vidup, 10)
    (tmp_path / "done").mkdir()

    def pod(index: int, attempt: int) -> int:
        env = {"JOB_COMPLETION_INDEX": str(index), "VIDUP_SHARD_TOTAL": total, "VIDUP_STATE_DIR": str(tmp_path / f"pod {index} {attempt}")}
        words = [word.replace("$(JOB_COMPLETION_INDEX)", str(index)).replace("/done/", f"{tmp_path}/done/") for word in container["args"]]
        return vidup(*(str(vidup.cwd / "course") if word == "/course" else word for word in words), emulator=emulator, env=env).returncode

    assert [pod(index, 1) for index in range(spec["completions"])] == [0] * 8
    assert uploaded(emulator) == sorted(files.items())
    assert pod(1, 2) == 0 and len(emulator.videos) == len(files)


def test_the_gitlab_job_takes_its_share(vidup: Cli) -> None:
    """`parallel` sets the two variables that --shard auto reads, from 1."""
    job = yaml_of("parallel: 4")["upload"]
    files = course(vidup, 6)
    words = [
        word
        for word in shlex.split(job["script"].removeprefix("exec vidup upload "))
        if word not in ("--portable", "--manifest", "done.ndjson")
    ]
    told = [
        vidup("plan", *words, env={"CI_NODE_INDEX": str(index), "CI_NODE_TOTAL": str(job["parallel"])})
        for index in range(1, job["parallel"] + 1)
    ]
    assert [int(done.stdout.split()[1]) for done in told] == [2, 2, 1, 1] and len(files) == 6
    assert (sorted(job["retry"]["exit_codes"]), job["cache"]["when"]) == ([10, 75], "always")


def test_the_github_matrix_names_every_shard() -> None:
    """From the first to the last of as many as the command says."""
    job = yaml_of("matrix:")
    (command,) = [step["run"] for step in job["steps"] if "run" in step]
    total = int(re.search(r"\}\}/(\d+)", command)[1])  # type: ignore[index]
    assert job["strategy"]["matrix"]["shard"] == list(range(1, total + 1))
