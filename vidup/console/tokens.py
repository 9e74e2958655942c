"""EDGE: where an upload token comes from: a file, a pipe or the environment, never an argument; and when it stands before an API key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click
from click.core import ParameterSource

from vidup.api.credentials import ApiKey
from vidup.console.keys import find_key, read_secret
from vidup.console.options import VIDEO, given, outranks
from vidup.errors import ExitCode, VidupError
from vidup.upload.order import Order

VARIABLE: Final = "VIDUP_UPLOAD_TOKEN"

_NOT_WITH_IT: Final = (*VIDEO, "video_id", "portable", "if_exists", "adopt", "wait", "wait_timeout")
"""Options of `upload` that need a key: a token cannot describe the video, nor ask for it."""


def find_access(context: click.Context, environ: Mapping[str, str], base_url: str) -> ApiKey:
    """The upload token, if one is given, else the first API key: what the command of this context may use.

    A key file on the command line comes before a token in the environment. Raises VidupError(AUTH) for none, or none that can be one,
    UsageError for an option on the command line that a token cannot carry out.
    """
    token = find_token(context, environ)
    if token is not None:
        _refuse_beside_token(context)
    return token if token is not None else find_key(context.params["api_key_file"], environ, base_url)


def is_token_given(context: click.Context, environ: Mapping[str, str]) -> bool:
    """Whether `find_token` would find one; nothing is read yet."""
    file, keys = context.params["upload_token_file"], context.params["api_key_file"]
    if file is not None:
        return keys is None or not outranks(context, "api_key_file", "upload_token_file")
    return bool(environ.get(VARIABLE)) and context.get_parameter_source("api_key_file") is not ParameterSource.COMMANDLINE


def find_token(context: click.Context, environ: Mapping[str, str]) -> ApiKey | None:
    """The first of --upload-token-file (`-` is standard input) and VIDUP_UPLOAD_TOKEN; None for none, or where a key file is nearer.

    Raises UsageError where both files stand on the command line, VidupError(AUTH) where none can be read, or what is read is no token.
    """
    file, keys = context.params["upload_token_file"], context.params["api_key_file"]
    if file is not None and keys is not None:
        if outranks(context, "api_key_file", "upload_token_file"):
            return None
        if not outranks(context, "upload_token_file", "api_key_file"):
            raise click.UsageError("--upload-token-file and --api-key-file exclude each other")
    if file is not None:
        source = "standard input" if file == "-" else f"the file {file} (--upload-token-file)"
        return _checked(read_secret(file, "upload token", "--upload-token-file"), source)
    in_hand = context.get_parameter_source("api_key_file") is ParameterSource.COMMANDLINE
    if in_hand or not environ.get(VARIABLE):
        return None
    return _checked(environ[VARIABLE], f"the environment variable {VARIABLE}")


def as_it_can(order: Order) -> Order:
    """The order without what needs a key, where it has an upload token alone: environment and config file may ask for it all the same."""
    return order._replace(wait=None, portable=False, skip_existing=False) if order.key.delegated else order


def not_applied(order: Order) -> list[str]:
    """What is told of that."""
    asked = {"--wait": order.wait is not None, "--portable": order.portable}
    return [
        f"{name} is not applied: with an upload token nobody can ask"
        for name, is_asked in asked.items()
        if is_asked and order.key.delegated
    ]


def _refuse_beside_token(context: click.Context) -> None:
    wrong = given(context, _NOT_WITH_IT)
    if wrong:
        spelling = next(
            name for option in context.command.params if option.name == wrong[0] for name in option.opts if name.startswith("--")
        )
        raise click.UsageError(
            f"{spelling} needs an API key: an upload token can upload a new video and nothing else; leave out one of them"
        )


def _checked(text: str, source: str) -> ApiKey:
    value = text.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        wrong = "is empty" if not value else "is not a token: a token is one word of letters and digits"
        raise VidupError(
            ExitCode.AUTH, f"The upload token from {source} {wrong}",
            advice="Get one from whoever has the key: vidup token create --ttl 2h",
        )  # fmt: skip
    return ApiKey(value, source, delegated=True)
