"""EMULATOR: who may do what: the API key, access and refresh tokens, and upload tokens."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from vidup.emulator.answers import Refused
from vidup.emulator.clock import Clock


@dataclass(frozen=True, slots=True)
class UploadToken:
    """A token for delegated uploads; `ttl` in seconds, 0 for ever."""

    token: str
    ttl: int
    created: datetime

    @property
    def expires(self) -> datetime | None:
        """When it stops working; None for never."""
        return self.created + timedelta(seconds=self.ttl) if self.ttl else None

    def alive(self, date: datetime) -> bool:
        """Whether it works at this time."""
        return self.expires is None or date < self.expires


class Keyring:
    """The one API key of the emulator and every token given out. Token lifetimes in seconds."""

    def __init__(self, api_key: str, token_lifetime: float, clock: Clock) -> None:
        self.api_key = api_key
        self._clock = clock
        self._lifetime = token_lifetime
        self._lock = threading.Lock()
        self._access: dict[str, float] = {}
        self._refresh: set[str] = set()
        self._uploads: dict[str, UploadToken] = {}

    def log_in(self, api_key: str) -> dict[str, object]:
        """A new pair of tokens for the right key; Refused for a wrong one."""
        if not secrets.compare_digest(api_key.encode(), self.api_key.encode()):
            raise Refused("authentication-invalid-user-credentials")
        return self._give_out()

    def refresh(self, token: str) -> dict[str, object]:
        """A new pair for a refresh token, which dies with it; Refused for one unknown or used."""
        with self._lock:
            if token not in self._refresh:
                raise Refused("authentication-invalid-refresh-token")
            self._refresh.remove(token)
        return self._give_out()

    def _give_out(self) -> dict[str, object]:
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        with self._lock:
            self._access[access] = self._clock.now() + self._lifetime
            self._refresh.add(refresh)
        return {"token_type": "Bearer", "expires_in": int(self._lifetime), "access_token": access, "refresh_token": refresh}

    def expire_access(self) -> None:
        """Ends every access token; refresh tokens live on."""
        with self._lock:
            self._access.clear()

    def check(self, header: str | None) -> None:
        """Refused unless this Authorization header carries a living access token, or the key as Basic user name."""
        if not header or not header.strip():
            raise Refused("authentication-missing-authorization-header")
        scheme, _, value = header.strip().partition(" ")
        value = value.strip()
        if scheme.lower() == "bearer" and value and " " not in value:
            with self._lock:
                if self._access.get(value, 0.0) <= self._clock.now():
                    raise Refused("authentication-invalid-access-token")
        elif scheme.lower() == "basic" and value:
            self._check_basic(value)
        else:
            raise Refused("authentication-invalid-authorization-header-value")

    def _check_basic(self, value: str) -> None:
        try:
            user, colon, password = base64.b64decode(value, validate=True).partition(b":")
        except binascii.Error:
            raise Refused("authentication-invalid-authorization-header-value") from None
        if not colon:
            raise Refused("authentication-invalid-authorization-header-value")
        if password or not secrets.compare_digest(user, self.api_key.encode()):
            raise Refused("authentication-invalid-api-key")

    def new_upload_token(self, ttl: int) -> UploadToken:
        """A new upload token that lives `ttl` seconds, 0 for ever."""
        made = UploadToken("to" + secrets.token_hex(12), ttl, self._clock.date())
        with self._lock:
            self._uploads[made.token] = made
        return made

    def upload_tokens(self) -> list[UploadToken]:
        """The living upload tokens, the newest first."""
        with self._lock:
            return [token for token in reversed(self._uploads.values()) if token.alive(self._clock.date())]

    def upload_token(self, token: str) -> UploadToken:
        """This upload token; Refused (404) when there is none."""
        with self._lock:
            found = self._uploads.get(token)
        if found is None or not found.alive(self._clock.date()):
            raise Refused("resource-not-found", name="uploadToken")
        return found

    def drop_upload_token(self, token: str) -> None:
        """Ends this upload token; Refused (404) when there is none."""
        self.upload_token(token)
        with self._lock:
            self._uploads.pop(token, None)

    def check_upload_token(self, token: str | None) -> None:
        """Refused unless this is a living upload token."""
        if not token:
            raise Refused("authentication-missing-upload-token", name="token")
        with self._lock:
            found = self._uploads.get(token)
        if found is None or not found.alive(self._clock.date()):
            raise Refused("authentication-invalid-upload-token", name="token")
