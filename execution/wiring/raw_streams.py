"""Exchanges whose raw messages we read ourselves; every other one goes the generic path through ccxt."""

from __future__ import annotations

from toolkit.adapters.binance_stream import BinanceSpot

RAW_STREAMS = {"binance": BinanceSpot}
