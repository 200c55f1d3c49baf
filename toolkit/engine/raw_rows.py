"""The numbers of a row as a venue wrote it made exact; what a row means for the feed is judged elsewhere."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum

from toolkit.domain.instruments import Instrument
from toolkit.domain.market import Quote, Trade
from toolkit.domain.raw_rows import Number, RawQuote, RawTrade

LARGEST_POWER = 15  # of ten, in a price or a size; more is a fault of parsing, and slow to count with


class Fault(StrEnum):
    GAP = "gap"
    DUPLICATE = "duplicate"
    DISORDER = "disorder"
    CROSSED = "crossed"
    LOCKED = "locked"
    STALE = "stale"
    NOT_A_NUMBER = "not a number"
    NEGATIVE = "negative"
    ZERO = "zero"
    OFF_TICK = "off tick"
    OFF_LOT = "off lot"
    UNKNOWN_INSTRUMENT = "unknown instrument"


class BadNumber(Exception):
    """A number of a row that cannot be used: which fault, what it is, and the mend."""

    def __init__(self, fault: Fault, what: str, mend: str) -> None:
        super().__init__(what)
        self.fault, self.what, self.mend = fault, what, mend


def normalise(instrument: Instrument, row: RawQuote | RawTrade) -> Quote | Trade:
    """The row in ticks and lots. BadNumber says what is wrong with it."""
    if isinstance(row, RawTrade):
        price = _ticks(instrument, row.price, "price")
        return Trade(instrument=row.instrument, price=price, size=_lots(instrument, row.size, "size"))
    bid, bid_size = _side(instrument, row.bid, row.bid_size, "bid")
    ask, ask_size = _side(instrument, row.ask, row.ask_size, "ask")
    if not bid and not ask:
        raise BadNumber(Fault.ZERO, "neither bid nor ask", "look at the venue's message; a quote has a side at least")
    return Quote(instrument=row.instrument, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)


def _side(instrument: Instrument, price: Number, size: Number, name: str) -> tuple[int, int]:
    if _is_nothing(price) and _is_nothing(size):
        return 0, 0
    return _ticks(instrument, price, name), _lots(instrument, size, f"{name} size")


def _is_nothing(value: Number) -> bool:
    if isinstance(value, Decimal) and value.is_snan():  # even comparing it raises
        return False
    return value is None or value == 0


def _ticks(instrument: Instrument, value: Number, name: str) -> int:
    mend = f"check tick {instrument.tick} of {instrument.symbol} in config/instruments.yaml against the venue"
    return _whole(value, instrument.tick, name, Fault.OFF_TICK, mend)


def _lots(instrument: Instrument, value: Number, name: str) -> int:
    mend = f"check lot {instrument.lot} of {instrument.symbol} in config/instruments.yaml against the venue"
    return _whole(value, instrument.lot, name, Fault.OFF_LOT, mend)


def _whole(value: Number, grid: Decimal, name: str, off_grid: Fault, mend: str) -> int:
    exact = _exact(value, name)
    if exact <= 0:
        fault = Fault.NEGATIVE if exact < 0 else Fault.ZERO
        raise BadNumber(fault, f"{name} is {value}", "look at the venue's message; it must be above 0")
    count = exact / grid
    if count != (whole := int(count)):
        raise BadNumber(off_grid, f"{name} {value} is not a multiple of {grid}", mend)
    return whole


def _exact(value: Number, name: str) -> Decimal:
    try:
        exact = Decimal(repr(value) if isinstance(value, float) else "NaN" if value is None else value)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or exact.adjusted() > LARGEST_POWER:
        what = f"{name} is {value!r}"
        raise BadNumber(Fault.NOT_A_NUMBER, what, "look at the venue's message and how it is parsed")
    return exact
