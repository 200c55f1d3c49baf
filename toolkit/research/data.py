"""Market data for a backtest, `tk.data`: the sample, and people's own; what it looks like; nothing is traded here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Step
from toolkit.research.data_instruments import instruments
from toolkit.research.data_own import from_pandas, read
from toolkit.research.data_recorded import recorded
from toolkit.research.feed_data import FeedData
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import LABEL, SampleFeed, sample_instruments

__all__ = ["FeedData", "from_pandas", "instruments", "read", "recorded", "sample"]


def sample(
    sessions: int | None = None,
    instruments: Sequence[str] | None = None,
    *,
    seed: int = 7,
    spread_ticks: int = 2,
    path_points: int = 3,
    minimum_size: int = 100,
    maximum_size: int = 2_000,
) -> FeedData:
    """The sample feed: simulated quotes in real daily bars of AAPL, FB, GOOG, IBM and MSFT, as `make run` trades it.

    It begins where all chosen instruments have bars (all five: 2012-05-18, 196 sessions; without FB: 2004-08-19; AAPL,
    IBM and MSFT alone: 2000-03-01) and ends with the last real bar. More `sessions` go on through the bars in reverse,
    dates counting on. The other arguments are those of config/desk.yaml, with the same defaults. Prices are
    split-adjusted; dividends are neither paid nor adjusted for.
    """
    if sessions is not None and sessions < 1:
        raise ConfigError(f"sessions is {sessions}; give 1 or more, or None for every real bar once")
    bars = common_span(sample_histories(), instruments)
    feed = SampleFeed(
        bars,
        seed=seed,
        spread_ticks=spread_ticks,
        path_points=path_points,
        minimum_size=minimum_size,
        maximum_size=maximum_size,
    )
    count = sessions or len(bars.days)

    def steps() -> Iterator[Step]:
        for index in range(count):
            yield from feed.session(index)

    return FeedData(steps, sample_instruments(feed.symbols), title="Sample feed", label=LABEL)
