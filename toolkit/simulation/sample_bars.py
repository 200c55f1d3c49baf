"""Daily bars in ticks, and the bytes they are shipped as; where the bytes come from is never known here.

The stored prices are split-adjusted: each bar is divided by the splits that came after it, so that the last bars are
the prices as they were traded and there is no split to book. Dividends are neither paid nor adjusted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from toolkit.domain.errors import ConfigError


class DailyBar(NamedTuple):
    """One session of one instrument, in ticks."""

    open: int
    high: int
    low: int
    close: int

    def reversed(self) -> DailyBar:
        """The same session as time running backwards would show it."""
        return DailyBar(self.close, self.high, self.low, self.open)


class DailyBars(NamedTuple):
    """Bars of several instruments over the same sessions: `bars[symbol][i]` is of `days[i]` (ordinal of a date)."""

    days: tuple[int, ...]
    bars: Mapping[str, tuple[DailyBar, ...]]


class BarHistory(NamedTuple):
    """Bars of one instrument with its own span."""

    days: tuple[int, ...]
    bars: tuple[DailyBar, ...]


class _StoredHistory(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Differences, because small integers take one byte: days and opens to the one before, the rest within the bar."""

    symbol: str
    days: tuple[int, ...]
    opens: tuple[int, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    moves: tuple[int, ...]


class _StoredBars(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="daily_bars_1"):
    histories: tuple[_StoredHistory, ...]


def common_span(histories: Mapping[str, BarHistory], symbols: Sequence[str] | None = None) -> DailyBars:
    """The sessions in which every chosen instrument has a bar (all instruments when none are chosen).

    ConfigError when a symbol is unknown or the spans have nothing in common.
    """
    chosen = tuple(histories) if symbols is None else tuple(symbols)
    if unknown := [symbol for symbol in chosen if symbol not in histories]:
        raise ConfigError(f"no sample bars of {', '.join(unknown)}; there are {', '.join(histories)}")
    days = set.intersection(*(set(histories[symbol].days) for symbol in chosen)) if chosen else set()
    if not days:
        raise ConfigError(
            f"{', '.join(chosen) or 'no instrument'}: no session in common; choose instruments that overlap"
        )
    return DailyBars(
        days=tuple(sorted(days)),
        bars={
            symbol: tuple(bar for day, bar in zip(*histories[symbol], strict=True) if day in days) for symbol in chosen
        },
    )


def decode_bars(payload: bytes, place: str) -> dict[str, BarHistory]:
    """Bars from stored bytes. ConfigError names `place` when they are cut short, of another kind or impossible."""
    try:
        stored = msgspec.msgpack.decode(payload, type=_StoredBars)
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"{place}: not a whole file of daily bars ({error}); restore the file that was shipped"
        ) from error
    return {history.symbol: _unpack(history, place) for history in stored.histories}


def encode_bars(histories: Mapping[str, BarHistory]) -> bytes:
    """The bytes of bars; the same bars always make the same bytes."""
    return msgspec.msgpack.encode(
        _StoredBars(histories=tuple(_pack(symbol, histories[symbol]) for symbol in sorted(histories)))
    )


def _unpack(stored: _StoredHistory, place: str) -> BarHistory:
    columns = (stored.days, stored.opens, stored.above, stored.below, stored.moves)
    if len({len(column) for column in columns}) != 1:
        raise ConfigError(f"{place}: columns of {stored.symbol} differ in length; restore the file that was shipped")
    bars = tuple(map(_bar, accumulate(stored.opens), stored.above, stored.below, stored.moves))
    days = tuple(accumulate(stored.days))
    if any(later <= earlier for earlier, later in pairwise(days)) or not all(map(_possible, bars)):
        raise ConfigError(f"{place}: bars of {stored.symbol} are impossible; restore the file that was shipped")
    return BarHistory(days, bars)


def _bar(start: int, above: int, below: int, move: int) -> DailyBar:
    end = start + move
    return DailyBar(start, max(start, end) + above, min(start, end) - below, end)


def _possible(bar: DailyBar) -> bool:
    return 0 < bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high


def _pack(symbol: str, history: BarHistory) -> _StoredHistory:
    bars = history.bars
    return _StoredHistory(
        symbol=symbol,
        days=_differences(history.days),
        opens=_differences(bar.open for bar in bars),
        above=tuple(bar.high - max(bar.open, bar.close) for bar in bars),
        below=tuple(min(bar.open, bar.close) - bar.low for bar in bars),
        moves=tuple(bar.close - bar.open for bar in bars),
    )


def _differences(values: Iterable[int]) -> tuple[int, ...]:
    found: list[int] = []
    last = 0
    for value in values:
        found.append(value - last)
        last = value
    return tuple(found)
