"""What is known of a desk beside its journal: processes, servers, disk, feed, archive; it is read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ProcessFact(msgspec.Struct, frozen=True, kw_only=True):
    """One process. Times in UTC ns, 0 where not known; `step` is what its beat last said."""

    name: str
    up: bool
    given_up: bool = False
    restarts: int = 0
    memory_bytes: int = 0
    started: int = 0
    beat: int = 0
    step: int = 0


class ServerFact(msgspec.Struct, frozen=True, kw_only=True):
    """One server. `full` is the part of its memory that is taken."""

    name: str
    up: bool
    memory_bytes: int = 0
    full: float = 0.0


class DeskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """As of one look. Times in UTC ns, 0 where there is none; what is None or missing is not known.

    `skews` are seconds by which a clock is ahead of ours. `stale` are instruments whose listener hears nothing though
    their market is open, None where the listener does not say. `quotes` is when the newest came in, by instrument.
    `archived` is when the archive last grew, or had all of the journal. `divergence` is of the last session, `drift`
    Page's sum over all, in σ, by strategy and what it is held against; `unmeasured` are the sessions since one was
    replayed.
    """

    ready: bool = False
    problems: int = 0
    processes: tuple[ProcessFact, ...] = ()
    servers: tuple[ServerFact, ...] = ()
    journal_end: int = 0
    journal_read: int = 0
    feed_step_seen: int = 0
    feed_lateness: float | None = None
    stale: tuple[str, ...] | None = None
    quotes: Mapping[str, int] = {}
    disk_free: int | None = None
    disk_size: int = 0
    skews: Mapping[str, float] = {}
    archive_end: int | None = None
    archived: int = 0
    snapshot: int = 0
    backup: int = 0
    reports: Mapping[str, int] = {}
    open_markets: Mapping[str, bool] = {}
    divergence: Mapping[tuple[str, str], float] = {}
    drift: Mapping[tuple[str, str], float] = {}
    unmeasured: Mapping[tuple[str, str], int] = {}
    rollbacks: Mapping[str, float] = {}
