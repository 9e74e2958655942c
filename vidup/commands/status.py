"""`vidup status`: what the server has of videos: ingest, parts, encoding; and waiting until they play."""

from __future__ import annotations

import math

import click

from vidup.console.help import Command
from vidup.console.options import environment, given, resolve_base_url, wait_timeout_option, where_options
from vidup.console.values import VideoId


@click.command(cls=Command)
@click.argument("video_ids", type=VideoId(), nargs=-1, required=True, metavar="VIDEO_ID...")
@where_options
@click.option("--wait", "until_playable", is_flag=True, help="Wait until each video can be played.")
@wait_timeout_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each video on stdout.")
@click.pass_context
def status(
    context: click.Context, video_ids: tuple[str, ...], sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None,
    until_playable: bool, wait_timeout: float, as_json: bool,
) -> int:  # fmt: skip
    """Show what the server has of a video: the parts that arrived, the encoding, whether it can be played.

    \b
    Examples:
      vidup status vi4blUQJFrYWbaG44NChkH27
      vidup status --wait vi4blUQJFrYWbaG44NChkH27 && echo it plays
      vidup status --json vi4blUQJFrYWbaG44NChkH27 | jq .encoding.playable

    With --wait it ends with 8 if every quality failed, with 9 if --wait-timeout was too short.
    """
    from vidup.console.keys import find_key
    from vidup.console.watching import ask_for, wait_for

    if given(context, ("wait_timeout",)) and not until_playable:
        raise click.UsageError("--wait-timeout goes with --wait")
    url = resolve_base_url(sandbox, base_url, allow_http)
    key, wanted = find_key(api_key_file, environment(), url), tuple(dict.fromkeys(video_ids))
    if until_playable:
        return wait_for(wanted, url, key, wait_timeout or math.inf, as_json)
    return ask_for(wanted, url, key, as_json)
