"""`vidup check`: look at everything that an upload depends on, a line each."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Literal

import click

from vidup.console.help import Command
from vidup.console.options import color_option, environment, resolve_base_url, state_folder, state_option, where_options
from vidup.console.settings import FileDefaults
from vidup.errors import ExitCode, VidupError


@click.command(cls=Command)
@where_options
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one array on stdout, an object a line: name, mark, words, advice, exit_code.")
@color_option
@click.pass_context
def check(
    context: click.Context, /, sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, state_dir: Path | None,
    as_json: bool, color: Literal["auto", "always", "never"],
) -> int:  # fmt: skip
    """Check config file, key, proxy, certificates, clock and state folder, and say what to do about each that is wrong.

    \b
    Examples:
      vidup check
      vidup check --sandbox
      vidup check --json | jq '.[] | select(.mark != "ok")'

    The exit code is that of the first problem: 2 for the config file, 4 for the key, 7 for trust, 75 for the network, 3 for the state
    folder.
    """
    from vidup.console.answering import say
    from vidup.console.checkup import Subject, check_up
    from vidup.inert import json_line
    from vidup.progress.choice import decide

    try:
        folder: Path | VidupError = state_folder(state_dir)
    except VidupError as error:
        folder = error
    wrong = context.default_map.wrong if isinstance(context.default_map, FileDefaults) else None
    subject = Subject(resolve_base_url(sandbox, base_url, allow_http), api_key_file, folder, environment(), wrong)
    stdout = sys.stdout if sys.stdout is not None else io.StringIO()
    painted = decide("none", color, False, 0, environment(), stdout.isatty()).color
    code, findings = ExitCode.OK, []
    for finding in check_up(subject, lambda finding: None if as_json else click.echo(finding.line(painted), err=True)):
        findings.append(finding.to_json())
        code = code or finding.code
        say([] if as_json else [finding.line(painted)])
    say([json_line(findings)] if as_json else [])
    return code
