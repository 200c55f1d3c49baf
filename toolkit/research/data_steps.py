"""Numbered steps from exact columns and the bells of their calendars, made one at a time; nothing is judged here.

A bar is told when it ends. Before that, where the instrument has no quotes of its own, come simulated ones some ticks
apart: the open at its beginning, the nearer extreme and the other one at its thirds, the close just before its end. The
true order within a bar is not known. The first bar of an instrument comes alone, with its close as the only quote. What
came later than it ended is told then, and its quotes stand where they would. A lost order book is a FeedGap, as live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from toolkit.domain.market import Bar, FeedGap, MarketEvent, Quote, SessionClosed, SessionOpened, Step, Trade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.research.data_sessions import Sessions, Spans
from toolkit.research.data_table import Integers

# The order at one time: what has ended, the bells, what begins. Each group is a step of its own.
ENDED, CLOSED, OPENED, BEGUN = range(4)
CHUNK: Final = 8_192
_QUOTES_PER_BAR: Final = 4

Maker = Callable[[int], MarketEvent]


class Part(NamedTuple):
    """Events of one kind from one source: when, in which group, of which row, and how a row becomes an event."""

    times: Integers
    group: int
    rows: Integers
    make: Maker


def parts_of(spans: Sequence[Spans], sessions: Sequence[Sessions], spread_ticks: int) -> list[Part]:
    """Everything that will be told, bells included."""
    quoted = {one.series.symbol for one in spans if one.series.kind == "quotes"}
    barred = {one.series.symbol for one in spans if one.series.kind == "bars"}
    parts = [part for one in sessions for part in _bells(one)]
    for one in spans:
        symbol = one.series.symbol
        simulated = symbol not in quoted and (one.series.kind == "bars" or symbol not in barred)
        parts += _PARTS[one.series.kind](one, spread_ticks // 2 if simulated else 0)
    return parts


def steps(parts: Sequence[Part], label: str) -> Iterator[Step]:
    """The steps in order of time, numbered from 1."""
    times = np.concatenate([part.times for part in parts])
    groups = np.concatenate([np.full(len(part.times), part.group, dtype=np.int8) for part in parts])
    sources = np.concatenate([np.full(len(part.times), place, dtype=np.int16) for place, part in enumerate(parts)])
    rows = np.concatenate([part.rows for part in parts])
    order = np.lexsort((sources, rows, groups, times))
    number, now, group = 1, -1, -1
    events: list[MarketEvent] = []
    for begin in range(0, len(order), CHUNK):
        chunk = order[begin : begin + CHUNK]
        columns = (column[chunk].tolist() for column in (times, groups, sources, rows))
        for time, of, source, row in zip(*columns, strict=True):
            if (time, of) != (now, group) and events:
                yield Step(number=number, time=FeedTime(now), label=label, events=tuple(events))
                number, events = number + 1, []
            now, group = time, of
            events.append(parts[source].make(row))
    if events:
        yield Step(number=number, time=FeedTime(now), label=label, events=tuple(events))


def _bells(sessions: Sessions) -> Iterator[Part]:
    calendar, dates, rows = sessions.calendar, sessions.dates, np.arange(len(sessions.dates))
    yield Part(sessions.closes, CLOSED, rows, lambda row: SessionClosed(calendar=calendar, session=dates[row]))
    yield Part(sessions.opens, OPENED, rows, lambda row: SessionOpened(calendar=calendar, session=dates[row]))


def _of_quotes(spans: Spans, half: int) -> Iterator[Part]:
    symbol = spans.series.symbol
    bid, ask, bid_size, ask_size = (spans.series.values[name] for name in ("bid", "ask", "bid_size", "ask_size"))

    def quote(row: int) -> Quote:
        return Quote(
            instrument=symbol, bid=int(bid[row]), ask=int(ask[row]), bid_size=int(bid_size[row]),
            ask_size=int(ask_size[row]),
        )  # fmt: skip

    yield Part(spans.starts, BEGUN, np.arange(len(bid)), quote)
    lost = spans.series.lost
    yield Part(lost, ENDED, np.arange(len(lost)), lambda row: FeedGap(instrument=symbol))


def _of_trades(spans: Spans, half: int) -> Iterator[Part]:
    symbol, rows = spans.series.symbol, np.arange(len(spans.starts))
    price, size = spans.series.values["price"], spans.series.values["size"]
    if half:
        yield Part(spans.starts, BEGUN, rows, lambda row: _around(symbol, int(price[row]), half, int(size[row])))
    yield Part(
        spans.starts, BEGUN, rows, lambda row: Trade(instrument=symbol, price=int(price[row]), size=int(size[row]))
    )


def _of_bars(spans: Spans, half: int) -> Iterator[Part]:
    symbol, values, starts = spans.series.symbol, spans.series.values, spans.starts
    rows, ends = np.arange(len(starts)), np.minimum(spans.ends, starts + spans.size)
    length = ends - starts
    volume = values["volume"]

    def bar(row: int) -> Bar:
        prices = {name: int(values[name][row]) for name in ("open", "high", "low", "close")}
        return Bar(instrument=symbol, start=FeedTime(int(starts[row])), volume=int(volume[row]), **prices)

    yield Part(spans.ends, ENDED, rows, bar)
    if not half:
        return

    def simulated(prices: Integers) -> Maker:
        return lambda row: _around(symbol, int(prices[row]), half, max(1, int(volume[row]) // _QUOTES_PER_BAR))

    nearer, farther = _extremes(values["open"], values["high"], values["low"])
    before_the_end = np.minimum(NANOSECONDS, length // 8)
    later = rows[1:]
    yield Part(ends[:1], ENDED, rows[:1], simulated(values["close"]))
    for times, prices in (
        (starts, values["open"]),
        (starts + length // 3, nearer),
        (starts + 2 * length // 3, farther),
        (ends - before_the_end, values["close"]),
    ):
        yield Part(times[1:], BEGUN, later, simulated(prices))


def _extremes(opens: Integers, highs: Integers, lows: Integers) -> tuple[Integers, Integers]:
    high_first = highs - opens < opens - lows
    return np.where(high_first, highs, lows), np.where(high_first, lows, highs)


def _around(symbol: str, price: int, half: int, size: int) -> Quote:
    return Quote(instrument=symbol, bid=price - half, ask=price + half, bid_size=size, ask_size=size)


_PARTS: Final[dict[str, Callable[[Spans, int], Iterator[Part]]]] = {
    "quotes": _of_quotes, "trades": _of_trades, "bars": _of_bars,
}  # fmt: skip
