"""Raw lines of exchanges as recorders wrote them down, own ones and cryptofeed's; what they say is read elsewhere."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS
from toolkit.research.data_table import FIELDS, RawTable
from toolkit.research.data_times import counted

EXCHANGES: Final = ("binance", "bitmex", "coinbase", "kraken")

_OWN: Final = re.compile(r"\d{16,19} \{")
_CRYPTOFEED: Final = re.compile(r"(?P<url>\w+://(?P<host>[^/:? ]+)\S*) (?P<way><->|<-|->) (?P<seconds>\d+(?:\.\d+)?)")
_ANSWERED: Final = re.compile(r"(?P<url>https?://\S+) -> (?P<seconds>\d+(?:\.\d+)?): (?P<text>.*)")
_RECEIVED: Final = re.compile(r"(?P<seconds>\d+(?:\.\d+)?): (?P<text>.*)")


class Line(NamedTuple):
    """What an exchange said, and when it came, in ns UTC: on its stream, or in answer to what was `asked`.

    Without a text its connection began here.
    """

    received: int
    name: str
    number: int
    exchange: str
    text: str
    asked: str = ""

    @property
    def place(self) -> str:
        return f"{self.name}:{self.number}"


class Rows:
    """The rows of one kind that a file holds, in the order in which they stand there."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.times: list[int] = []
        self._lines: list[int] = []
        self._symbols: list[str] = []
        self._values: list[tuple[float, ...]] = []
        self._heard: list[int] = []
        self._lost: dict[int, int] = {}
        self._may_change: dict[int, int] = {}

    def take(self, line: int, time: int, symbol: str, *values: object, heard: int = 0) -> None:
        """One row: bid, ask and their sizes, price and size, or open to volume. None is a side that is not there.

        A bar's `time` is when it begins, and `heard` when somebody noted that it came.
        """
        self.times.append(time)
        self._lines.append(line)
        self._symbols.append(symbol)
        self._heard.append(heard)
        self._values.append(tuple(np.nan if value is None else float(str(value)) for value in values))

    def lose(self, at: int) -> None:
        """After the last row its order book was lost, at this time or just after: nobody knows how long it held."""
        self._lost.setdefault(len(self.times) - 1, max(at, self.times[-1] + 1))

    def newest_may_change(self, symbol: str) -> None:
        """Nobody told whether the newest bar of this instrument was finished."""
        newest = max((time, row) for row, time in enumerate(self.times) if self._symbols[row] == symbol)
        self._may_change[newest[1]] = 1

    def symbols(self) -> set[str]:
        return set(self._symbols)

    def table(self, name: str, symbols: set[str]) -> RawTable:
        """The rows of these instruments."""
        wanted = np.array([symbol in symbols for symbol in self._symbols], dtype=bool)
        columns = FIELDS[self.kind]
        width = len(self._values[0])  # some tell of no sizes
        frame = pd.DataFrame(self._values, columns=columns[:width]).assign(instrument=self._symbols)
        lost, may_change = (np.array([one.get(row, 0) for row in range(len(wanted))], dtype=np.int64)
                            for one in (self._lost, self._may_change))  # fmt: skip
        return RawTable(
            self.kind, frame[wanted].reset_index(drop=True), np.array(self.times)[wanted], {}, name,
            np.array(self._lines)[wanted], lost=lost[wanted], heard=np.array(self._heard)[wanted],
            may_change=may_change[wanted],
        )  # fmt: skip


class Taken:
    """What was taken from one file."""

    def __init__(self) -> None:
        self.bars, self.quotes, self.trades = Rows("bars"), Rows("quotes"), Rows("trades")

    def symbols(self) -> set[str]:
        return self.bars.symbols() | self.quotes.symbols() | self.trades.symbols()

    def tables(self, name: str, symbols: set[str]) -> list[RawTable]:
        """The tables of these instruments."""
        untraded = symbols - self.trades.symbols()  # a candle tells its trades again
        chosen = ((self.bars, untraded), (self.quotes, symbols), (self.trades, symbols))
        return [rows.table(name, wanted) for rows, wanted in chosen if rows.symbols() & wanted]


def refuse_others(place: str, there: set[str], symbols: set[str]) -> None:
    """ConfigError where a file tells of other instruments alone."""
    if there and not there & symbols:
        wanted = ", ".join(sorted(symbols))
        raise ConfigError(f"{place}: nothing of {wanted} is in it; it has {', '.join(sorted(there))}")


def text_lines(path: Path) -> Iterator[str]:
    """Line by line, also of what is packed; nothing of tables that are no text. ConfigError where it is not whole."""
    if path.name.endswith((".zip", ".parquet")):
        return
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as packed:
            yield from io.TextIOWrapper(packed, encoding="utf-8", errors="replace")
    except BROKEN as problem:
        raise ConfigError(f"{path}: {broken(problem)}") from problem


BROKEN: Final = (OSError, EOFError, zlib.error)


def broken(problem: BaseException) -> str:
    """What is wrong with a packed file, and the mend."""
    if isinstance(problem, EOFError):
        return "its end is missing, as of a recorder that was killed; unpack what is there (zcat), and read that"
    return f"cannot be unpacked ({problem}); fetch it again"


def is_recording(path: Path) -> bool:
    """Whether its first line is that of a recorder known here."""
    first = next(text_lines(path), "")
    return _OWN.match(first) is not None or _CRYPTOFEED.match(first) is not None


def lines_of(path: Path) -> Iterator[Line]:
    """What exchanges said in it. ConfigError for an exchange that is not read."""
    first = next(text_lines(path), "")
    return _own(path) if (found := _CRYPTOFEED.match(first)) is None else _cryptofeed(path, found["host"])


def _own(path: Path) -> Iterator[Line]:
    """Binance's combined streams, and books that were asked for between them, behind nanoseconds."""
    for number, line in enumerate(text_lines(path), start=1):
        received, _, text = line.partition(" ")
        yield Line(_time(received, 1, f"{path.name}:{number}"), path.name, number, "binance", text)


def _cryptofeed(path: Path, host: str) -> Iterator[Line]:
    """What cryptofeed's raw collection kept of one connection, or of questions; what it sent is left out."""
    exchange = next((name for name in EXCHANGES if name in host), None)
    if exchange is None:
        raise ConfigError(f"{path}: {host} is not read; known are {', '.join(EXCHANGES)}")
    for number, line in enumerate(text_lines(path), start=1):
        if (found := _RECEIVED.match(line) or _ANSWERED.match(line)) is not None:
            asked = found.groupdict().get("url", "")
            received = _time(found["seconds"], NANOSECONDS, f"{path.name}:{number}")
            yield Line(received, path.name, number, exchange, found["text"], asked)
        elif (begun := _CRYPTOFEED.match(line)) is not None and begun["way"] == "<->":
            received = _time(begun["seconds"], NANOSECONDS, f"{path.name}:{number}")
            yield Line(received, path.name, number, exchange, "")


def _time(count: str, unit: int, place: str) -> int:
    try:
        return counted(count, unit)
    except (ValueError, ArithmeticError) as problem:
        raise ConfigError(f"{place}: no time of receipt; delete the line") from problem
