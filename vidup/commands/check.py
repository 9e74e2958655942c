"""`vidup check`: look at everything that an upload depends on, a line each."""

from __future__ import annotations

from pathlib import Path

import click

from vidup.console.help import Command
from vidup.console.options import environment, resolve_base_url, state_folder, state_option, where_options
from vidup.errors import ExitCode


@click.command(cls=Command)
@where_options
@state_option
def check(sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, state_dir: Path | None) -> int:
    """Check key, proxy, certificates, clock and state folder, and say what to do about each that is wrong.

    \b
    Examples:
      vidup check
      vidup check --sandbox

    The exit code is that of the first problem: 4 for the key, 7 for trust, 75 for the network, 3 for the state folder.
    """
    from vidup.console.answering import say, teller
    from vidup.console.checkup import Subject, check_up
    from vidup.inert import inert

    subject = Subject(resolve_base_url(sandbox, base_url, allow_http), api_key_file, state_folder(state_dir), environment())
    code = ExitCode.OK
    for finding in check_up(subject, teller()):
        advice = f" → {finding.advice}" if finding.advice else ""
        say([f"{finding.mark:<4}  {finding.name:<7}  {inert(finding.words + advice, 1000)}"])
        code = code or finding.code
    return code
