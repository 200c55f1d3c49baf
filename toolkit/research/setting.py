"""What a backtest ran on: book, venue, data, strategies and the names of its assumptions; nothing of what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from toolkit.engine.book import BookSpec
from toolkit.research.feed_data import FeedData
from toolkit.simulation.paper_settings import PaperSettings


class Traded(NamedTuple):
    """One strategy. `parameters` are those given to it, `values` all of them, `capital` in the base currency."""

    name: str
    version: str
    capital: Decimal
    instruments: tuple[str, ...]
    parameters: Mapping[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything that decides a backtest. `limits_name` and `venue_name` say in words what is assumed."""

    title: str
    spec: BookSpec
    venue: PaperSettings
    data: FeedData
    strategies: tuple[Traded, ...]
    limits_name: str
    venue_name: str
