"""What stays of control 23 over a restart: the breakers that are open; when they open is decided elsewhere."""

from __future__ import annotations

import msgspec

from toolkit.domain.time import MonoTime, WallTime


class OpenBreaker(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="open_breaker"):
    """No entry passes until then, then one to try. `times` is how often the first wait it waits by now.

    `until` by the clock on the wall, for a feed that does not wait; `mono` by the engine's own, which in lockstep is
    that of the feed and goes on where it was.
    """

    venue: str
    until: WallTime
    mono: MonoTime
    times: int


class BreakerMoved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="breaker_moved"):
    """The breaker of a venue or of a route (`key` says which) has opened, again for longer, or closed (None)."""

    key: str
    breaker: OpenBreaker | None
