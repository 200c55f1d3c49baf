"""Layouts that others keep their data in: LEAN's zips, one exchange's best quotes, answers; nothing is judged."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.research.data_answers import answer
from toolkit.research.data_lines import text_lines
from toolkit.research.data_table import RawTable, read_csv
from toolkit.research.data_times import MILLISECOND, midnight

NEW_YORK: Final = "America/New_York"
MINUTE: Final = 60_000

_LEAN = re.compile(
    r"(?P<market>equity|crypto|forex)/[^/]+/(?P<size>minute|tick)/(?P<symbol>[^/]+)/(?P<day>\d{8})_(?P<kind>quote|trade)\.zip$"
)
_BARS = ("open", "high", "low", "close")
_QUOTE_MINUTE = [
    "ms", *(f"bid_{one}" for one in _BARS), "bid_size", *(f"ask_{one}" for one in _BARS), "ask_size"
]  # fmt: skip
_QUOTE_TICK = ["ms", "bid", "bid_size", "ask", "ask_size", "exchange", "condition", "suspicious"]
_TRADE_TICK = ["ms", "price", "size", "exchange", "condition", "suspicious"]


def in_known_layout(path: Path, exchange: str | None, symbols: Sequence[str]) -> list[RawTable] | None:
    """The tables of a file in a layout known here, by its path and first line; None for any other file."""
    if (found := _LEAN.search(path.resolve().as_posix())) is not None:
        return [_lean(path, found, exchange)]
    if next(text_lines(path), "").startswith("ms_since_midnight_NY,"):
        return [_one_exchange(path)]
    if path.name.endswith((".json", ".json.gz")):
        return answer(path, symbols)
    return None


# ---- LEAN


def _lean(path: Path, found: re.Match[str], exchange: str | None) -> RawTable:
    market, minutes, quotes = found["market"], found["size"] == "minute", found["kind"] == "quote"
    scale, zone = (10_000, NEW_YORK) if market == "equity" else (1, "UTC")
    names = _lean_columns(market, minutes=minutes, quotes=quotes)
    frame = _without_header(path, names)
    lines = np.arange(1, len(frame) + 1, dtype=np.int64)
    milliseconds = frame["ms"].to_numpy(dtype=np.int64)
    for name in names[1:]:
        if scale > 1 and name.partition("_")[0] in ("bid", "ask", "price", *_BARS) and not name.endswith("size"):
            frame[name] = frame[name] / scale
    if quotes and minutes:  # what is known at the end of the minute: the last bid and offer, with their sizes
        frame = frame.rename(columns={"bid_close": "bid", "ask_close": "ask"})
        milliseconds = milliseconds + MINUTE
        if market == "forex":  # LEAN has no sizes there and writes 0
            frame = frame.drop(columns=["bid_size", "ask_size"])
    elif quotes and "exchange" in frame:
        frame, milliseconds, lines = _best_of(path, frame, exchange)
    kind = "quotes" if quotes else "bars" if minutes else "trades"
    wanted = [name for name in ("open", "high", "low", "close", "volume", "bid", "ask", "bid_size", "ask_size", "price",
                                "size") if name in frame]  # fmt: skip
    day = f"{found['day'][:4]}-{found['day'][4:6]}-{found['day'][6:]}"
    table = frame[wanted].astype(float).assign(instrument=found["symbol"].upper())
    return RawTable(kind, table, midnight(day, zone) + milliseconds * MILLISECOND, {}, path.name, lines)


def _lean_columns(market: str, *, minutes: bool, quotes: bool) -> list[str]:
    if minutes:
        return _QUOTE_MINUTE if quotes else ["ms", *_BARS, "volume"]
    if market == "forex":
        return ["ms", "bid", "ask"]
    if market == "crypto":
        return ["ms", "bid", "bid_size", "ask", "ask_size"] if quotes else ["ms", "price", "size"]
    return _QUOTE_TICK if quotes else _TRADE_TICK


def _without_header(path: Path, names: Sequence[str]) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as text:
            frame = read_csv(text, header=None, dtype={5: str} if "exchange" in names else None)
    except (zipfile.BadZipFile, pd.errors.ParserError, pd.errors.EmptyDataError, IndexError) as problem:
        raise ConfigError(f"{path}: no whole LEAN file ({problem}); fetch it again") from problem
    if len(frame.columns) != len(names):
        raise ConfigError(f"{path}: {len(frame.columns)} columns, LEAN has {len(names)} here ({', '.join(names)})")
    return frame.set_axis(list(names), axis=1)


def _best_of(
    path: Path, frame: pd.DataFrame, exchange: str | None
) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """One exchange's best bid and offer: a row names one side, a millisecond is one quote, repeats are none.

    Withdrawn quotes are not marked, so the best over all exchanges is crossed nearly always: one must be chosen.
    """
    found = frame["exchange"].astype(str)
    known = ", ".join(f"{name!r} ({count:,} rows)" for name, count in found.value_counts().items())
    if exchange is None or exchange not in set(found):
        raise ConfigError(
            f"{path}: exchange is {exchange!r}; quotes of several exchanges do not mix: choose of {known}"
        )
    ours = frame[(found == exchange).to_numpy()]
    sides = pd.DataFrame({"ms": ours["ms"]})
    for side in ("bid", "ask"):
        told = ours[side] > 0
        for name in (side, f"{side}_size"):
            sides[name] = ours[name].where(told).ffill()
    last = sides.groupby("ms", sort=False).tail(1).dropna()
    values = last[["bid", "bid_size", "ask", "ask_size"]]
    last = last[(values != values.shift()).any(axis=1)]
    return last, last["ms"].to_numpy(dtype=np.int64), last.index.to_numpy(dtype=np.int64) + 1


# ---- the best bids and offers of one exchange in one day


def _one_exchange(path: Path) -> RawTable:
    found = re.match(r"(?P<symbol>[a-z]+)_.*_(?P<day>\d{8})\.csv", path.name)
    if found is None:
        raise ConfigError(f"{path}: the name must say symbol and day, as ibm_nyse_bbo_20131007.csv.gz does")
    frame = read_csv(path)
    day = f"{found['day'][:4]}-{found['day'][4:6]}-{found['day'][6:]}"
    times = midnight(day, NEW_YORK) + frame["ms_since_midnight_NY"].to_numpy(dtype=np.int64) * MILLISECOND
    table = frame[["bid", "ask", "bid_size", "ask_size"]].astype(float).assign(instrument=found["symbol"].upper())
    return RawTable("quotes", table, times, {}, path.name, np.arange(2, len(frame) + 2, dtype=np.int64))
