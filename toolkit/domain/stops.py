"""The rules of stops, the same at the paper venue and in the engine: what they watch, when they are triggered, how they
trail; it keeps no state and sends nothing.

A stop to sell is triggered when the price that it watches is at its stop or below, one to buy at it or above. One that
trails stays `offset` behind the best price since it was placed and never moves away from the market. A bar is watched
as it is walked: open, nearer extreme, other extreme, close.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.domain.market import Bar, MarketEvent, Quote, Trade
from toolkit.domain.orders import SELL, Side, Trigger


def watched(side: Side, trigger: Trigger | None) -> Trigger:
    """The price that a stop watches: what was asked for, else the side that it would trade with."""
    if trigger is not None:
        return trigger
    return Trigger.BID if side is SELL else Trigger.ASK


def prices_seen(event: MarketEvent, trigger: Trigger) -> Iterable[int]:
    """The prices (ticks) of an event that a stop with this trigger looks at, in the order of their time."""
    if type(event) is Quote:
        if trigger is Trigger.LAST:
            return ()
        price = event.bid if trigger is Trigger.BID else event.ask
        return (price,) if price > 0 else ()
    if type(event) is Trade:
        return (event.price,) if trigger is Trigger.LAST else ()
    return walk(event) if type(event) is Bar else ()


def walk(bar: Bar) -> tuple[int, int, int, int]:
    """The prices of a bar in the order in which it is taken to have gone through them.

    Of two extremes the one nearer to the open comes first, the high when both are as near.
    """
    high_first = bar.high - bar.open <= bar.open - bar.low
    return (bar.open, bar.high, bar.low, bar.close) if high_first else (bar.open, bar.low, bar.high, bar.close)


def is_through(side: Side, stop: int, price: int) -> bool:
    """Whether this price triggers the stop."""
    return price <= stop if side is SELL else price >= stop


def trailed(side: Side, stop: int, offset: int, price: int) -> int:
    """Where a trailing stop stands once it has seen this price."""
    return max(stop, price - offset) if side is SELL else min(stop, price + offset)
