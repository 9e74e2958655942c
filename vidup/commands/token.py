"""`vidup token`: upload tokens, with which somebody who has no key can upload: create one, list them, delete one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import click

from vidup.console.help import Command
from vidup.console.options import environment, resolve_base_url, where_options
from vidup.console.values import Duration
from vidup.errors import ExitCode, VidupError

if TYPE_CHECKING:
    from vidup.api.uploadtokens import UploadToken
    from vidup.upload.questions import Line

_LONGEST: Final = 2**31 - 1
"""Seconds that a token can live at most, but for ever."""

_PAGE: Final = 100
_MOST_PAGES: Final = 100

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@click.group(no_args_is_help=False)
def token() -> None:
    """Create, list and delete upload tokens. For all of it an API key is needed; for an upload with a token, none.

    \b
    Examples:
      vidup token create --ttl 2h | ssh studio vidup upload --upload-token-file - take1.mov
      vidup token list
      vidup token delete to4f9a
    """


@token.command(cls=Command)
@click.option("--ttl", type=Duration(), default="1h", show_default=True, metavar="DURATION", help="How long it works; 0 is for ever.")
@where_options
@json_option
def create(ttl: float, sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, as_json: bool) -> int:
    """Create an upload token, and print it and nothing else on stdout.

    Whoever has it can upload any number of new videos until it expires, and nothing else. It is a secret: hand it on through a pipe,
    a file, or VIDUP_UPLOAD_TOKEN.
    """
    from vidup.api.uploadtokens import read_token
    from vidup.console.answering import answer
    from vidup.upload.exchange import Verb

    seconds = math.ceil(ttl)
    if seconds > _LONGEST:
        raise click.UsageError("--ttl is longer than a token can live: at most 24855d, or 0 for ever")
    made = read_token(_line(sandbox, base_url, allow_http, api_key_file).put(Verb.TOKEN_CREATE, {"ttl": seconds}).body or {})
    assert made is not None, "the answer was promised to hold one"
    if not seconds:
        click.echo(
            "! This token never expires: whoever has it can upload to your account until you delete it (vidup token delete).", err=True
        )
    fields = {"v": 1, "token": made.value, "ttl": made.ttl, "created_at": made.created_at, "expires_at": made.expires_at}
    answer([made.value], fields, as_json)
    return ExitCode.OK


@token.command("list", cls=Command)
@where_options
@json_option
def list_(sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, as_json: bool) -> int:
    """List the upload tokens: the first characters of each, by which it can be deleted, and when it expires."""
    import json
    import time

    from vidup.api.uploadtokens import prefixes, token_fields, token_line
    from vidup.console.answering import say

    tokens = _tokens(_line(sandbox, base_url, allow_http, api_key_file))
    called = prefixes(tokens)
    if as_json:
        say([json.dumps([token_fields(one, called[one.value]) for one in tokens])])
    elif tokens:
        now = time.time()
        say(token_line(one, called[one.value], now) for one in tokens)
    else:
        click.echo("There are no upload tokens.", err=True)
    return ExitCode.OK


@token.command(cls=Command)
@click.argument("name", metavar="TOKEN|PREFIX")
@where_options
@json_option
def delete(name: str, sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None, as_json: bool) -> int:
    """Delete an upload token: nobody can upload with it any more. The first characters will do, if they mean no other."""
    from vidup.api.uploadtokens import SHOWN
    from vidup.console.answering import answer
    from vidup.upload.exchange import Verb

    line = _line(sandbox, base_url, allow_http, api_key_file)
    tokens = _tokens(line)
    found = [one for one in tokens if one.value == name] or [one for one in tokens if name and one.value.startswith(name)]
    if len(found) != 1:
        raise _not_one(name[:SHOWN], len(found))
    line.put(Verb.TOKEN_DELETE, {"token": found[0].value})
    shown = found[0].value[:SHOWN]
    answer([f"✓ {shown}… is deleted"], {"v": 1, "deleted": shown}, as_json)
    return ExitCode.OK


def _not_one(shown: str, count: int) -> VidupError:
    if count:
        return VidupError(
            ExitCode.USAGE, f"{count} upload tokens begin like that, as {shown}…",
            advice="Give as many characters as it takes to mean one: vidup token list",
        )  # fmt: skip
    return VidupError(
        ExitCode.UNKNOWN, f"No upload token begins with {shown}", cause="it has expired, was deleted, or is of another project or server",
        advice="See what there is: vidup token list",
    )  # fmt: skip


def _line(sandbox: bool, base_url: str | None, allow_http: bool, api_key_file: str | None) -> Line:
    from vidup.console.answering import teller
    from vidup.console.keys import find_key
    from vidup.upload.questions import open_line

    url = resolve_base_url(sandbox, base_url, allow_http)
    return open_line(url, find_key(api_key_file, environment(), url), teller())


def _tokens(line: Line) -> list[UploadToken]:
    """All tokens of the project, page by page, each once."""
    from vidup.api.uploadtokens import read_token
    from vidup.upload.exchange import Verb

    found: dict[str, UploadToken] = {}
    for page in range(1, _MOST_PAGES + 1):
        body = line.put(Verb.TOKENS, {"currentPage": page, "pageSize": _PAGE}).body or {}
        data = body.get("data")
        entries = [one for entry in (data if isinstance(data, list) else []) if isinstance(entry, dict) and (one := read_token(entry))]
        fresh = {one.value: one for one in entries if one.value not in found}
        found |= fresh
        pages = pagination.get("pagesTotal") if isinstance(pagination := body.get("pagination"), dict) else None
        if not fresh or (isinstance(pages, int) and page >= pages):
            break
    return list(found.values())
