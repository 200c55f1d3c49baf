"""`tk.data.recorded`: what `execution record` kept, as data for a backtest: the very steps of a replaying desk."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Instrument
from toolkit.research.data_instruments import instruments
from toolkit.research.feed_data import FeedData


def recorded(folder: str | Path) -> FeedData:
    """What `execution record FOLDER` kept of an exchange, step for step, as `execution up --feed replay:FOLDER` has it.

    Instruments, ticks and lots are those that the exchange told then. What a recorder lost that was killed stands in
    the label. ConfigError when there is no recording, or a part of it is missing or damaged.
    """
    from toolkit.client.recorded_steps import recorded_steps  # pyarrow, for who reads one alone

    place = Path(folder).expanduser()
    recording = recorded_steps(place)
    spec, known = _described(recording.description, place)
    lost = f"; {recording.lost}" if recording.lost else ""
    return FeedData(recording.steps, known, title=place.resolve().name, label=f"recorded from {spec}{lost}")


def _described(text: str, place: Path) -> tuple[str, tuple[Instrument, ...]]:
    """What the feed was called, and its instruments."""
    try:
        feed = yaml.safe_load(text)
        quanta = {code: row["quantum"] for code, row in feed["currencies"].items()}
        rows = [
            {"symbol": symbol, "quantum": quanta[row["currency"]], **row} for symbol, row in feed["instruments"].items()
        ]
        return str(feed["spec"]), instruments(pd.DataFrame(rows, dtype=object))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as problem:
        raise ConfigError(
            f"{place}: its parts do not say of which feed they are ({problem!r}); record it anew"
        ) from problem
