"""The Market Data Listener: raw rows of a venue become numbered steps; it never raises at a bad row and never waits.

A row is judged before it counts. What is wrong with it is a `Problem` that names place and mend, and is counted:

    gap                  the step carries a FeedGap before the row
    not a number, negative, zero, off tick, off lot
                         a quote is dropped and a FeedGap takes its place, for the price it replaced is no longer true;
                         a trade is dropped alone (off-tick trades are everyday business in US stocks)
    duplicate, disorder, unknown instrument
                         the row is dropped; but a row whose number went forward passes though its time went back
    crossed, locked      the quote passes: it is a fact, and the Risk Guard takes no entries while it stands
    stale                the instrument's calendar is open and its quotes have stopped; told once for each silence
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, SessionOpened, Step, TradingHalted
from toolkit.domain.raw_rows import RawQuote, RawTrade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.raw_rows import BadNumber, Fault, normalise
from toolkit.engine.sessions import Sessions


class Problem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing wrong with the feed: where it stands, what it is and what to do about it."""

    fault: Fault
    instrument: str
    place: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.place}: {self.instrument}: {self.what}; {self.mend}"


class Taken(NamedTuple):
    """What became of a row: the step to publish, if any, and what was wrong."""

    step: Step | None
    problems: tuple[Problem, ...]


class _Stream:
    """What is remembered of one instrument's quotes, or of its trades."""

    __slots__ = ("last", "number", "time")

    def __init__(self) -> None:
        self.number: int | None = None
        self.time = FeedTime(0)
        self.last: RawQuote | None = None


class MarketDataListener:
    """Normalises the rows of one feed, whose last published step was `number`.

    `longest_silence` is how old (seconds of feed time) an instrument's last quote may be while its calendar is open.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        label: str,
        longest_silence: Mapping[str, float],
        number: int = 0,
    ) -> None:
        self.counts: Counter[tuple[str, Fault]] = Counter()
        self.sessions = Sessions()
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._label = label
        self._number = number
        self._time = FeedTime(0)
        self._streams: dict[tuple[str, type], _Stream] = {}
        if unknown := set(longest_silence) - set(self._instruments):
            raise ConfigError(
                f"longest_silence names {', '.join(sorted(unknown))}: define it in config/instruments.yaml"
            )
        self._silence = {symbol: int(seconds * NANOSECONDS) for symbol, seconds in longest_silence.items()}
        self._silent: set[str] = set()

    def take(self, row: RawQuote | RawTrade) -> Taken:
        """Judge one row, count what is wrong with it, and number the step that it makes."""
        problems: list[Problem] = []
        events = self._judge(row, problems)
        for problem in problems:
            self.counts[problem.instrument, problem.fault] += 1
        return Taken(self._step(row.time, events) if events else None, tuple(problems))

    def tell(self, time: FeedTime, event: SessionOpened | SessionClosed | TradingHalted | FeedGap) -> Step:
        """Number a fact that needs no judging: a session's bell, a halt, a gap that somebody else found."""
        step = self._step(time, (event,))
        self.sessions.take(step)
        return step

    def interrupted(self, time: FeedTime) -> Step:
        """The line was down: whatever was sent meanwhile is lost, for all instruments, and numbers may start anew."""
        for stream in self._streams.values():
            stream.number = stream.last = None
        return self._step(time, (FeedGap(),))

    @property
    def silent(self) -> tuple[str, ...]:
        """The instruments whose silence was told and goes on."""
        return tuple(sorted(self._silent))

    def stale(self, at: FeedTime) -> tuple[Problem, ...]:
        """Instruments silent for too long at `at` though their calendar is open; each silence is told once."""
        found = tuple(
            self._silence_of(symbol, at)
            for symbol in self._silence
            if symbol not in self._silent and self._is_silent(symbol, at)
        )
        for problem in found:
            self._silent.add(problem.instrument)
            self.counts[problem.instrument, problem.fault] += 1
        return found

    def _step(self, time: FeedTime, events: tuple[MarketEvent, ...]) -> Step:
        self._number += 1
        self._time = max(self._time, time)
        return Step(number=self._number, time=self._time, label=self._label, events=events)

    def _judge(self, row: RawQuote | RawTrade, problems: list[Problem]) -> tuple[MarketEvent, ...]:
        instrument = self._instruments.get(row.instrument)
        if instrument is None:
            known = ", ".join(self._instruments) or "none"
            what = f"unknown instrument (known: {known})"
            problems.append(
                _problem(Fault.UNKNOWN_INSTRUMENT, row, what, "define it in config/instruments.yaml or unsubscribe it")
            )
            return ()
        stream = self._streams.setdefault((row.instrument, type(row)), _Stream())
        lost = self._place_in_stream(stream, row, problems)
        if lost is None:
            return ()
        try:
            event = normalise(instrument, row)
        except BadNumber as bad:
            problems.append(_problem(bad.fault, row, bad.what, bad.mend))
            return (FeedGap(instrument=row.instrument),) if lost or isinstance(row, RawQuote) else ()
        if isinstance(event, Quote):
            self._silent.discard(event.instrument)
            problems.extend(_sides(event, row))
        return (FeedGap(instrument=row.instrument), event) if lost else (event,)

    def _place_in_stream(self, stream: _Stream, row: RawQuote | RawTrade, problems: list[Problem]) -> bool | None:
        """None when the row is to be dropped, else whether rows before it were lost."""
        if problem := _repeat(stream, row) or _older(stream, row):
            problems.append(problem)
            return None
        if row.time < stream.time:
            problems.append(_late(stream, row))
            if row.number is None:  # nothing else says that this row is the newer one
                return None
        gap = _gap(stream, row)
        if gap is not None:
            problems.append(gap)
        stream.number = row.number
        stream.time = max(stream.time, row.time)
        stream.last = row if isinstance(row, RawQuote) else None
        return gap is not None

    def _is_silent(self, symbol: str, at: FeedTime) -> bool:
        opened = self.sessions.opened_at(self._instruments[symbol].calendar)
        return opened is not None and at - max(opened, self._last_quote(symbol)) > self._silence[symbol]

    def _last_quote(self, symbol: str) -> FeedTime:
        stream = self._streams.get((symbol, RawQuote))
        return stream.time if stream else FeedTime(0)

    def _silence_of(self, symbol: str, at: FeedTime) -> Problem:
        last = self._last_quote(symbol)
        since = f"for {(at - last) / NANOSECONDS:g} s" if int(last) else "since the feed began"
        what = f"no quote {since} while {self._instruments[symbol].calendar} is open"
        mend = f"look at the line to {self._instruments[symbol].venue}, and at halts; entries wait for a fresh quote"
        return Problem(fault=Fault.STALE, instrument=symbol, place=self._label, what=what, mend=mend)


