"""What becomes of answers on the way back, fault by fault: as data, for the network to carry out."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from tests.simulation import answers
from vidup.verdicts.judge import Reply

_HTML: Final = "Bad gateway. The web server reported an error."
_SERVER_ERRORS: Final = (500, 502, 503, 504, 520, 524)


def _server_error(rng: Random) -> Reply:
    status = rng.choice(_SERVER_ERRORS)
    return answers.refused("server-error") if status == 500 else answers.bare(status, rng.choice(("", _HTML)))


def _wordless(rng: Random) -> Reply:
    return answers.bare(rng.choice((400, 403, 409, 422)), rng.choice(("", "Forbidden")))


def _flapping(rng: Random) -> Reply:
    return rng.choice((answers.refused("authentication-invalid-access-token"), answers.bare(401)))


def _too_many(rng: Random) -> Reply:
    return answers.too_many(None, float(rng.randint(1, 20)))


def _too_many_for_long(rng: Random) -> Reply:
    return answers.too_many(rng.choice((None, 40)), float(rng.randint(5, 60)))


def _early(rng: Random) -> Reply:
    return rng.choice((_server_error, _flapping, _too_many))(rng)


WITHOUT_SERVER: Final[dict[str, Callable[[Random], Reply]]] = {
    "early": _early,
    "5xx": _server_error,
    "storm": lambda rng: answers.bare(503),
    "wordless": _wordless,
    "html": lambda rng: answers.bare(rng.choice((502, 503, 504)), _HTML),
    "401": _flapping,
    "429": _too_many,
    "limited": _too_many_for_long,
    "login down": _server_error,
    "refresh refused": lambda rng: answers.refused("authentication-invalid-refresh-token"),
    "413": lambda rng: answers.bare(413),
    "uploaded-file-invalid-file": lambda rng: answers.refused("uploaded-file-invalid-file"),
    "418": lambda rng: Reply(status=418, slug="teapot", title="This video cannot be brewed.", detail="Ask the owner of the project."),
    "suspended": lambda rng: answers.refused("authorization-suspended-account"),
    "certificate": lambda rng: Reply(failure="certificate-not-trusted", text="self-signed certificate"),
    "407": lambda rng: Reply(failure="proxy-wants-password", text="the proxy answered 407"),
    "token refused": lambda rng: answers.refused("authentication-invalid-upload-token"),
    "key refused": lambda rng: answers.refused("authentication-invalid-api-key"),
}
"""Answers by somebody in between; the server hears nothing of the request."""

CHANGES: Final[dict[str, Callable[[Random, Reply], Reply]]] = {
    "broken": lambda rng, reply: answers.broken(200 if reply.status == 200 else 201),
    "empty": lambda rng, reply: answers.broken(204),
    "5xx stored": lambda rng, reply: _server_error(rng),
    "wordless stored": lambda rng, reply: _wordless(rng),
}
"""What the client sees instead of what the server said."""

TWICE: Final = {"doubled first": 0, "doubled second": 1}
"""Faults that send a request twice, and how many answers get lost before the one that the client sees."""
