"""`vidup status`: what the server has of a video: ingest, parts, encoding."""

from __future__ import annotations

import click

from vidup.console.help import Command
from vidup.console.options import VideoId, environment, resolve_base_url, where_options
from vidup.errors import ExitCode


@click.command(cls=Command)
@click.argument("video_id", type=VideoId(), metavar="VIDEO_ID")
@where_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def status(video_id: str, sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, as_json: bool) -> int:
    """Show what the server has of a video: the parts that arrived, the encoding, whether it can be played.

    \b
    Examples:
      vidup status vi4blUQJFrYWbaG44NChkH27
      vidup status --json vi4blUQJFrYWbaG44NChkH27 | jq .encoding.playable
    """
    from vidup.api.videostatus import read_video_status
    from vidup.console.answering import answer, teller
    from vidup.console.keys import find_key
    from vidup.upload.exchange import Verb
    from vidup.upload.questions import ask_alone, open_line

    url = resolve_base_url(sandbox, base_url, allow_http)
    line = open_line(url, find_key(api_key_file, environment(), url), teller())
    reply = ask_alone(line, lambda: line.ask(Verb.STATUS, video_id))
    found = read_video_status(video_id, reply.body or {})
    answer(found.lines(), found.to_json(), as_json)
    return ExitCode.OK
