"""A Slurm cluster of one node in a temporary folder, with its own configuration and its own munge; nothing of the machine's is touched."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
_SYSTEM: Final = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/sbin"

_CONF: Final = """\
ClusterName=vidup
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=here NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=100 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
"""


class NoCluster(Exception):
    """Why there can be none here."""


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """The cluster, idle and ready, as the environment in which `sbatch` finds it. Raises NoCluster where none starts."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_SYSTEM) is None]
    if missing:
        raise NoCluster(f"{missing[0]} is not installed (Debian: slurm-wlm)")
    if os.getuid() != 0:
        raise NoCluster("slurmd runs jobs as root alone")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="vidup-slurm-")))  # short, for the name of a socket
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "key").write_bytes(b"a key of nobody " * 8)
        (folder / "key").chmod(0o600)
        (folder / "slurm.conf").write_text(_CONF.format(host=socket.gethostname(), folder=folder, ports=_free_ports(2)))
        environ = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _SYSTEM}
        for command in (
            ["munged", "--foreground", *(f"--{name}={folder}/{file}" for name, file in _MUNGE.items())],
            ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", "here"],
        ):  # fmt: skip
            log = undo.enter_context((folder / f"{command[0]}.log").open("wb"))
            undo.callback(_end, subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environ}))
            if command[0] == "munged":
                _wait(lambda: (folder / "munge.sock").exists(), "munged makes no socket")
        _wait(lambda: _state(environ) == "idle", "the node does not become idle")
        yield environ


_MUNGE: Final = {
    "key-file": "key",
    "socket": "munge.sock",
    "pid-file": "munge.pid",
    "log-file": "munged.own.log",
    "seed-file": "munge.seed",
}


def _state(environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["sinfo", "-h", "-o", "%T"], env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=30
    )
    return done.stdout.strip()


def _wait(ready: Callable[[], bool], why: str) -> None:
    until = time.monotonic() + 30
    while not ready():
        if time.monotonic() > until:
            raise NoCluster(why)
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
