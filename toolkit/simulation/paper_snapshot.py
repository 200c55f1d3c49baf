"""The stored form of a paper venue: bytes out, bytes in; what the state means stands in `matching` and `paper_book`."""

from __future__ import annotations

import msgspec

from toolkit.domain.market import Quote
from toolkit.domain.time import FeedTime
from toolkit.simulation.paper_book import Market, PaperOrder
from toolkit.simulation.paper_mail import Pending
from toolkit.simulation.paper_post import Posted
from toolkit.simulation.unwilling import Unwilling


class MarketSnapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument without its orders, which know where they stand."""

    quote: Quote | None
    bid_taken: int
    ask_taken: int
    priced: bool
    halted: bool

    @classmethod
    def of(cls, market: Market) -> MarketSnapshot:
        return cls(
            quote=market.quote,
            bid_taken=market.bid_taken,
            ask_taken=market.ask_taken,
            priced=market.priced,
            halted=market.halted,
        )

    def put_back(self, market: Market) -> None:
        market.quote, market.priced, market.halted = self.quote, self.priced, self.halted
        market.bid_taken, market.ask_taken = self.bid_taken, self.ask_taken
        market.settle()


class VenueSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what a paper venue says next, beside its settings and instruments."""

    step: int
    now: FeedTime
    last_report: int
    executions: int
    received: int
    orders: int
    queued: int
    refusing: int
    sessions: dict[str, bool]
    positions: dict[str, int]
    silences: dict[str, int]
    pending: list[Pending]
    markets: dict[str, MarketSnapshot]
    open_orders: list[PaperOrder]
    closed_orders: list[PaperOrder]
    posted: list[Posted] = []
    volumes: dict[str, dict[int, int]] = {}
    dead_man_after: int = 0
    unwilling: Unwilling | None = None
    cash: dict[str, int] | None = None
    owned: dict[str, dict[str, int]] = {}

    def encode(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> VenueSnapshot:
        return msgspec.msgpack.decode(data, type=cls)
