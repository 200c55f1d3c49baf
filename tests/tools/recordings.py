"""Reads the real recordings that lie beside the repository as raw rows; what they should show stands in the tests."""

import csv
import gzip
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np

from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.raw_rows import RawQuote, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.measures.execution_cost import middle_at
from toolkit.simulation.sample_calendar import new_york_time

MILLISECOND = 1_000_000

BTCUSDT = describe(
    symbol="BTCUSDT", tick=Decimal("0.01"), lot=Decimal("0.00001"), calendar="24/7", venue="binance",
    currency=Currency(code="USDT", quantum=Decimal("0.0000001")),
)  # fmt: skip
IBM = describe(
    symbol="IBM", tick=Decimal("0.01"), lot=Decimal(1), calendar="XNYS", venue="nyse",
    currency=Currency(code="USD", quantum=Decimal("0.0001")),
)  # fmt: skip


def binance(recordings: Path, name: str = "spot_btcusdt_20240808.gz") -> Iterator[RawQuote | RawTrade]:
    """Best bids and offers and trades in the order received. Feed time is the recorder's, for quotes carry no other."""
    with gzip.open(recordings / "binance_ws" / name, "rt") as lines:
        for line_number, line in enumerate(lines, start=1):
            received, _, text = line.partition(" ")
            message = json.loads(text)
            place, data = f"{name}:{line_number}", message.get("data", {})
            match message.get("stream", "").partition("@")[2]:
                case "bookTicker":
                    sides = (data["b"], data["a"], data["B"], data["A"])
                    yield RawQuote(data["s"], FeedTime(int(received)), *sides, place, number=data["u"])
                case "trade":
                    number, time = data["t"], FeedTime(int(received))
                    yield RawTrade(data["s"], time, data["p"], data["q"], place, number, number - 1)


def nyse_ibm(recordings: Path, day: str = "20131007") -> Iterator[RawQuote]:
    """Best bids and offers of one exchange in one day."""
    name = f"ibm_nyse_bbo_{day}.csv.gz"
    ordinal = _ordinal(day)
    with gzip.open(recordings / "derived" / name, "rt") as lines:
        for line_number, row in enumerate(csv.DictReader(lines), start=2):
            time = new_york_time(ordinal, 0) + int(row["ms_since_midnight_NY"]) * MILLISECOND
            yield RawQuote(
                "IBM", time, row["bid"], row["ask"], row["bid_size"], row["ask_size"], f"{name}:{line_number}"
            )


def differences_of_real_quotes(recordings: Path, later: float = 0.25) -> np.ndarray:
    """What a delay costs an order in IBM on the NYSE, in bp: orders at quotes of regular hours, sides in turn."""
    quotes = [(float(row.time) / 1e9, float(row.bid), float(row.ask)) for row in nyse_ibm(recordings)]
    rows = np.array([row for row in quotes if 0 < row[2] - row[1] < 0.1])
    times, middles = rows[:, 0], (rows[:, 1] + rows[:, 2]) / 2
    sides = np.where(np.arange(len(rows)) % 2, -1.0, 1.0)
    after = middle_at(times + later, times, middles)
    found = sides * (middles - after) / middles * 1e4
    return found[np.isfinite(found)]


def lean_trades(recordings: Path, symbol: str, day: str) -> Iterator[RawTrade]:
    """All trades of one US stock in one day, on all exchanges, those included that print between ticks."""
    name = f"lean/equity/usa/tick/{symbol.lower()}/{day}_trade.zip"
    ordinal = _ordinal(day)
    with zipfile.ZipFile(recordings / name) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    for line_number, row in enumerate(csv.reader(text.splitlines()), start=1):
        time = new_york_time(ordinal, 0) + int(row[0]) * MILLISECOND
        yield RawTrade(symbol, time, Decimal(row[1]) / 10_000, row[2], f"{name}:{line_number}")


def _ordinal(day: str) -> int:
    return date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}").toordinal()


INSTRUMENTS: tuple[Instrument, ...] = (BTCUSDT, IBM)


def cryptofeed(recordings: Path, name: str) -> Iterator[tuple[FeedTime, str]]:
    """Time of receipt and raw message of what one WebSocket line of another library received."""
    with gzip.open(recordings / "cryptofeed_raw" / f"{name}.gz", "rt") as lines:
        for line in lines:
            received, _, text = line.rstrip("\n").partition(": ")
            if received[:1].isdigit():
                yield FeedTime(int(Decimal(received) * 1000) * MILLISECOND), text
