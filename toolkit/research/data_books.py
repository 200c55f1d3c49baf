"""Best bids and offers from recorded order books, rebuilt and proven as the listener does it; no second book is here.

A book begins with a whole one, told on the stream or asked for. A change that is missing by the exchange's numbers, its
checksum, its trades or its levels ends it, as does a new connection; until the next whole one nothing is known of it.
Of each file the lines are one stream, but where an exchange numbers its changes: there a book goes on in the next file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from toolkit.client.recorded_streams import RecordedStream, recorded_stream
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.raw_rows import RawDepth, RawQuote
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import Followed
from toolkit.engine.live_feed import BookCheck
from toolkit.research.data_lines import Line, Rows

_SNAPSHOT: Final = '{"lastUpdateId"'
_NUMBERED: Final = frozenset({"binance"})
"""Exchanges whose own numbers prove that nothing is missing, from one file or connection to the next too."""


def quotes_of_books(lines: Iterable[Line], symbols: Collection[str]) -> Books:
    """A row of quotes after each line with which the best of one of these instruments is another."""
    books = Books()
    streams: dict[tuple[str, str], _Stream] = {}
    for line in lines:
        key = (line.exchange, "" if line.exchange in _NUMBERED else line.name)
        if key not in streams:
            streams[key] = _Stream(recorded_stream(line.exchange, symbols), symbols, books)
        streams[key].take(line)
    return books


class Books:
    """Quotes by runs of lines of one file, in order of time; `told` are the instruments of which there were books."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, Rows]] = []
        self.told: set[str] = set()
        self._of: dict[str, tuple[str, Rows]] = {}
        self._tellers: dict[str, _Stream] = {}

    def symbols(self) -> set[str]:
        return set(self._of)

    def take(self, line: Line, quote: RawQuote) -> None:
        name, rows = self._of.get(quote.instrument, ("", Rows("quotes")))
        if name != line.name:
            rows = Rows("quotes")
            self._of[quote.instrument] = line.name, rows
            self.runs.append(self._of[quote.instrument])
        sides = (quote.bid or None, quote.ask or None, quote.bid_size, quote.ask_size)
        rows.take(line.number, line.received, quote.instrument, *sides)

    def begins(self, symbol: str, stream: _Stream) -> None:
        """From now on this stream tells of the instrument, and no longer the one that did."""
        before = self._tellers.get(symbol, stream)
        self._tellers[symbol] = stream
        if before is not stream:
            before.give_up(symbol, stream.began)

    def lost(self, symbol: str, at: int) -> None:
        """From now on nobody knows whether the quote before holds."""
        if symbol in self._of:
            self._of[symbol][1].lose(at)


class _Stream:
    """The books of one stream. Each belongs to the file that told of it last, and ends when that connects anew."""

    def __init__(self, stream: RecordedStream, symbols: Collection[str], books: Books) -> None:
        self.began = 0
        self._heard = 0
        self._stream = stream
        self._books = books
        self._checks = {symbol: BookCheck() for symbol in symbols}
        self._files: dict[str, str] = {}
        self._streamed: set[str] = set()

    def take(self, line: Line) -> None:
        self._heard = line.received
        if not line.text:
            self._connected(line)
            return
        for row in self._rows(line):
            self._streamed.add(row.instrument)
            self._books.told.add(row.instrument)
            if row.instrument in self._checks:
                self._files[row.instrument] = line.name
                self._follow(row, line)

    def give_up(self, symbol: str, at: int) -> None:
        """Another stream, which began then, tells of it. What was over before left a time of which nobody knows."""
        if self._checks[symbol].book.is_whole and self._heard < at:
            self._books.lost(symbol, at)
        self._checks[symbol].forget()

    def _rows(self, line: Line) -> list[RawDepth]:
        """What the line says of order books; trades beside them need not be as the listener wants them."""
        try:
            if line.asked or line.text.startswith(_SNAPSHOT):
                symbol, received = self._asked_for(line), FeedTime(line.received)
                return [self._stream.snapshot(symbol, line.text, received)] if symbol in self._checks else []
            if line.exchange == "binance" and "@depth" not in line.text:
                return []
            rows = self._stream.parse(line.text, FeedTime(line.received)).rows
        except TransportError as problem:
            raise ConfigError(f"{line.place}: {problem}; delete the line") from problem
        return [row for row in rows if isinstance(row, RawDepth)]

    def _asked_for(self, line: Line) -> str:
        """Whose book was asked for: by the question, or the only one whose changes came until then."""
        if line.asked:
            question = urlsplit(line.asked)
            return parse_qs(question.query).get("symbol", [""])[0] if question.path.endswith("/depth") else ""
        if len(self._streamed) != 1:
            raise ConfigError(
                f"{line.place}: a book that names no instrument, and changes of {len(self._streamed)} came before it; "
                "give a recording of one instrument"
            )
        return next(iter(self._streamed))

    def _follow(self, row: RawDepth, line: Line) -> None:
        check = self._checks[row.instrument]
        if row.snapshot:
            if row.last < check.book.last or not check.book.load(row):
                return
            self._books.begins(row.instrument, self)
        elif (followed := check.change(row)) is not Followed.APPLIED:
            if followed is Followed.GAP:
                self._books.lost(row.instrument, line.received)
            return
        if (quote := check.news(row)) is not None:
            self._books.take(line, quote)

    def _connected(self, line: Line) -> None:
        """What was before is over; that it begins says a file of numbered changes as well, and it may go on in them."""
        self.began = line.received
        if line.exchange in _NUMBERED and line.number == 1:
            return
        self._stream.greetings()
        for symbol in [one for one, name in self._files.items() if name == line.name]:
            if self._checks[symbol].book.is_whole:
                self._books.lost(symbol, line.received)
            self._checks[symbol].forget()
