"""Sessions of a calendar around people's own data: what is missing, what lies outside, what looks like a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from toolkit.client.calendars import Bell, bells
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import SessionOpened
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_problems import Problem, Severity
from toolkit.research.data_series import Series
from toolkit.research.data_table import Flags, Floats, Integers

SPLITS: Final = tuple(
    sorted({n / m for n, m in ((2, 1), (3, 2), (4, 3), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (15, 1),
                               (20, 1), (25, 1), (30, 1), (50, 1), (100, 1))})
)  # fmt: skip
NEAR_A_SPLIT: Final = 0.04
SILENCE: Final = 600 * NANOSECONDS

_DAY: Final = 86_400 * NANOSECONDS
_EPOCH: Final = date(1970, 1, 1)


class Sessions(NamedTuple):
    """Sessions of one calendar in order: bells in ns UTC, and their dates."""

    calendar: str
    opens: Integers
    closes: Integers
    dates: tuple[str, ...]

    def place(self, times: Integers) -> Integers:
        """The session that each time is in, or the last before it; -1 before all."""
        return np.searchsorted(self.opens, times, side="right").astype(np.int64) - 1

    def is_open(self, times: Integers) -> Flags:
        if not len(self.opens):
            return np.zeros(len(times), dtype=bool)
        index = self.place(times)
        return (index >= 0) & (times < self.closes[np.maximum(index, 0)])

    def open_time(self, times: Integers) -> Integers:
        """Nanoseconds that the calendar had been open by then, from the first session on."""
        before = np.concatenate([[0], np.cumsum(self.closes - self.opens)])
        index = self.place(times)
        inside = np.minimum(times, self.closes[np.maximum(index, 0)]) - self.opens[np.maximum(index, 0)]
        return np.where(index < 0, 0, before[np.maximum(index, 0)] + inside).astype(np.int64)


def sessions_of(calendar: str, series: Sequence[Series]) -> Sessions:
    """The sessions that the data touches. ConfigError for a calendar that `exchange_calendars` does not know."""
    first = min(int(one.times[0]) for one in series)
    last = max(int(one.times[-1]) for one in series)
    told = _bells(calendar, _date(first) - timedelta(days=4), _date(last) + timedelta(days=1))
    opens = [(int(time), event.session) for time, event in told if isinstance(event, SessionOpened)]
    closes = [int(time) for time, event in told if not isinstance(event, SessionOpened)]
    dates = all(one.dates for one in series)
    chosen = [
        (opened, closed, session)
        for (opened, session), closed in zip(opens, closes, strict=True)
        if (_date(first) <= date.fromisoformat(session) <= _date(last) if dates else closed > first and opened <= last)
    ]
    return Sessions(
        calendar,
        np.array([one[0] for one in chosen], dtype=np.int64),
        np.array([one[1] for one in chosen], dtype=np.int64),
        tuple(one[2] for one in chosen),
    )


@lru_cache(maxsize=32)
def _bells(calendar: str, first: date, last: date) -> tuple[Bell, ...]:
    """Remembered, for the package takes a while to lay out a calendar."""
    return tuple(bells(calendar, first, last))


class Spans(NamedTuple):
    """Bars with their beginning and end in ns UTC; of quotes and trades both are the time, and the size is 0."""

    series: Series
    starts: Integers
    ends: Integers
    size: int


def spans_of(series: Series, sessions: Sessions, every: int | None, stamp: str) -> tuple[Spans, list[Problem]]:
    """When each row begins and ends. A timed bar ends with its session at the latest, or when it was heard of."""
    if series.kind != "bars":
        return Spans(series, series.times, series.times, 0), []
    if series.dates:
        return _daily(series, sessions)
    size = every or _usual(series)
    starts = series.times - (size if stamp == "end" else 0)
    ends = starts + size
    inside, index = sessions.is_open(starts), np.maximum(sessions.place(starts), 0)
    if inside.any():
        ends = np.where(inside, np.minimum(ends, sessions.closes[index]), ends)
    ends = np.maximum(ends, series.heard)
    return Spans(series, starts, ends, size), []


def _daily(series: Series, sessions: Sessions) -> tuple[Spans, list[Problem]]:
    place = {session: index for index, session in enumerate(sessions.dates)}
    index = np.array([place.get(_date(int(time)).isoformat(), -1) for time in series.times], dtype=np.int64)
    problems = list(
        series.rows.told(
            index < 0, series.times, Severity.ERROR, "no session", f"this date is no session of {sessions.calendar}",
            "check the instrument's calendar, or delete the row",
        )
    )  # fmt: skip
    series, index = series.only(index >= 0), index[index >= 0]
    return Spans(series, sessions.opens[index], sessions.closes[index], _DAY), problems


def _usual(series: Series) -> int:
    """The size of the bars: what most of them are apart."""
    apart = np.diff(series.times)
    if not len(apart):
        raise ConfigError(f"{series.rows.place(0)}: one bar alone has no size; say it: every='1m'")
    sizes, counts = np.unique(apart, return_counts=True)
    return int(sizes[counts.argmax()])


def judged(spans: Spans, sessions: Sessions, *, whole: bool) -> Iterator[Problem]:
    """Rows outside of sessions, gaps and suspected splits: all of them for a person to judge.

    Gaps only in data that is `whole`: a row left out as an error would look like one.
    """
    series, rows = spans.series, spans.series.rows
    if not len(series.times) or not len(sessions.opens):
        return
    outside = ~sessions.is_open(spans.starts)
    yield from rows.told(
        outside, spans.starts, Severity.WARNING, "outside of sessions", f"{sessions.calendar} is closed then",
        "kept, but no order passes there; check zone and calendar if it should be open",
    )  # fmt: skip
    if whole:
        yield from _gaps(spans, sessions)
    yield from _splits(spans, sessions)


def _gaps(spans: Spans, sessions: Sessions) -> Iterator[Problem]:
    rows, starts = spans.series.rows, spans.starts
    if spans.series.dates:
        missing = np.diff(sessions.place(starts), prepend=-1) - 1
        missing[0] = 0
        what = "sessions before it are missing"
    else:
        passed = sessions.open_time(starts)
        apart = np.diff(passed, prepend=passed[:1])
        if spans.size:
            missing = np.maximum(apart // spans.size - 1, 0)
            what = f"bars of {spans.size // NANOSECONDS} s before it are missing"
        else:
            missing = np.where(apart > SILENCE, apart // NANOSECONDS, 0)
            what = f"open seconds of silence before it (told from {SILENCE // NANOSECONDS} on)"
    total = int(missing.sum())
    mend = "ask the source for them; a strategy sees its data stop there"
    yield from rows.told(missing > 0, starts, Severity.WARNING, "gap", f"{total:,} {what}", mend)


def _splits(spans: Spans, sessions: Sessions) -> Iterator[Problem]:
    price, index = spans.series.price, sessions.place(spans.starts)
    overnight = np.zeros(len(price), dtype=bool)
    overnight[1:] = (index[1:] > index[:-1]) & (price[1:] > 0) & (price[:-1] > 0)
    first = 2 * spans.series.values["open"] if spans.series.kind == "bars" else price
    fell = np.ones(len(price))
    fell[1:] = np.where(overnight[1:], price[:-1] / np.maximum(first[1:], 1), 1.0)
    for ratio in SPLITS:
        for wanted, words in ((ratio, f"{_words(ratio)} split"), (1 / ratio, f"reverse split of {_words(ratio)}")):
            flags = overnight & _nearest(fell, wanted)
            yield from spans.series.rows.told(
                flags, spans.starts, Severity.WARNING, "suspected split", f"the price jumps overnight like a {words}",
                "adjust the prices before it, or cut the data there; a held position would show a false profit or loss",
            )  # fmt: skip


def _nearest(fell: Floats, wanted: float) -> Flags:
    """Near to this ratio, and to no other one more."""
    distances = np.array([np.abs(np.log(fell / one)) for ratio in SPLITS for one in (ratio, 1 / ratio)])
    mine = np.abs(np.log(fell / wanted))
    near: Flags = (mine < NEAR_A_SPLIT) & (mine <= distances.min(axis=0))
    return near


def _words(ratio: float) -> str:
    numerator, denominator = next((n, m) for m in (1, 2, 3) if abs((n := round(ratio * m)) / m - ratio) < 1e-9)
    return f"{numerator}:{denominator}"


def _date(time: int) -> date:
    return _EPOCH + timedelta(days=time // _DAY)
