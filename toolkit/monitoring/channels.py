"""Where alerts are told, and in which order, as config/monitoring.yaml says it; nothing is sent from here."""

from __future__ import annotations

from typing import Final

import msgspec

ESCALATE_AFTER_SECONDS: Final = 300.0
HEARTBEAT_SECONDS: Final = 30.0


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach people. `address` is an apprise URL, resolved: it may hold a secret, no log shows it.

    What a rule names in `channels` is a chain: the first is told at once; an alert that nobody has acknowledged
    `escalate_after` seconds after a channel was told goes on to the next.
    """

    name: str
    address: str
    escalate_after: float = ESCALATE_AFTER_SECONDS

    def __repr__(self) -> str:
        return f"Channel(name={self.name!r}, escalate_after={self.escalate_after:g})"


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """All channels of a desk in the order in which one stands in for another that is dead.

    `heartbeat` is an http(s) address that is called every `heartbeat_every` seconds while the journal is read and rules
    are evaluated, "" for none: whoever watches it notices when this whole path is dead. `dashboards` is the address
    that links in a message begin with, "" where there are none. `owner` answers for channels that take nothing.
    """

    channels: tuple[Channel, ...] = ()
    heartbeat: str = ""
    heartbeat_every: float = HEARTBEAT_SECONDS
    dashboards: str = ""
    owner: str = ""

    def channel(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels if channel.name == name), None)

    def __repr__(self) -> str:
        return f"Telling(channels={self.channels!r}, heartbeat={'…' if self.heartbeat else ''!r})"
