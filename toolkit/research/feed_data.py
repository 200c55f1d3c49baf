"""`FeedData`: numbered steps with their instruments and how they look; where they come from is never known here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from html import escape
from math import nan
from typing import TYPE_CHECKING, Final

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Quote, SessionOpened, Step
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.research.horizon import is_hidden, visible

if TYPE_CHECKING:
    import pandas as pd

_ASKS_EVERY: Final = 64  # steps


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass over the steps counts. First and last are feed times; quotes, lowest and highest mid by symbol."""

    steps: int
    sessions: int
    first: FeedTime
    last: FeedTime
    quotes: dict[str, int]
    lowest: dict[str, float]
    highest: dict[str, float]


class Stopped(Exception):
    """Nobody wants any more what is being computed on this data."""


class FeedData:
    """Numbered steps and the instruments in them. Iterating gives the steps from the first on, every time anew.

    `label` says how the prices came about and belongs on every picture of them.
    """

    def __init__(
        self, steps: Callable[[], Iterator[Step]], instruments: Sequence[Instrument], *, title: str, label: str
    ) -> None:
        self.instruments = tuple(instruments)
        self.title = title
        self.label = label
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        return visible(self._steps())

    def __len__(self) -> int:
        return self.summary.steps

    def instrument(self, symbol: str) -> Instrument:
        """One instrument; ConfigError names the known ones when it is none of them."""
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        known = ", ".join(instrument.symbol for instrument in self.instruments)
        raise ConfigError(f"no data of {symbol!r}; there are {known}")

    @property
    def summary(self) -> Summary:
        """Span, counts and ranges."""
        return _summary(self) if is_hidden() else self._whole

    @cached_property
    def _whole(self) -> Summary:
        return _summary(self)

    def frame(self, instrument: str | None = None) -> pd.DataFrame:
        """The quotes in human units as float64, index `time` in UTC: bid, ask, mid, bid_size, ask_size.

        All instruments, with a column `instrument` before the others, or one. A missing side is NaN.
        """
        import pandas as pd  # late: a backtest that looks at no table does without it

        chosen = self.instruments if instrument is None else (self.instrument(instrument),)
        rows = list(_rows(self, chosen))
        columns = ["time", "instrument", "bid", "ask", "mid", "bid_size", "ask_size"]
        table = pd.DataFrame.from_records(rows, columns=columns)
        table["time"] = pd.to_datetime(table["time"], unit="ns", utc=True)
        table = table.set_index("time")
        table[columns[2:]] = table[columns[2:]].astype("float64")
        table.attrs["label"] = self.label
        return table if instrument is None else table.drop(columns="instrument")

    def __repr__(self) -> str:
        found = self.summary
        symbols = ", ".join(instrument.symbol for instrument in self.instruments)
        return (
            f"{self.title} ({self.label}): {symbols}; {found.sessions} sessions from {_day(found.first)} "
            f"to {_day(found.last)}, {found.steps} steps"
        )

    def _repr_html_(self) -> str:
        found = self.summary
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(one.symbol)}</th><td>{found.quotes.get(one.symbol, 0):,}</td>"
            f"<td>{_number(found.lowest, one)}</td><td>{_number(found.highest, one)}</td>"
            f"<td>{one.tick}</td><td>{one.lot}</td><td>{escape(one.currency)}</td></tr>"
            for one in self.instruments
        )
        heads = "".join(
            f"<th>{name}</th>" for name in ("", "quotes", "lowest mid", "highest mid", "tick", "lot", "currency")
        )
        return (
            f"<div><b>{escape(self.title)}</b> · <i>{escape(self.label)}</i><br>"
            f"{found.sessions:,} sessions · {_day(found.first)} – {_day(found.last)} · {found.steps:,} steps"
            f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def stoppable(data: FeedData, is_stopped: Callable[[], bool]) -> FeedData:
    """The same data; whoever goes through it gets `Stopped` within some steps of `is_stopped` turning true."""

    def steps() -> Iterator[Step]:
        for step in data:
            if step.number % _ASKS_EVERY == 0 and is_stopped():
                raise Stopped
            yield step

    return FeedData(steps, data.instruments, title=data.title, label=data.label)


def _summary(data: FeedData) -> Summary:
    steps = sessions = 0
    first = last = FeedTime(0)
    quotes: Counter[str] = Counter()
    lowest: dict[str, float] = {}
    highest: dict[str, float] = {}
    for step in data:
        steps, last = steps + 1, step.time
        first = step.time if steps == 1 else first
        for event in step.events:
            if isinstance(event, SessionOpened):
                sessions += 1
            elif isinstance(event, Quote):
                quotes[event.instrument] += 1
                if 0 < event.bid <= event.ask:
                    mid = (event.bid + event.ask) / 2
                    lowest[event.instrument] = min(mid, lowest.get(event.instrument, mid))
                    highest[event.instrument] = max(mid, highest.get(event.instrument, mid))
    return Summary(
        steps=steps, sessions=sessions, first=first, last=last, quotes=dict(quotes), lowest=lowest, highest=highest
    )


Row = tuple[int, str, float, float, float, float, float]


def _rows(data: FeedData, chosen: Sequence[Instrument]) -> Iterator[Row]:
    units = {one.symbol: (Fraction(one.tick), Fraction(one.lot)) for one in chosen}
    for step in data:
        for event in step.events:
            if isinstance(event, Quote) and event.instrument in units:
                yield _row(int(step.time), event, *units[event.instrument])


def _row(time: int, quote: Quote, tick: Fraction, lot: Fraction) -> Row:
    """Integer times numerator by denominator: the float that is nearest to the exact price, which a product is not."""

    def price(ticks: int) -> float:
        return ticks * tick.numerator / tick.denominator if ticks else nan

    def size(lots: int) -> float:
        return lots * lot.numerator / lot.denominator

    bid, ask = price(quote.bid), price(quote.ask)
    mid = (quote.bid + quote.ask) * tick.numerator / (2 * tick.denominator) if quote.bid and quote.ask else nan
    return time, quote.instrument, bid, ask, mid, size(quote.bid_size), size(quote.ask_size)


def _day(time: FeedTime) -> str:
    return datetime.fromtimestamp(int(time) / NANOSECONDS, UTC).date().isoformat()


def _number(mids: dict[str, float], instrument: Instrument) -> str:
    mid = mids.get(instrument.symbol)
    return "–" if mid is None else f"{Decimal(mid) * instrument.tick:,f}"
