"""DOOR: what options mean: the groups that commands share, and the order they add up to."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import click

from vidup.console.titles import Title
from vidup.console.values import Duration, KeyValue, Rate, Seconds, Whole

Command = TypeVar("Command", bound=Callable[..., Any])

PRODUCTION: Final = "https://ws.api.video"
SANDBOX: Final = "https://sandbox.api.video"
_UPLOADS_PER_MINUTE: Final = {SANDBOX: 40}
_DEFAULT_UPLOADS_PER_MINUTE: Final = 100


def _all(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


VIDEO: Final = ("title", "description", "tag", "metadata", "public", "mp4", "panoramic", "player_id", "language", "transcript")
"""The options that apply when the video is created."""

video_options = _all(
    click.option("-t", "--title", type=Title(), metavar="TEXT",
                 help="Title of the video; {stem}, {name}, {parent} and {index} stand for the file's.  [default: {stem}]"),
    click.option("--description", metavar="TEXT", help="Description of the video."),
    click.option("--tag", multiple=True, metavar="TEXT", help="A tag (repeat for more)."),
    click.option("-m", "--metadata", multiple=True, type=KeyValue(), metavar="KEY=VALUE", help="A metadata pair (repeat for more)."),
    click.option("--public/--private", default=None, help="Who may watch.  [default: public]"),
    click.option("--mp4/--no-mp4", default=None, help="Offer an mp4 besides the stream.  [default: mp4]"),
    click.option("--panoramic", is_flag=True, default=None, help="The video is a 360 degree one."),
    click.option("--player-id", metavar="ID", help="Show the video in this player."),
    click.option("--language", metavar="CODE", help="Language of the video, as fr or fr-BE."),
    click.option("--transcript", is_flag=True, default=None, help="Have a transcript made."),
)  # fmt: skip

url_options = _all(
    click.option("--sandbox", is_flag=True, envvar="VIDUP_SANDBOX", help="Use the sandbox: videos are watermarked and kept 24 hours."),
    click.option("--base-url", metavar="URL", envvar="VIDUP_BASE_URL", help="Use another server, as `vidup emulator`."),
    click.option("--allow-http", is_flag=True, envvar="VIDUP_ALLOW_HTTP", help="Allow a plain http URL that is not on this machine."),
)  # fmt: skip

key_option = click.option(
    "--api-key-file", metavar="PATH", envvar="VIDUP_API_KEY_FILE", type=click.Path(allow_dash=True),
    help="Read the API key from this file, - is standard input.  [default: VIDUP_API_KEY, APIVIDEO_API_KEY, the key kept by login]",
)  # fmt: skip

token_option = click.option(
    "--upload-token-file", metavar="PATH", envvar="VIDUP_UPLOAD_TOKEN_FILE", type=click.Path(allow_dash=True),
    help="Upload with the upload token in this file, - is standard input, and no API key.  [default: VIDUP_UPLOAD_TOKEN]",
)  # fmt: skip

where_options = _all(url_options, key_option)

state_option = click.option(
    "--state-dir", type=click.Path(file_okay=False, readable=False, path_type=Path), metavar="PATH", envvar="VIDUP_STATE_DIR",
    help="Keep the records of unfinished uploads here.",
)  # fmt: skip

jobs_option = click.option(
    "-j", "--jobs", type=Whole(1, 16), default=4, show_default=True, envvar="VIDUP_JOBS", metavar="N",
    help="Parts in flight, 1 to 16.",
)  # fmt: skip

rate_option = click.option(
    "--limit-rate", type=Rate(), envvar="VIDUP_LIMIT_RATE", metavar="RATE",
    help="Send no more than so many bytes a second in all, as 5M; 0 is no limit.  [default: no limit]",
)  # fmt: skip

how_options = _all(
    jobs_option,
    rate_option,
    click.option("--retry-for", type=Duration(), default="15m", show_default=True, envvar="VIDUP_RETRY_FOR", metavar="DURATION",
                 help="Keep trying for so long while nothing moves; 0 is for ever."),
    click.option("--timeout", type=Seconds(1, 3600), default=60, show_default=True, envvar="VIDUP_TIMEOUT", metavar="SECONDS",
                 help="Give up on a connection that takes no byte for so long."),
    state_option,
)  # fmt: skip

wait_timeout_option = click.option(
    "--wait-timeout", type=Duration(), default="1h", show_default=True, envvar="VIDUP_WAIT_TIMEOUT", metavar="DURATION",
    help="Wait for so long, counted from the last part; 0 is for ever.",
)  # fmt: skip

after_options = _all(
    click.option("--wait", is_flag=True, envvar="VIDUP_WAIT", help="Wait until the video can be played."),
    wait_timeout_option,
)  # fmt: skip

color_option = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", envvar="VIDUP_COLOR", show_default=True,
    help="When to use colour.",
)  # fmt: skip

noise_options = _all(
    click.option("-q", "--quiet", is_flag=True, envvar="VIDUP_QUIET", help="Nothing on stderr unless something fails."),
    click.option("-v", "--verbose", count=True, envvar="VIDUP_VERBOSE", help="Say where each setting comes from; -vv: every request."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object on stdout, also after a failure."),
    click.option("--progress", type=click.Choice(["auto", "tty", "plain", "json", "none"]), default="auto", envvar="VIDUP_PROGRESS",
                 show_default=True, help="How progress is shown on stderr."),
    color_option,
)  # fmt: skip


class Noise(NamedTuple):
    """What the user wants to see and read; `sources` says where each value that is no default comes from."""

    quiet: bool
    verbose: int
    as_json: bool
    progress: Literal["auto", "tty", "plain", "json", "none"]
    color: Literal["auto", "always", "never"]
    sources: tuple[str, ...] = ()


def outranks(context: click.Context, name: str, other: str) -> bool:
    """Whether the first option was given nearer to the user: command line before environment before config file."""
    first, second = context.get_parameter_source(name), context.get_parameter_source(other)
    return first is not None and second is not None and first < second


def patience(context: click.Context, wait: bool) -> float | None:
    """Seconds to wait until the video plays, infinity included, or None. Raises UsageError for a time-out of no wait."""
    if not wait:
        if given(context, ("wait_timeout",)):
            raise click.UsageError("--wait-timeout goes with --wait")
        return None
    return context.params["wait_timeout"] or math.inf


def video_attributes(options: Mapping[str, Any]) -> dict[str, object]:
    """The creation payload that the video options ask for; what was not asked for is left to the server."""
    names = {
        "title": "title", "description": "description", "public": "public", "mp4": "mp4Support", "panoramic": "panoramic",
        "player_id": "playerId", "language": "language", "transcript": "transcript",
    }  # fmt: skip
    payload: dict[str, object] = {field: options[name] for name, field in names.items() if options[name] is not None}
    if options["tag"]:
        payload["tags"] = list(options["tag"])
    if options["metadata"]:
        payload["metadata"] = [{"key": key, "value": value} for key, value in options["metadata"]]
    return payload


def resolve_base_url(sandbox: bool, base_url: str | None, allow_http: bool) -> str:
    """Where to send requests. Raises UsageError for a contradiction or a URL that would carry the key in the clear.

    A --base-url nearer to the user than --sandbox holds, and the other way round.
    """
    if sandbox and base_url:
        context = click.get_current_context()
        if outranks(context, "sandbox", "base_url"):
            base_url = None
        elif not outranks(context, "base_url", "sandbox"):
            raise click.UsageError("--sandbox and --base-url exclude each other")
    url = (base_url or (SANDBOX if sandbox else PRODUCTION)).rstrip("/")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:  # whose words quote a piece of it, which may be one of a password
        raise click.UsageError("--base-url is not a URL; it must look like https://host or http://127.0.0.1:8080") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise click.UsageError("--base-url must look like https://host or http://127.0.0.1:8080")
    if parts.username or parts.password or "@" in url:  # a / in a password ends the host before its @
        raise click.UsageError("--base-url must not hold a user name or password; the API key is all that is needed")
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        raise click.UsageError(f"plain http to {host} would show the API key to everybody on the way; use https, or add --allow-http")
    return url


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def uploads_per_minute(base_url: str) -> int:
    """The limit to plan with before the server has told its own (https://docs.api.video/reference/README)."""
    return _UPLOADS_PER_MINUTE.get(base_url, _DEFAULT_UPLOADS_PER_MINUTE)


def state_folder(given: Path | None) -> Path:
    """Where the records of unfinished uploads are kept: --state-dir, else the user's state folder.

    Raises VidupError(FILE) where none is given and the user has no home.
    """
    if given is not None:
        return given.absolute()
    from vidup.console.config import uploads_folder

    return uploads_folder()


def given(context: click.Context, names: tuple[str, ...]) -> list[str]:
    """Which of these options stand on the command line itself."""
    return [name for name in names if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]


def environment() -> Mapping[str, str]:
    """The process environment, read in one place."""
    return os.environ
