"""Market data as numbered steps of integers (ticks and lots); where it comes from is never known here."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from toolkit.domain.time import FeedTime


class Quote(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="quote"):
    """Best bid and offer. Prices in ticks, sizes in lots; a missing side has price 0 and size 0."""

    instrument: str
    bid: int
    ask: int
    bid_size: int
    ask_size: int


class Trade(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="trade"):
    """A public trade. Price in ticks, size in lots."""

    instrument: str
    price: int
    size: int


class Bar(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="bar"):
    """A finished bar of a feed that has only bars. Prices in ticks; from `start` until the step's time."""

    instrument: str
    start: FeedTime
    open: int
    high: int
    low: int
    close: int
    volume: int


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="session_opened"):
    """A trading session of a calendar begins. `session` is its date, ISO."""

    calendar: str
    session: str


class SessionClosed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="session_closed"):
    """A trading session of a calendar ends: DAY orders expire, bars close, the book rolls."""

    calendar: str
    session: str


class TradingHalted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="trading_halted"):
    """The venue halted or resumed one instrument."""

    instrument: str
    halted: bool


class FeedGap(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="feed_gap"):
    """Messages of this instrument were lost before this step; empty means of all instruments."""

    instrument: str = ""


MarketEvent = Quote | Trade | Bar | SessionOpened | SessionClosed | TradingHalted | FeedGap


class Step(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="step"):
    """One numbered message of a feed: everything that became known at one feed time.

    Numbers start at 1 and have no gaps. `label` is shown with every price that comes from it, for instance
    "simulated quotes in real bars".
    """

    number: int
    time: FeedTime
    label: str
    events: tuple[MarketEvent, ...]


class FeedMode(StrEnum):
    LOCKSTEP = "lockstep"
    FREE = "free"
