"""The one shipped file of real bars, read like code: a constant of the program that never changes while it runs."""

from __future__ import annotations

from importlib.resources import files

from toolkit.simulation.sample_bars import BarHistory, decode_bars

FILE = "us_stocks_daily.msgpack"


def sample_histories() -> dict[str, BarHistory]:
    """Daily bars of AAPL, FB, GOOG, IBM and MSFT in ticks of 0.01 USD, each with its own span."""
    return decode_bars(files(__name__).joinpath(FILE).read_bytes(), f"{__name__}/{FILE}")
