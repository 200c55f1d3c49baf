"""Who is logged in, as a signed cookie says, and how often a password may be tried; no password is known here."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from toolkit.domain.errors import ConfigError

SECRET_BYTES: Final = 32
MOST_TRIES: Final = 5
TRY_SECONDS: Final = 60.0
MOST_NAMES: Final = 256
LONGEST_COOKIE: Final = 1024


class Session(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One login until it `ends` (seconds since 1970). `key` is the fingerprint of the password's hash at that time."""

    login: str
    key: str
    ends: int
    number: str


_decode = msgspec.msgpack.Decoder(Session).decode


class Sessions:
    """Signs sessions and knows them again; those that were ended by hand are ended for good."""

    def __init__(self, secret: bytes, *, hours: int, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._seconds = hours * 3600
        self._now = now
        self._ended: dict[str, int] = {}

    def begin(self, login: str, key: str) -> tuple[Session, str]:
        """A new session, and the cookie for it."""
        ends = int(self._now()) + self._seconds
        session = Session(login=login, key=key, ends=ends, number=secrets.token_urlsafe(16))
        body = urlsafe_b64encode(msgspec.msgpack.encode(session)).decode()
        return session, f"{body}.{self._sign(body)}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when nobody here signed it, or when it is over."""
        body, _, signature = cookie.rpartition(".")
        if len(cookie) > LONGEST_COOKIE or not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        try:
            session = _decode(urlsafe_b64decode(body))
        except (ValueError, msgspec.MsgspecError):
            return None
        return session if self.is_open(session) else None

    def is_open(self, session: Session) -> bool:
        """Whether it goes on."""
        return self._now() < session.ends and session.number not in self._ended

    def end(self, session: Session) -> None:
        """Who logs out is out, also with a copy of the cookie."""
        now = self._now()
        self._ended = {number: ends for number, ends in self._ended.items() if ends > now}
        self._ended[session.number] = session.ends

    def _sign(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()


class Tries:
    """So many tries a name in so many seconds. A try counts when it begins: many at once are many."""

    def __init__(
        self, most: int = MOST_TRIES, seconds: float = TRY_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._tries: dict[str, deque[float]] = {}

    def begin(self, name: str) -> float:
        """Count a try. How many seconds to wait before the next one may begin; 0: go on with this one."""
        now = self._now()
        self._forget(now)
        tries = self._tries.setdefault(name if len(self._tries) < MOST_NAMES or name in self._tries else "", deque())
        if len(tries) >= self._most:
            return max(0.1, tries[0] + self._seconds - now)
        tries.append(now)
        return 0.0

    def passed(self, name: str) -> None:
        """It was the right password: earlier slips are forgotten."""
        self._tries.pop(name, None)

    def _forget(self, now: float) -> None:
        for name, tries in list(self._tries.items()):
            while tries and tries[0] <= now - self._seconds:
                tries.popleft()
            if not tries:
                del self._tries[name]


def desk_secret(path: Path) -> bytes:
    """What this desk's cookies are signed with, made at the first start; for its owner alone.

    ConfigError when others may read it, or when it is no secret.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
    return _kept(path)


def _kept(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ConfigError(
            f"{path} may be read by others; delete it, and the next start makes another (all log in anew)"
        )
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise ConfigError(f"{path} is cut; delete it, and the next start makes another (all log in anew)")
    return secret
