"""People's own market data, `tk.data.read` and `tk.data.from_pandas`: checked first, and traded only without errors."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Step
from toolkit.engine.bars import SESSION, bar_size
from toolkit.research.data_instruments import Instruments, as_instruments
from toolkit.research.data_layouts import in_known_layout
from toolkit.research.data_lines import broken, is_recording
from toolkit.research.data_problems import Problem, Severity
from toolkit.research.data_recordings import recordings
from toolkit.research.data_report import Report
from toolkit.research.data_series import Rules, Series, series_of
from toolkit.research.data_sessions import Sessions, Spans, judged, sessions_of, spans_of
from toolkit.research.data_steps import parts_of, steps
from toolkit.research.data_table import FIELDS, RawTable, by_our_names, fields_of, kind_of, read_csv
from toolkit.research.data_times import read_times
from toolkit.research.feed_data import FeedData
from toolkit.research.horizon import is_hidden

Paths = str | Path | Sequence[str | Path]
STAMPS: Final = ("start", "end")


class OwnData(FeedData):
    """Own prices as steps for `tk.backtest`, with `.report`. While that has errors, nothing trades on it."""

    def __init__(self, report: Report, spans: Sequence[Spans], sessions: Sequence[Sessions], spread: int) -> None:
        self.report = report
        parts = parts_of(spans, sessions, spread)
        make = partial(steps, parts, report.label)

        def checked() -> Iterator[Step]:
            report.refuse()
            return make()

        instruments = tuple({one.series.symbol: one.series.instrument for one in spans}.values())
        super().__init__(checked, instruments, title=report.title, label=report.label)

    def __repr__(self) -> str:
        return super().__repr__() if is_hidden() else repr(self.report)

    def _repr_html_(self) -> str:
        return super()._repr_html_() if is_hidden() else self.report._repr_html_()


class _Reading(NamedTuple):
    """What a person said about how to read rows."""

    instruments: tuple[Instrument, ...]
    kind: str | None
    timezone: str | None
    unit: str | None
    columns: Mapping[str, str] | Sequence[str] | None
    every: str | None

    @property
    def header(self) -> list[str] | None:
        """Names for the columns of text that has no header."""
        return None if self.columns is None or isinstance(self.columns, Mapping) else [str(one) for one in self.columns]

    @property
    def renamed(self) -> Mapping[str, str] | None:
        """Theirs to ours."""
        return self.columns if isinstance(self.columns, Mapping) else None


def read(
    path: Paths,
    instruments: Instruments | None = None,
    *,
    kind: str | None = None,
    timezone: str | None = None,
    unit: str | None = None,
    columns: Mapping[str, str] | Sequence[str] | None = None,
    every: str | None = None,
    stamp: str = "start",
    exchange: str | None = None,
    spread_ticks: int = 2,
    round_to_tick: bool = False,
    round_to_lot: bool = False,
    sort: bool = False,
    book: bool = False,
) -> OwnData:
    """Own data from one file or several: CSV (also .gz or .zip), Parquet, and layouts of others known by themselves.

    Those are LEAN's minute and tick zips (US stocks in New York time, crypto and forex in UTC; quotes of stocks need
    `exchange`), one exchange's best quotes (`ms_since_midnight_NY`), recordings (raw Binance lines, `time {message}`,
    and cryptofeed's raw collections of Binance, BitMEX, Coinbase and Kraken), barter's market events, and answers of
    Binance, Coinbase and Kraken in JSON (candles, trades, order books; Binance's books have no time and are refused).
    The newest candle of an answer that does not say whether it was finished is a warning; Kraken's says so. Of a
    recording best bids and offers, trades and candles are taken as they were received, of the instruments given, under
    the names that the exchange has for them; for barter, which numbers them, give all in that order. Where best bids
    and offers are not told, or with `book`, they are those of the order book, rebuilt from its first whole one on,
    which may stand in another of the files. Of CSV without a header a list of `columns` names the first ones. The rest
    is as in `from_pandas`. ConfigError names the file and the mend.
    """
    paths = [Path(one) for one in ([path] if isinstance(path, str | Path) else path)]
    if not paths:
        raise ConfigError("no file given; give a path or several")
    known = as_instruments(instruments, paths[0].name)
    reading = _Reading(known, kind, timezone, unit, columns, every)
    recorded = _recorded(paths, reading, book=book)
    tables = [
        table for one in paths for table in (recorded[one] if one in recorded else _tables(one, reading, exchange))
    ]
    title = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
    return _checked(title, tables, reading, Rules(round_to_tick, round_to_lot, sort), stamp, spread_ticks)


def from_pandas(
    frame: pd.DataFrame,
    instruments: Instruments | None = None,
    *,
    kind: str | None = None,
    timezone: str | None = None,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    every: str | None = None,
    stamp: str = "start",
    spread_ticks: int = 2,
    round_to_tick: bool = False,
    round_to_lot: bool = False,
    sort: bool = False,
) -> OwnData:
    """Own data from a frame, one row a bar ("bars": time, open, high, low, close, volume), quote ("quotes": time, bid,
    ask, bid_size, ask_size) or trade ("trades": time, price, size), in human units; sizes may be left away.

    `time` is a column or the index; a column `instrument` tells several apart. `columns` renames yours to ours. Times
    without an offset need `timezone`, numbers need `unit` ("ms" since 1970). Bare dates are daily bars and name the
    sessions of the instrument's calendar. Timed bars are as long as most of them are apart, or `every` ("1m"); their
    time is their `stamp`, "start" or "end". What has no quotes trades on simulated ones, an even number of
    `spread_ticks` apart, and its label says so. Prices off the tick and sizes off the lot are errors unless
    `round_to_tick` or `round_to_lot` allows it; rows out of order unless `sort` does. `.report` tells all of it.
    """
    known = as_instruments(instruments, "frame")
    reading = _Reading(known, kind, timezone, unit, columns, every)
    table = _table(frame, reading, "frame", "", np.arange(len(frame), dtype=np.int64))
    return _checked("Own data", [table], reading, Rules(round_to_tick, round_to_lot, sort), stamp, spread_ticks)


# ---- reading


def _recorded(paths: Sequence[Path], reading: _Reading, *, book: bool) -> Mapping[Path, Sequence[RawTable]]:
    """The tables of those that are recordings; a book may begin in one and go on in the next."""
    if missing := [path for path in paths if not path.is_file()]:
        raise ConfigError(f"{missing[0]}: no such file")
    found = [path for path in paths if is_recording(path)]
    if book and not found:
        raise ConfigError(f"{paths[0]}: book=True is for recordings of an exchange's stream; this is none")
    return recordings(found, [one.symbol for one in reading.instruments], book=book) if found else {}


def _tables(path: Path, reading: _Reading, exchange: str | None) -> Sequence[RawTable]:
    tables = in_known_layout(path, exchange, [one.symbol for one in reading.instruments])
    if tables is not None:
        return tables
    frame = _loaded(path, reading.header)
    first = 0 if path.suffix == ".parquet" else 2 if reading.header is None else 1  # the line after the header
    return [_table(frame, reading, path.name, path.name, np.arange(first, len(frame) + first, dtype=np.int64))]


def _loaded(path: Path, header: list[str] | None) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet" and header is None:
            return pd.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz", ".txt", ".zip")):
            given = {} if header is None else {"header": None, "names": header, "usecols": range(len(header))}
            return read_csv(path, skip_blank_lines=False, **given)
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
        zipfile.BadZipFile,
        OSError,
        zlib.error,
    ) as problem:
        raise ConfigError(f"{path}: cannot be read ({problem}); look at the file") from problem
    except EOFError as problem:
        raise ConfigError(f"{path}: {broken(problem)}") from problem
    if path.suffix == ".parquet":
        raise ConfigError(f"{path}: its columns have names; rename with columns={{'theirs': 'ours'}}, not with a list")
    raise ConfigError(f"{path}: of an unknown kind; give .csv, .csv.gz, .zip, .parquet, or a layout `read` names")


def _table(frame: pd.DataFrame, reading: _Reading, place: str, name: str, lines: np.ndarray) -> RawTable:
    if frame.empty:
        raise ConfigError(f"{place}: it has no rows")
    ours = by_our_names(frame, reading.renamed, place)
    kind = kind_of(ours, reading.kind, place)
    symbol = reading.instruments[0].symbol if len(reading.instruments) == 1 else None
    fields = fields_of(ours, kind, symbol, place)
    daily = kind == "bars" and (reading.every is None or bar_size(reading.every) == SESSION)
    times = read_times(ours["time"], reading.timezone, reading.unit, place, dates_name_sessions=daily)
    return RawTable(kind, fields, times.nanoseconds, times.faults, name, lines, times.dates)


# ---- checking


def _checked(
    title: str, tables: Sequence[RawTable], reading: _Reading, rules: Rules, stamp: str, spread_ticks: int
) -> OwnData:
    _check_arguments(stamp, spread_ticks)
    _check_symbols(tables, reading.instruments)
    every = None if reading.every is None else bar_size(reading.every) or None
    problems: list[Problem] = []
    series = list(_series(title, tables, reading.instruments, rules, problems))
    if not series:
        Report(title, "nothing to show", (), (), tuple(problems)).refuse()
        raise ConfigError(f"{title}: no rows of {', '.join(one.symbol for one in reading.instruments)}; give others")
    calendars = sorted({one.instrument.calendar for one in series})
    sessions = {
        name: sessions_of(name, [one for one in series if one.instrument.calendar == name]) for name in calendars
    }
    spans = []
    for one in series:
        found, told = spans_of(one, sessions[one.instrument.calendar], every, stamp)
        whole = not any(problem.severity is Severity.ERROR for problem in problems if problem.instrument == one.symbol)
        problems += [*told, *judged(found, sessions[one.instrument.calendar], whole=whole)]
        spans.append(found)
    label = _label(spans, spread_ticks)
    _check_spread(spans, spread_ticks, label)
    report = Report(title, label, tuple(spans), tuple(sessions.values()), tuple(problems))
    return OwnData(report, spans, tuple(sessions.values()), spread_ticks)


def _series(
    title: str, tables: Sequence[RawTable], instruments: Sequence[Instrument], rules: Rules, problems: list[Problem]
) -> Iterator[Series]:
    for instrument in instruments:
        if not any((one.frame["instrument"] == instrument.symbol).any() for one in tables):
            problems.append(_without_rows(title, instrument.symbol))
        for kind in FIELDS:
            having = [
                one for one in tables if one.kind == kind and (one.frame["instrument"] == instrument.symbol).any()
            ]
            if having:
                series, told = series_of(having, instrument, kind, rules)
                problems += told
                if len(series.times):
                    yield series


def _without_rows(title: str, symbol: str) -> Problem:
    return Problem(
        severity=Severity.WARNING, fault="no rows", instrument=symbol, count=1, places=(title,),
        what="nothing of it is here", mend="nothing trades it; give what has it as well, or leave it out",
    )  # fmt: skip


def _check_arguments(stamp: str, spread_ticks: int) -> None:
    if stamp not in STAMPS:
        raise ConfigError(f"stamp is {stamp!r}; give 'start' or 'end': what the time of a bar means")
    if spread_ticks < 2 or spread_ticks % 2:
        raise ConfigError(f"spread_ticks is {spread_ticks}; give an even number of ticks from 2 on")


def _check_symbols(tables: Sequence[RawTable], instruments: Sequence[Instrument]) -> None:
    known = {one.symbol for one in instruments}
    for table in tables:
        found = set(table.frame["instrument"].unique())
        if unknown := sorted(found - known):
            raise ConfigError(
                f"{table.name or 'frame'}: {', '.join(unknown[:5])} is no instrument given here "
                f"({', '.join(sorted(known))}); add it to instruments, or leave its rows out"
            )


def _label(spans: Sequence[Spans], spread_ticks: int) -> str:
    """How the prices came about, for every picture of them."""
    quoted = {one.series.symbol for one in spans if one.series.kind == "quotes"}
    simulated = {one.series.kind for one in spans if one.series.symbol not in quoted}
    around = " and ".join({"bars": "bars", "trades": "trades"}[kind] for kind in sorted(simulated))
    own = "own quotes" if quoted else ""
    made = f"simulated quotes in own {around}, {spread_ticks} ticks apart" if simulated else ""
    return " and ".join(part for part in (own, made) if part)


def _check_spread(spans: Sequence[Spans], spread_ticks: int, label: str) -> None:
    if "simulated" not in label:
        return
    for one in spans:
        lowest = int(one.series.values["low" if one.series.kind == "bars" else "price"].min()) if (
            one.series.kind != "quotes"
        ) else spread_ticks  # fmt: skip
        if lowest <= spread_ticks // 2:
            raise ConfigError(
                f"{one.series.symbol}: a price goes down to {lowest} ticks, but quotes stand {spread_ticks} "
                "ticks apart; give a smaller spread_ticks, or a finer tick"
            )
