"""Rows of one instrument made exact, in ticks and lots, every fault told; nothing is rounded or dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.instruments import Instrument
from toolkit.research.data_problems import Problem, Rows, Severity
from toolkit.research.data_table import FIELDS, PRICES, Flags, Floats, Integers, RawTable
from toolkit.research.data_times import NO_TIME, REPEATED, SKIPPED

ERROR, WARNING = Severity.ERROR, Severity.WARNING
ASSUMED_LOTS: Final = 1_000

_TIME_MENDS: Final[Mapping[str, tuple[str, str]]] = {
    NO_TIME: ("the time cannot be read", "write ISO times such as 2024-03-08 09:30:00"),
    SKIPPED: ("this time was skipped when clocks went forward", "give times in UTC, or look at the zone"),
    REPEATED: ("this time came twice when clocks went back", "give times in UTC, or with their offset"),
}
_BOOK_LOST: Final = (
    "changes of the order book are missing after it",
    "it is not trusted from there to the next whole book, as live; read quotes that are told, where there are some",
)
_MAY_CHANGE: Final = (
    "it is the newest of an answer that does not say whether it was finished, and may have changed since",
    "leave it out, unless it was asked for after its end",
)


class Rules(NamedTuple):
    """What a person allowed: prices to the nearest tick, sizes to the nearest lot, rows put in order of time."""

    round_to_tick: bool = False
    round_to_lot: bool = False
    sort: bool = False


class Series(NamedTuple):
    """Good rows of one instrument: times in ns UTC, prices in ticks, sizes in lots, and where each stands.

    `heard` is when each bar came, 0 where nobody noted it; `lost`, when the order book behind the quotes was lost.
    """

    instrument: Instrument
    kind: str
    times: Integers
    values: Mapping[str, Integers]
    rows: Rows
    dates: bool
    heard: Integers
    lost: Integers

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def price(self) -> Integers:
        """The price that stands for the row, in half ticks: close, trade, or the middle of bid and ask."""
        if self.kind == "quotes":
            bid, ask = self.values["bid"], self.values["ask"]
            return np.where((bid > 0) & (ask > 0), bid + ask, 2 * np.maximum(bid, ask))
        return 2 * self.values["close" if self.kind == "bars" else "price"]

    def only(self, chosen: Flags | Integers) -> Series:
        values = {name: column[chosen] for name, column in self.values.items()}
        return self._replace(
            times=self.times[chosen], values=values, rows=self.rows.only(chosen), heard=self.heard[chosen]
        )


def series_of(
    tables: Sequence[RawTable], instrument: Instrument, kind: str, rules: Rules
) -> tuple[Series, list[Problem]]:
    """All rows of one kind and instrument, from every table in the order given, and what is wrong with them."""
    chosen = [(table, (table.frame["instrument"] == instrument.symbol).to_numpy()) for table in tables]
    frame = pd.concat([table.frame[flags] for table, flags in chosen], ignore_index=True)
    times = np.concatenate([table.times[flags] for table, flags in chosen])
    rows = Rows(
        instrument.symbol,
        tuple(table.name for table, _ in chosen),
        np.concatenate([np.full(int(flags.sum()), place) for place, (_, flags) in enumerate(chosen)]),
        np.concatenate([table.lines[flags] for table, flags in chosen]),
    )
    problems: list[Problem] = []
    good = np.ones(len(times), dtype=bool)
    for fault, (what, mend) in _TIME_MENDS.items():
        none = [np.zeros(int(flags.sum()), dtype=bool) for _, flags in chosen]
        late = [table.time_faults[fault][flags] if fault in table.time_faults else no
                for (table, flags), no in zip(chosen, none, strict=True)]  # fmt: skip
        flagged = np.concatenate(late)
        problems += rows.told(flagged, times, ERROR, fault, what, mend)
        good &= ~flagged
    lost, heard, may_change = (
        np.concatenate(
            [_or_zeros(table, column)[flags] for (table, flags), column in zip(chosen, columns, strict=True)]
        )
        for columns in zip(*((table.lost, table.heard, table.may_change) for table, _ in chosen), strict=True)
    )
    problems += rows.told(lost > 0, times, WARNING, "book lost", *_BOOK_LOST)
    problems += rows.told(may_change > 0, times, WARNING, "may change still", *_MAY_CHANGE)
    exact = _Exact(instrument, kind, rows, times, rules)
    values = exact.all(frame)
    dates = all(table.dates for table, _ in chosen)
    series = Series(instrument, kind, times, values, rows, dates, heard, lost[lost > 0]).only(good & exact.good)
    series, order = _in_order(series, rules)
    return series, problems + exact.problems + order


def _or_zeros(table: RawTable, column: Integers | None) -> Integers:
    return np.zeros(len(table.times), dtype=np.int64) if column is None else column


class _Exact:
    """Turns columns into whole ticks and lots and flags what is none."""

    def __init__(self, instrument: Instrument, kind: str, rows: Rows, times: Integers, rules: Rules) -> None:
        self.good = np.ones(len(times), dtype=bool)
        self.problems: list[Problem] = []
        self._instrument, self._kind, self._rows, self._times, self._rules = instrument, kind, rows, times, rules

    def all(self, frame: pd.DataFrame) -> dict[str, Integers]:
        raw = {name: frame[name].to_numpy(dtype=float) for name in FIELDS[self._kind] if name in frame}
        absent: dict[str, Flags] = {side: self._absent(raw, side) for side in ("bid", "ask") if side in raw}
        if absent:
            neither = absent["bid"] & absent["ask"]
            self._tell(neither, ERROR, "no side", "neither bid nor ask", "delete the row, or look at its source")
        return {name: self._field(name, raw, absent) for name in FIELDS[self._kind]}

    def _absent(self, raw: Mapping[str, Floats], side: str) -> Flags:
        """A side that is not there: no price and, where sizes are given, no size."""
        missing = _empty(raw[side])
        return missing & _empty(raw[f"{side}_size"]) if f"{side}_size" in raw else missing

    def _field(self, name: str, raw: Mapping[str, Floats], absent: Mapping[str, Flags]) -> Integers:
        side = absent.get(name.removesuffix("_size"), np.zeros(len(self._times), dtype=bool))
        if name not in raw:
            self._tell(
                np.arange(len(self._times)) == 0, WARNING, "no sizes",
                f"there is no column {name}; {ASSUMED_LOTS:,} lots are assumed", "give sizes if there are some",
            )  # fmt: skip
            return np.where(side, 0, ASSUMED_LOTS).astype(np.int64)
        column, price = raw[name], name in PRICES
        wrong = ~np.isfinite(column) & ~side
        self._tell(wrong, ERROR, "not a number", f"{name} is no number", "fill it in, or delete the row")
        low = (column < 0) if name == "volume" else (column <= 0)
        flagged = low & ~side & ~wrong
        fault = "zero or negative"
        self._tell(flagged, ERROR, fault, f"{name} is 0 or below", "look at the source; it must be above 0")
        if name == "volume":
            self._tell(column == 0, WARNING, "no volume", "volume is 0", "nothing traded: its quotes show one lot")
        usable = np.where(wrong | flagged | side, 0.0, column)
        return self._whole(name, usable, self._instrument.tick if price else self._instrument.lot, price)

    def _whole(self, name: str, column: Floats, grid: Decimal, price: bool) -> Integers:
        """A float is on the grid when it is the one nearest to a multiple: the only exact test that floats allow."""
        numerator, denominator = grid.as_integer_ratio()
        counts = np.rint(column * denominator / numerator)
        off = counts * numerator / denominator != column
        what, rounds = ("tick", self._rules.round_to_tick) if price else ("lot", self._rules.round_to_lot)
        symbol = self._instrument.symbol
        if rounds:
            told = f"{name} was rounded to {what} {grid}"
            self._tell(off, WARNING, "rounded", told, f"as round_to_{what} asked for", drop=False)
            vanished = off & (counts == 0) & (name != "volume")
            self._tell(vanished, ERROR, f"off {what}", f"{name} rounds to 0", f"give {symbol} a smaller {what}")
        else:
            mend = f"check {what} {grid} of {symbol}, or allow round_to_{what}=True (split-adjusted prices need it)"
            mend = mend if price else mend.partition(" (")[0]
            self._tell(off, ERROR, f"off {what}", f"{name} is no multiple of {grid}", mend)
        return counts.astype(np.int64)

    def _tell(
        self, flags: Flags, severity: Severity, fault: str, what: str, mend: str, *, drop: bool | None = None
    ) -> None:
        self.problems += self._rows.told(flags, self._times, severity, fault, what, mend)
        if severity is ERROR and drop is None:
            self.good &= ~flags


def _empty(column: Floats) -> Flags:
    empty: Flags = np.isnan(column) | (column == 0)
    return empty


def _in_order(series: Series, rules: Rules) -> tuple[Series, list[Problem]]:
    """In order of time, repeats dropped, and what the rows themselves say against each other."""
    problems: list[Problem] = []
    times, rows = series.times, series.rows
    back = np.diff(times, prepend=times[:1]) < 0
    if rules.sort:
        problems += rows.told(back, times, WARNING, "disorder", "time went back", "sorted, as sort asked for")
    else:
        problems += rows.told(back, times, ERROR, "disorder", "time goes back", "sort the file, or allow sort=True")
    series = series.only(np.argsort(times, kind="stable"))
    again, other = _repeats(series)
    problems += series.rows.told(again, series.times, WARNING, "duplicate", "the row came before", "counted once")
    problems += series.rows.told(
        other, series.times, ERROR, "duplicate", "another bar of the same time", "keep one of the two"
    )
    series = series.only(~again & ~other)
    return series, [*problems, *_judged(series)]


def _repeats(series: Series) -> tuple[Flags, Flags]:
    """Rows that say the same again, and bars that say something else of the same time. Equal trades are two trades."""
    none = np.zeros(len(series.times), dtype=bool)
    if series.kind == "trades" or len(none) < 2:
        return none, none
    same_time, same = none.copy(), none.copy()
    same_time[1:] = series.times[1:] == series.times[:-1]
    same[1:] = np.all([column[1:] == column[:-1] for column in series.values.values()], axis=0)
    return same_time & same, same_time & ~same & (series.kind == "bars")


def _judged(series: Series) -> Iterator[Problem]:
    told, values, times = series.rows.told, series.values, series.times
    if series.kind == "quotes":
        bid, ask = values["bid"], values["ask"]
        both = (bid > 0) & (ask > 0)
        mend = "entries wait until it ends; if it stays, look for a withdrawn quote"
        yield from told(both & (bid > ask), times, WARNING, "crossed", "bid is above ask", mend)
        yield from told(both & (bid == ask), times, WARNING, "locked", "bid and ask are equal", mend)
    elif series.kind == "bars":
        body = np.stack([values["open"], values["close"]])
        wrong = (values["low"] > body.min(axis=0)) | (values["high"] < body.max(axis=0))
        what = "open or close lies outside of low and high"
        yield from told(wrong, times, ERROR, "impossible bar", what, "look at its source")
