"""`vidup plan`: the parts, the requests and the time that the limits cost, before anything is sent."""

from __future__ import annotations

import click

from vidup.console.help import Command
from vidup.console.options import Size, jobs_option, rate_option, resolve_base_url, uploads_per_minute, url_options
from vidup.errors import ExitCode


@click.command(cls=Command)
@click.argument("file", type=click.Path())
@click.option("--part-size", "--chunk-size", type=Size(), envvar="VIDUP_PART_SIZE", metavar="SIZE",
              help="Size of a part, 5 to 200 MiB.  [default: chosen from the file's size]")  # fmt: skip
@jobs_option
@rate_option
@url_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def plan(
    file: str, part_size: int | None, jobs: int, limit_rate: int | None, sandbox: bool, base_url: str | None, allow_http: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Show how FILE would be split, and what the rate limit and --limit-rate alone cost in time. Nothing is sent, and no key is needed.

    \b
    Examples:
      vidup plan movie.mp4
      vidup plan --sandbox --part-size 100MiB movie.mp4
      vidup plan --limit-rate 5M movie.mp4
      vidup plan --json movie.mp4 | jq .minimum_seconds
    """
    from vidup.console.answering import answer
    from vidup.plan.rate import jobs_within
    from vidup.upload.rehearsal import plan_file

    limit = uploads_per_minute(resolve_base_url(sandbox, base_url, allow_http))
    limit_rate = limit_rate or None
    forecast = plan_file(file, part_size, jobs_within(jobs, limit_rate), limit, limit_rate)
    answer(forecast.lines(), forecast.to_json(), as_json)
    return ExitCode.OK
