"""How fast, how small and how frugal vidup is, against curl and the published Python client, on this machine.

Every comparison runs whole processes, with vidup's display on a terminal, against one local sink (in C where a compiler is, else in
Python), all programs once a round in a new order each time. Ratios are taken inside a round, figures are medians. Read the ratios: client
and sink share the machine, so absolute speeds say little. Nothing leaves this machine, and no key is needed.

  python -m tests.bench compare              2 GiB against curl and the published client (--tls, --part-mib, --jobs, --rate)
  python -m tests.bench memory               peak memory by part size, jobs and file size
  python -m tests.bench links [NAME...]      slow lines, --mib, --jobs (wan and loss need root and TUN)
  python -m tests.bench rate                 --limit-rate over windows of ten seconds, at the receiver (--rates, --jobs, --files)
  python -m tests.bench many                 thousands of small files: --files, --kib, --rtt, --jobs
  python -m tests.bench policy               the part size chosen, against the best one, under the limit of uploads a minute (a model)
  python -m tests.bench startup              CPU before --version, --help, a TAB, the first byte to the API
  python -m tests.bench display              what the live display costs
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from .compare import compare
from .display import display
from .links import LINES, links
from .many import many
from .memory import memory
from .policy import policy
from .rate import rate
from .servers import Unavailable
from .startup import startup


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: Callable[[argparse.Namespace, Path], str], rounds: int) -> argparse.ArgumentParser:
        sub = commands.add_parser(name)
        sub.set_defaults(does=does)
        sub.add_argument("--rounds", type=int, default=rounds, help="runs of each variant (%(default)s)")
        sub.add_argument(
            "--patience", type=float, default=20, help="seconds to wait at most for an idle machine before a run (%(default)s)"
        )
        sub.add_argument("--tree", type=Path, help="run vidup from this checkout, not the installed one")
        sub.add_argument("--work", type=Path, help="keep data files and built programs here")
        sub.add_argument("--tls", action="store_true", help="over TLS 1.3")
        sub.add_argument("--python-sink", action="store_true", help="the sink in Python even where a C compiler is")
        return sub

    comparing = command("compare", compare, 5)
    comparing.add_argument("--mib", type=int, default=2048, help="size of the file (%(default)s)")
    comparing.add_argument("--part-mib", type=int, default=64, help="part size of vidup and curl (%(default)s)")
    comparing.add_argument("--jobs", type=int, default=4, help="parts in flight of vidup and curl (%(default)s)")
    comparing.add_argument("--rate", type=float, default=0, help="MB/s that the sink takes from one connection; 0 is unlimited")
    comparing.add_argument("--other-tree", type=Path, help="run vidup from this checkout, too")
    command("memory", memory, 3).add_argument("--mib", type=int, default=1600, help="size of the file (%(default)s)")
    linking = command("links", links, 3)
    linking.add_argument("names", nargs="*", metavar="NAME", help=f"which lines: {', '.join(LINES)} (all)")
    linking.add_argument("--mib", type=int, default=0, help="size of the file (each line has one of its own)")
    linking.add_argument("--jobs", type=int, nargs="+", help="numbers of parts in flight to try (1 2 4 8 16)")
    limiting = command("rate", rate, 1)
    limiting.add_argument("--rates", nargs="+", default=["200KiB", "5MiB", "50MiB"], help="limits to try (%(default)s)")
    limiting.add_argument("--jobs", type=int, nargs="+", default=[1, 4, 8], help="numbers of parts in flight to try (%(default)s)")
    limiting.add_argument("--files", type=int, default=1, help="files at once (%(default)s)")
    limiting.add_argument("--seconds", type=float, default=35, help="length of each upload (%(default)s)")
    crowd = command("many", many, 1)
    crowd.add_argument("--files", type=int, default=2000, help="how many (%(default)s)")
    crowd.add_argument("--kib", type=int, default=200, help="size of each (%(default)s)")
    crowd.add_argument("--rtt", type=float, default=0.02, help="seconds that the sink waits before each answer (%(default)s)")
    crowd.add_argument("--jobs", type=int, default=8, help="parts in flight, beside -j 1 (%(default)s)")
    command("policy", policy, 1)
    command("startup", startup, 20)
    command("display", display, 5)
    return parser


def main() -> None:
    """Run one command and print its tables."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="vidup-bench-") as folder:
        work = options.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        try:
            print(options.does(options, work.absolute()))
        except Unavailable as missing:
            raise SystemExit(f"not on this machine: {missing}") from None


main()