class StepOrder:
    """What a reader of numbered steps runs: drops repeats and puts a FeedGap into the first step after a hole."""

    def __init__(self, number: int) -> None:
        self.number = number

    def take(self, step: Step) -> Step | None:
        """The step as it is, with a FeedGap of all instruments before its events, or None for one that was seen."""
        expected = self.number + 1
        if step.number < expected:
            return None
        self.number = step.number
        if step.number == expected:
            return step
        return msgspec.structs.replace(step, events=(FeedGap(), *step.events))


def _repeat(stream: _Stream, row: RawQuote | RawTrade) -> Problem | None:
    if row.number is not None:
        again = row.number == stream.number
    else:  # two trades of one size, price and time can be two trades; the same quote cannot be two quotes
        again = isinstance(row, RawQuote) and stream.last is not None and row[:6] == stream.last[:6]
    if not again:
        return None
    what = "the row came before" if row.number is None else f"number {row.number} came before"
    return _problem(Fault.DUPLICATE, row, what, "nothing to do: it counted once")


def _older(stream: _Stream, row: RawQuote | RawTrade) -> Problem | None:
    if row.number is None or stream.number is None or row.number > stream.number:
        return None
    what = f"number {row.number} comes after {stream.number}"
    return _problem(Fault.DISORDER, row, what, "sort the file, or look for a second line that sends the same stream")


def _late(stream: _Stream, row: RawQuote | RawTrade) -> Problem:
    what = f"time goes back by {(stream.time - row.time) / NANOSECONDS:g} s"
    return _problem(Fault.DISORDER, row, what, "sort the file by time, or look at the venue's clock")


def _gap(stream: _Stream, row: RawQuote | RawTrade) -> Problem | None:
    if row.previous is None or stream.number is None or row.previous <= stream.number:
        return None
    what = f"numbers {stream.number + 1} to {row.previous} are missing"
    return _problem(Fault.GAP, row, what, "ask the venue or the recorder for them; entries wait for fresh quotes")


def _sides(quote: Quote, row: RawQuote | RawTrade) -> Sequence[Problem]:
    if not quote.bid or not quote.ask or quote.bid < quote.ask:
        return ()
    fault = Fault.CROSSED if quote.bid > quote.ask else Fault.LOCKED
    what = f"bid and ask are {fault} ({quote.bid} and {quote.ask} ticks)"
    return (_problem(fault, row, what, "entries wait until it ends; if it stays, look for a withdrawn quote"),)


def _problem(fault: Fault, row: RawQuote | RawTrade, what: str, mend: str) -> Problem:
    return Problem(fault=fault, instrument=row.instrument, place=row.place, what=what, mend=mend)
