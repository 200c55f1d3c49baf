"""What an engine process is made of: its ports and its plan; nothing is opened here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from execution.services.budget_keeper import Budgets
from toolkit.domain.events import Batch
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.instruments import Currency
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.orders import Ability
from toolkit.domain.ports import Bus, Head, Journal, Sealed, TokenBank, Venue
from toolkit.domain.requests import CancelOrder, VenueReport
from toolkit.domain.time import MonoTime, WallTime
from toolkit.engine.lifeboat import LeftFlatten
from toolkit.engine.messages import Valuation
from toolkit.engine.router_settings import RouterSettings


class Clock(Protocol):
    def wall(self) -> WallTime: ...

    def mono(self) -> MonoTime: ...


class Codec(Protocol):
    """Bytes of batches and steps."""

    schema: int

    def seal(self, batch: Batch) -> Sealed: ...

    def open_batch(self, payload: bytes) -> Batch: ...

    def encode_step(self, step: Step) -> bytes: ...


class MirroredBatch(Protocol):
    @property
    def batch(self) -> Sealed: ...

    @property
    def inboxes(self) -> Mapping[str, Sequence[InboxEntry]]: ...


class Mirror(Protocol):
    def write(self, batch: Sealed, inboxes: Mapping[str, Sequence[InboxEntry]]) -> None: ...

    def missing(self, head: Head) -> Sequence[MirroredBatch]: ...

    def trim(self, head: Head) -> None: ...

    def begin(self, head: Head) -> None: ...


class HeadSeen(Protocol):
    epoch: int

    def record(self, epoch: int, head: Head) -> None: ...

    def check(self, head: Head) -> None: ...


class StoredSnapshot(Protocol):
    @property
    def state(self) -> bytes: ...

    @property
    def sequence(self) -> int: ...

    @property
    def digest(self) -> bytes: ...


class Snapshots(Protocol):
    def newest(self, book: str, fold_version: int, up_to: int | None = None) -> StoredSnapshot | None: ...

    def keep(self, book: str, fold_version: int, head: Head, state: bytes) -> None: ...


class Archive(Protocol):
    """What the server no longer holds of the journal."""

    def read(self, after: int = 0) -> Iterator[Sealed]: ...


class Lifeboat(Protocol):
    def record(self, cancel: CancelOrder, wall: WallTime, cause: str) -> None: ...

    def orders(self) -> Sequence[str]: ...

    def left(self) -> Sequence[LeftFlatten]: ...

    def is_in_hand(self) -> bool: ...

    def empty(self) -> None: ...


class VenueLine(Venue, Protocol):
    """A venue's line with what lockstep needs beside the port."""

    async def connect(self, within: float) -> None: ...

    async def advance(self, step: Step) -> Sequence[VenueReport]: ...

    async def sync(self) -> Sequence[VenueReport]: ...

    async def stay_alive(self, seconds: float) -> None: ...

    def close(self) -> None: ...


class BeatFile(Protocol):
    """What a watchdog looks at."""

    def beat(self) -> None: ...

    def clear(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class EnginePlan:
    """What somebody wrote about this engine. Times in seconds; `strategies` are those that must answer each step.

    The venues of `dead_man` cancel entries when they hear nothing for so many seconds.
    A new book trades after `first_step`; `history_steps` before the book's step rebuild the View.
    """

    book: str
    desk: str
    base_currency: str
    currencies: tuple[Currency, ...]
    venues: tuple[str, ...]
    abilities: Mapping[str, frozenset[Ability]]
    router: RouterSettings
    strategies: tuple[str, ...]
    valuations: tuple[Valuation, ...]
    exchange_rates: tuple[Valuation, ...]
    feed_mode: FeedMode
    lease_seconds: float
    quarantine_seconds: float
    snapshot_every: int
    first_step: int
    history_steps: int
    beat_seconds: float
    reconcile_seconds: float = 5.0
    dead_man: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EngineParts:
    """The outside of one engine."""

    journal: Journal
    bus: Bus
    bank: TokenBank
    budgets: Budgets
    venues: Mapping[str, VenueLine]
    mirror: Mirror
    seen: HeadSeen
    snapshots: Snapshots
    archive: Archive
    lifeboat: Lifeboat
    beat_file: BeatFile
    codec: Codec
    clock: Clock
    reach: Callable[[str], None]
    owner: str
    host: str
    pid: int
