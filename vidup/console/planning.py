"""DOOR: what many files would take, told by `vidup plan`: an object each, or their sum for a person."""

from __future__ import annotations

import click

from vidup.console.answering import say
from vidup.console.inputs import Inputs
from vidup.errors import ExitCode, VidupError
from vidup.inert import file_fields, inert, json_line
from vidup.plan.forecast import Forecast, lines_of_all
from vidup.upload.outcome import combined, error_json
from vidup.upload.rehearsal import plan_file


def plan_all(taken: Inputs, part_size: int | None, jobs: int, limit: int, as_json: bool, limit_rate: int | None = None) -> ExitCode:
    """Plan each file; the options are those of one file, `limit` this machine's share of uploads a minute, `limit_rate` bytes a second. One
    that cannot be planned stops no other; the exit code is that of several uploads."""
    for note in taken.notes:
        click.echo(inert(note), err=True)
    good: list[Forecast] = []
    codes: list[ExitCode] = []
    for item in taken.items:
        try:
            if item.error is not None:
                raise item.error
            forecast = plan_file(item.path, part_size, jobs, limit, limit_rate)
        except VidupError as error:
            codes.append(error.code)
            if as_json:
                say([json_line({"v": 1, **file_fields(item.path), "error": error_json(error), "exit_code": int(error.code)})])
            lines = (f"✗ {error.what}", f"  {error.cause}" if error.cause else "", f"→ {error.advice}" if error.advice else "")
            click.echo("\n".join(inert(line, 1000) for line in lines if line), err=True)
        else:
            good.append(forecast)
            if as_json:
                say([json_line(forecast.to_json())])
    if not as_json:
        say(lines_of_all(good, limit, limit_rate))
    return combined([ExitCode.OK, *codes])
