"""`DeskBook`: all that a backtest needs to trade what a desk trades, as one value and its bytes; it opens no file."""

from __future__ import annotations

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.engine.book import BookSpec
from toolkit.simulation.data import sample_histories
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import SampleFeed

BOOK_FILE = "book.msgpack"
BOOK_VERSION = 1


class SampleIdentity(msgspec.Struct, frozen=True, kw_only=True, tag="sample"):
    """Which sample feed: the same identity is the same steps, from any number on."""

    symbols: tuple[str, ...]
    seed: int
    spread_ticks: int
    path_points: int
    minimum_size: int
    maximum_size: int

    def open(self) -> SampleFeed:
        """The feed itself, from the shipped bars."""
        return SampleFeed(
            common_span(sample_histories(), self.symbols),
            seed=self.seed,
            spread_ticks=self.spread_ticks,
            path_points=self.path_points,
            minimum_size=self.minimum_size,
            maximum_size=self.maximum_size,
        )


class DeskBook(msgspec.Struct, frozen=True, kw_only=True):
    """A desk's book: limits, capital, instruments and versions (`spec`), its paper venue, and the identity of its feed.

    Where a strategy's source lies stands in `spec.strategies`; whoever runs the book loads and verifies it there.
    """

    spec: BookSpec
    venue: PaperSettings
    feed: SampleIdentity
    version: int = BOOK_VERSION

    def instrument(self, symbol: str) -> Instrument:
        """ConfigError when the book does not know it."""
        for known in self.spec.instruments:
            if known.symbol == symbol:
                return known
        known_ones = ", ".join(known.symbol for known in self.spec.instruments)
        raise ConfigError(f"book {self.spec.book} has no instrument {symbol!r}; it has {known_ones}")


def encode_book(book: DeskBook) -> bytes:
    """What lies in `var/<book>/book.msgpack`."""
    return msgspec.msgpack.encode(book)


def decode_book(data: bytes) -> DeskBook:
    """ConfigError when the bytes are no book, or one of another release."""
    try:
        book = msgspec.msgpack.decode(data, type=DeskBook)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"the desk's book cannot be read ({error}); `execution up` writes it anew") from error
    if book.version != BOOK_VERSION:
        raise ConfigError(
            f"the desk's book has version {book.version}, this release reads {BOOK_VERSION}; "
            "`execution up` writes it anew"
        )
    return book
