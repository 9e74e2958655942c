"""`vidup plan`: the parts, the requests and the time that the limits cost, before anything is sent."""

from __future__ import annotations

from typing import Any

import click

from vidup.console.help import Command
from vidup.console.inputs import collect, inputs
from vidup.console.options import jobs_option, rate_option, resolve_base_url, uploads_per_minute, url_options
from vidup.console.values import Size
from vidup.errors import ExitCode


@click.command(cls=Command)
@inputs
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, 5 to 200 MiB.  [default: chosen from the file's size]")  # fmt: skip
@jobs_option
@rate_option
@url_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file on stdout.")
@click.pass_context
def plan(
    context: click.Context, /, part_size: int | None, jobs: int, limit_rate: int | None, sandbox: bool, base_url: str | None,
    allow_http: bool, as_json: bool, **_inputs: Any,
) -> int:  # fmt: skip
    """Show how each FILE would be split, and what the rate limit and --limit-rate alone cost in time; - is a stream. Nothing is sent; no
    key is needed.

    \b
    Examples:
      vidup plan movie.mp4
      vidup plan --sandbox --part-size 100MiB movie.mp4
      vidup plan --limit-rate 5M movie.mp4
      vidup plan --json movie.mp4 | jq .minimum_seconds
      vidup plan -r course/

    Several files are told as one sum: they share one line, one key and its limit. With --json each has an object of its own.
    """
    taken = collect(context)
    limit = taken.share_of(uploads_per_minute(resolve_base_url(sandbox, base_url, allow_http)))
    from vidup.plan.rate import jobs_within

    if taken.several:
        from vidup.console.planning import plan_all

        return plan_all(taken, part_size, jobs_within(jobs, limit_rate), limit, as_json, limit_rate or None)
    from vidup.console.answering import answer
    from vidup.console.redirected import file_on_stdin
    from vidup.upload.rehearsal import plan_file, plan_stream

    path, jobs, limit_rate = taken.items[0].path, jobs_within(jobs, limit_rate), limit_rate or None
    path = (file_on_stdin() or path) if path == "-" else path
    forecast = plan_stream(part_size, jobs, limit, limit_rate) if path == "-" else plan_file(path, part_size, jobs, limit, limit_rate)
    answer(forecast.lines(), forecast.to_json(), as_json)
    return ExitCode.OK
