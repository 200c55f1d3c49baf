"""Where a server is and as whom to speak to it; it opens nothing and imports nothing, for quick commands."""

from __future__ import annotations

from typing import NamedTuple


class ServerAddress(NamedTuple):
    """`unix:///path` or `redis://host:port/0`, user and password. The password is never shown."""

    url: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"ServerAddress(url={self.url!r}, username={self.username!r})"
