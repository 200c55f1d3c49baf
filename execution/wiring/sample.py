"""The sample feed as a desk's files want it: for whoever plays it, and for an engine that knows of no other feed."""

from __future__ import annotations

from collections.abc import Iterable

from execution.settings.models import Feed
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import CALENDAR, SampleFeed, sample_instruments


def sample_feed(wanted: Feed, instruments: Iterable[Instrument]) -> SampleFeed:
    """The sample for those of the desk's instruments that trade on its calendar; fewer may mean a longer span."""
    chosen = [instrument for instrument in instruments if instrument.calendar == CALENDAR]
    for own, shipped in zip(chosen, sample_instruments([instrument.symbol for instrument in chosen]), strict=True):
        if (own.tick, own.lot) != (shipped.tick, shipped.lot):
            raise ConfigError(
                f"config/instruments.yaml: {own.symbol} has tick {own.tick} and lot {own.lot}, the sample feed has "
                f"{shipped.tick} and {shipped.lot}; write those, or another calendar than {CALENDAR}"
            )
    return SampleFeed(
        common_span(sample_histories(), [instrument.symbol for instrument in chosen]),
        seed=wanted.seed,
        spread_ticks=wanted.spread_ticks,
        path_points=wanted.path_points,
        minimum_size=wanted.minimum_size,
        maximum_size=wanted.maximum_size,
    )
