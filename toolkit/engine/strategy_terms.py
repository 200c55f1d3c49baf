"""Stops, dates and brackets as a strategy asks for them, turned into ticks and instants exactly or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from toolkit.domain.orders import Bracket, HeldAt, OrderType, Side, Terms, TimeInForce, Trigger
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.strategy_market import InstrumentView, Number
from toolkit.engine.strategy_units import Unfit, positive, quanta_of

Until = datetime | float | int
Watching = Literal["last", "bid", "ask"] | Trigger
Holder = Literal["venue", "engine"] | HeldAt

STOPS_AND_DATES = 22  # row of CONTROLS.md
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What protects an entry, in human units."""

    stop: Number
    target: Number | None = None
    stop_limit: Number | None = None
    trail: Number | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an order says beyond price and quantity, in human units; `until` is an instant or seconds from now."""

    stop: Number | None = None
    trail: Number | None = None
    trigger: Watching | None = None
    held: Holder | None = None
    until: Until | None = None
    around: Around | None = None


PLAIN = Asked()


def order_type(asked: Asked | None, price: int | None) -> OrderType:
    """The kind of order that this makes."""
    if asked is not None and asked.trail is not None:
        return OrderType.TRAILING_STOP
    if asked is not None and asked.stop is not None:
        return OrderType.STOP if price is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if price is None else OrderType.LIMIT


def terms_asked(view: InstrumentView, asked: Asked, in_force: TimeInForce, now: int) -> Terms:
    """The terms in ticks and feed time. Unfit names the mend."""
    trigger = None if asked.trigger is None else Trigger(_one_of(Trigger, asked.trigger, "trigger"))
    held_at = None if asked.held is None else HeldAt(_one_of(HeldAt, asked.held, "held"))
    is_stop = asked.stop is not None or asked.trail is not None
    if not is_stop and asked.around is None and (trigger is not None or held_at is not None):
        raise Unfit(f"{view.symbol}: trigger and held are for stops; give stop or trail as well", STOPS_AND_DATES)
    if (in_force is TimeInForce.GTD) != (asked.until is not None):
        raise Unfit(f"{view.symbol}: tif 'gtd' and until belong together; give both or none", STOPS_AND_DATES)
    around = asked.around
    return Terms(
        stop=_ticks(view, asked.stop, "stop"),
        offset=_ticks(view, asked.trail, "trail"),
        trigger=trigger if is_stop else None,
        held_at=held_at if is_stop else None,
        expires=None if asked.until is None else _instant(view, asked.until, now),
        bracket=None if around is None else _bracket(view, around, trigger, held_at),
    )


def moved_stop(view: InstrumentView, stop: Number | None) -> int | None:
    return _ticks(view, stop, "stop")


def check_side(side: str) -> Side:
    """ValueError for anything but "buy" and "sell"."""
    if side not in ("buy", "sell"):
        raise ValueError(f"side is {side!r}; give 'buy' or 'sell'")
    return Side.BUY if side == "buy" else Side.SELL


def _bracket(view: InstrumentView, around: Around, trigger: Trigger | None, held_at: HeldAt | None) -> Bracket:
    return Bracket(
        stop=_ticks(view, around.stop, "stop") or 0,
        limit=_ticks(view, around.stop_limit, "stop_limit"),
        offset=_ticks(view, around.trail, "trail"),
        trigger=trigger,
        held_at=held_at,
        target=_ticks(view, around.target, "target"),
    )


def _ticks(view: InstrumentView, value: Number | None, what: str) -> int | None:
    if value is None:
        return None
    named = f"{view.symbol}: {what}"
    return positive(quanta_of(value, view.definition.tick, named, "tick", view.price), named, value)


def _instant(view: InstrumentView, until: Until, now: int) -> FeedTime:
    if isinstance(until, datetime):
        if until.tzinfo is None:
            raise Unfit(f"{view.symbol}: until {until} has no time zone; give one, for instance UTC", STOPS_AND_DATES)
        since = until - _EPOCH
        return FeedTime(((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000)
    if not 0 < until < 10**10:
        raise Unfit(f"{view.symbol}: until is {until} seconds from now; give a number above 0", STOPS_AND_DATES)
    return FeedTime(now + round(until * NANOSECONDS))


def _one_of(kind: Iterable[str], value: str, what: str) -> str:
    """ValueError, a slip of the pen in the strategy, where there is no such member."""
    known = [str(one) for one in kind]
    if value not in known:
        raise ValueError(f"{what} is {value!r}; give one of {', '.join(known)}")
    return value
