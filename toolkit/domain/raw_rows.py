"""Market data as a venue wrote it, in its own words and human units; nothing here has been judged yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from toolkit.domain.time import FeedTime, WallTime

Number = str | int | float | Decimal | None


class RawQuote(NamedTuple):
    """A quote as a venue wrote it, in human units; None or 0 with size 0 is a missing side.

    `number` is the venue's own, growing in this instrument's quotes; `previous` the number that must have come before
    it, None where numbers may jump. `place` says where the row stands: file and line, or stream and id.
    """

    instrument: str
    time: FeedTime
    bid: Number
    ask: Number
    bid_size: Number
    ask_size: Number
    place: str
    number: int | None = None
    previous: int | None = None


class RawTrade(NamedTuple):
    """A public trade as a venue wrote it, in human units; `number`, `previous` and `place` as in RawQuote."""

    instrument: str
    time: FeedTime
    price: Number
    size: Number
    place: str
    number: int | None = None
    previous: int | None = None


Level = tuple[str, str]
"""Price and size of one level of an order book."""


ExactLevel = tuple[Decimal, Decimal]
"""Price and size with the digits that the venue wrote."""


class BookProof(NamedTuple):
    """The venue's word on its book: `holds` tells whether it fits our best `levels` bids and asks, the best first."""

    levels: int
    holds: Callable[[Sequence[ExactLevel], Sequence[ExactLevel]], bool]


class RawDepth(NamedTuple):
    """Levels of one instrument's order book: what they are from now on, size 0 for one that is gone.

    `first` to `last` are the numbers of the changes in it, growing without a gap from row to row: the venue's, or those
    that its reader counts where it has none, with a gap where something else shows that a change was lost. A snapshot
    is the whole book as of `last`. Where the venue tells only the best `depth` levels of a side, a level that is pushed
    out of them is gone without a word; 0 is all of them. `proof` is of the book after this row.
    """

    instrument: str
    time: FeedTime
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    place: str
    first: int
    last: int
    snapshot: bool = False
    depth: int = 0
    proof: BookProof | None = None


RawRow = RawQuote | RawTrade | RawDepth


class RawMessage(NamedTuple):
    """What one message of a venue says. `sent` is the venue's own clock, None where it tells none.

    `refused` is the venue's answer to a subscription that it does not grant.
    """

    rows: tuple[RawRow, ...] = ()
    sent: WallTime | None = None
    refused: str = ""
