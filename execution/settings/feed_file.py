"""The feed of a run as a file in var/, written by `execution up --feed`: what trades on it, and what that costs.

`var/feed.yaml` is the feed in force; there is none while a desk runs on config/desk.yaml's own. `var/feeds/` keeps each
that ever ran: config/strategies.yaml may name instruments of several feeds, and each run takes those that it serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from execution.settings.documents import read_document
from execution.settings.models import BasisPoints, CurrencyRow, InstrumentRow, Name, Positive, Strict, Symbol
from execution.settings.problems import validate
from toolkit.domain.market import FeedMode


class ExchangeFees(Strict):
    """What the exchange takes of a fill's value, in basis points; negative is a rebate."""

    maker_basis_points: BasisPoints
    taker_basis_points: BasisPoints


class FeedFile(Strict):
    """One feed: `spec` is what a person typed behind `--feed`.

    `ids` are the exchange's own names of the instruments on its streams, `units` how much one of its counts is there
    where it does not write sizes in units of the instrument. `rest` and `stream` are where its prices are, empty where
    ccxt knows better. `fees` is null where config/venues.yaml has a row for this exchange and so decides. `recording`
    is the folder that a replay reads.
    """

    spec: str
    kind: Literal["ccxt", "replay"]
    exchange: Name
    book: Name
    venue: Name
    base_currency: Symbol
    currencies: Annotated[dict[Symbol, CurrencyRow], Field(min_length=1)]
    instruments: Annotated[dict[Symbol, InstrumentRow], Field(min_length=1)]
    ids: dict[Symbol, str]
    fees: ExchangeFees | None
    rest: str = ""
    stream: str = ""
    recording: str = ""
    units: dict[Symbol, Positive] = Field(default_factory=dict)

    @property
    def mode(self) -> FeedMode:
        """A recording waits for everybody, so that a rerun is the same run; a live market waits for nobody."""
        return FeedMode.LOCKSTEP if self.kind == "replay" else FeedMode.FREE


def feed_in_force(home: Path) -> FeedFile | None:
    """The feed of this run; None for the one in config/desk.yaml. ConfigError when its file cannot be used."""
    path = home / "var" / "feed.yaml"
    return read_feed_file(path) if path.exists() else None


def symbols_of_feeds(home: Path) -> Iterator[str]:
    """The instruments of every feed that this desk ever ran on."""
    for path in sorted((home / "var" / "feeds").glob("*.yaml")):
        yield from read_feed_file(path).instruments


def read_feed_file(path: Path) -> FeedFile:
    """One file. ConfigError with line and mend when it is damaged."""
    return validate(read_document(path, f"var/{path.relative_to(_var(path))}"), FeedFile)


def _var(path: Path) -> Path:
    return path.parent.parent if path.parent.name == "feeds" else path.parent
