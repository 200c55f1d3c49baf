"""The instruments of a desk for people's eyes: a stop that tells what is left waits for nobody's mending."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from execution.settings.running import read_running
from toolkit.domain.errors import ExecutionError
from toolkit.domain.instruments import Instrument


def known_instruments(home: Path) -> Mapping[str, Instrument]:
    """By symbol; none where the files cannot be read: prices are told in ticks then."""
    try:
        return {instrument.symbol: instrument for instrument in read_running(home).instruments}
    except ExecutionError:
        return {}
