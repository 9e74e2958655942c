"""Keys and tokens: what may be shown of them, when a token is renewed, and what is known of the ones that were."""

from __future__ import annotations

import pytest

from vidup.api.credentials import ApiKey, Credentials, Token, is_token
from vidup.verdicts.judge import Reply


def answer(**body: object) -> Reply:
    return Reply(200, promised=True, body={"access_token": "tok-1", **body})


def logged_in(**body: object) -> Credentials:
    """A token asked for at 1000 s."""
    credentials = Credentials()
    credentials.renewed(answer(**{"refresh_token": "ref-1", "expires_in": 3600, **body}), 1000.0)
    return credentials


def test_neither_key_nor_token_is_shown() -> None:
    """In a traceback or a trace stand where it came from, and its number."""
    shown = f"{ApiKey('sk-secret', 'the file key.txt')} {Token(7, 'tok-secret', 'ref-secret')}"
    assert shown == "ApiKey(source='the file key.txt') Token(serial=7)"


@pytest.mark.parametrize(
    ("token", "good"),
    [("eyJ0.x-_~!", True), ("", False), ("a b", False), ("a\nb", False), ("€", False), ("a\x7f", False), (7, False), (None, False)],
)
def test_a_token_can_stand_in_a_header(token: object, good: bool) -> None:
    """Anything else is refused where it comes in."""
    assert is_token({"access_token": token}) is good
    assert not is_token({})


def test_without_a_token_nothing_goes_out() -> None:
    """The first thing is a log in, for there is nothing to refresh."""
    credentials = Credentials()
    assert (credentials.token, credentials.is_valid(0.0), credentials.can_refresh) == (None, False, False)


@pytest.mark.parametrize(
    ("lives", "seconds"),
    [(3600, 3540.0), (300, 270.0), (10, 9.0), (3600.0, 3540.0), (86400 * 365, 30 * 86400 - 60.0), (10**400, 30 * 86400 - 60.0),
     (0, 3540.0), (-5, 3540.0), ("3600", 3540.0), (None, 3540.0)],
)  # fmt: skip
def test_a_token_is_renewed_shortly_before_it_ends(lives: object, seconds: float) -> None:
    """A minute or a tenth of its life before; within 30 days whatever it says; where it says nothing, as if it lived an hour."""
    credentials = logged_in(expires_in=lives)
    assert credentials.is_valid(1000.0 + seconds - 0.1)
    assert not credentials.is_valid(1000.0 + seconds)


def test_a_refused_token_is_not_used_again() -> None:
    """Its refresh token may be."""
    credentials = logged_in()
    assert credentials.is_valid(1001.0)
    credentials.refused(1)
    assert (credentials.is_valid(1001.0), credentials.can_refresh) == (False, True)


def test_a_late_refusal_of_an_old_token_does_not_touch_the_new_one() -> None:
    """Requests that were on their way with the old one are refused for it, and no more."""
    credentials = logged_in()
    credentials.refused(1)
    assert credentials.renewed(answer(), 1001.0).serial == 2
    credentials.refused(1)
    assert credentials.is_valid(1002.0)


def test_it_is_known_of_each_token_whether_it_works() -> None:
    """Of that very token, not of the one before."""
    credentials = logged_in()
    credentials.accepted(1)
    credentials.renewed(answer(), 1001.0)
    assert (credentials.works(1), credentials.works(2)) == (True, False)


def test_after_a_failed_refresh_comes_a_log_in() -> None:
    """A lost answer spends the refresh token, too; that of the next token is a new chance."""
    credentials = logged_in()
    credentials.refresh_failed()
    assert not credentials.can_refresh
    credentials.renewed(answer(refresh_token="ref-2"), 1001.0)
    assert credentials.can_refresh


@pytest.mark.parametrize("refresh", [None, "", 7, ["ref"]])
def test_without_a_refresh_token_one_logs_in(refresh: object) -> None:
    """Whatever the answer holds in its place."""
    assert not logged_in(refresh_token=refresh).can_refresh
