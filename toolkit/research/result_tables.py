"""Tables of what happened in a backtest, for pandas: UTC index, float64, human units; exact money is in the ledger."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from math import nan
from typing import Any, NamedTuple

import msgspec
import pandas as pd

from toolkit.domain import events as ev
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Order
from toolkit.measures.trading import Deal, RoundTrip, round_trips
from toolkit.research.control_names import CONTROL_NAMES
from toolkit.research.recording import CurvePoint, Fact

_FILL_COLUMNS = (
    "order_id", "strategy", "instrument", "side", "quantity", "price", "value", "fee", "fee_asset", "liquidity",
)  # fmt: skip
_ORDER_COLUMNS = (
    "order_id", "strategy", "instrument", "side", "type", "tif", "class", "quantity", "price", "status", "filled",
    "average_price", "reason",
)  # fmt: skip
_DENIAL_COLUMNS = (
    "strategy", "instrument", "side", "quantity", "price", "control", "name", "observed", "limit", "source",
    "would_pass",
)  # fmt: skip
_TRADE_COLUMNS = (
    "strategy", "instrument", "side", "quantity", "opened", "entry", "exit", "gross", "fees", "pnl", "days",
)  # fmt: skip
_SIGNAL_COLUMNS = ("strategy", "instrument", "target", "reason", "step")
_EVENT_COLUMNS = ("number", "event", "strategy", "instrument", "order_id", "detail")


class BookedFill(NamedTuple):
    """A trade after busts and corrections; ticks, lots and quanta.

    `order_id` is the first id of its order, which no replace changes. `arrival` is twice the mid that it was decided
    on, `spread` that quote's ask less its bid, `middle` twice the mid at the trade; 0 where there was none. `fee_rate`
    is what one unit of the fee's asset was worth in the base currency when it was charged; None where no rate was
    marked, as for the base currency itself.
    """

    time: int
    order_id: str
    strategy: str
    instrument: str
    quantity: int
    price: int
    fee: int
    fee_asset: str
    liquidity: str
    arrival: int
    spread: int
    fee_rate: Decimal | None
    middle: int = 0


def booked_fills(facts: Sequence[Fact]) -> list[BookedFill]:
    """Every trade once, by the feed time at which the venue made it, as the venue finally said it was."""
    booked: dict[tuple[str, str], BookedFill] = {}
    quotes: dict[str, tuple[int, int]] = {}
    first_ids: dict[str, str] = {}
    rates = _Rates(facts)
    for fact in facts:
        event = fact.event
        match event:
            case ev.OrderSubmitted():
                bid, ask = event.seen.bid, event.seen.ask
                quotes[event.order_id] = (bid + ask, ask - bid) if bid and ask else (0, 0)
            case ev.ReplaceRequested():
                quotes[event.new_id] = quotes.get(event.order_id, (0, 0))
                first_ids[event.new_id] = first_ids.get(event.order_id, event.order_id)
            case ev.OrderFilled():
                arrival, spread = quotes.get(event.order_id, (0, 0))
                booked[event.order_id, event.execution_id] = BookedFill(
                    time=int(event.time), order_id=first_ids.get(event.order_id, event.order_id),
                    strategy=event.strategy, instrument=event.instrument,
                    quantity=int(event.side) * event.quantity, price=event.price, fee=event.fee,
                    fee_asset=event.fee_asset, liquidity=event.liquidity.value,
                    arrival=arrival, spread=spread, fee_rate=rates.at(fact.time, event.fee_asset),
                    middle=fact.middle,
                )  # fmt: skip
            case ev.FillBusted():
                booked.pop((event.order_id, event.execution_id), None)
            case ev.FillCorrected():
                known = booked.get((event.order_id, event.execution_id))
                if known is not None:
                    quantity = event.quantity if known.quantity > 0 else -event.quantity
                    booked[event.order_id, event.execution_id] = known._replace(
                        price=event.price, quantity=quantity, fee=event.fee
                    )
    return sorted(booked.values(), key=lambda fill: fill.time)


class _Rates:
    """What assets were worth: at the last mark up to a step, or at the first, where a fee called for it."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._marks: dict[str, list[tuple[int, Decimal]]] = {}
        for fact in facts:
            if isinstance(fact.event, ev.FxMarked):
                self._marks.setdefault(fact.event.asset, []).append((fact.time, fact.event.rate))

    def at(self, time: int, asset: str) -> Decimal | None:
        marks = self._marks.get(asset, ())
        place = bisect_right(marks, time, key=lambda mark: mark[0])
        return marks[max(place - 1, 0)][1] if marks else None


def fills_table(fills: Iterable[BookedFill], ledger: Ledger) -> pd.DataFrame:
    """One row a trade: quantity above 0, value in the instrument's currency, fee in the fee's asset."""
    rows = []
    for fill in fills:
        instrument = ledger.instruments.require(fill.instrument)
        rows.append(
            (
                fill.time, fill.order_id, fill.strategy, fill.instrument, "buy" if fill.quantity > 0 else "sell",
                float(instrument.quantity_of(abs(fill.quantity))), float(instrument.price_of(fill.price)),
                money(instrument.value(fill.price, abs(fill.quantity)), instrument),
                asset_amount(fill.fee, fill.fee_asset, ledger), fill.fee_asset, fill.liquidity,
            )
        )  # fmt: skip
    return _table(rows, _FILL_COLUMNS, numbers=("quantity", "price", "value", "fee"))


def orders_table(orders: Iterable[Order], facts: Iterable[Fact], ledger: Ledger) -> pd.DataFrame:
    """One row an order, denied ones too, by the time of its creation; prices NaN where there is none.

    `order_id` is its first id, as in the fills. `quantity` is what was asked for at last, by submission or replace:
    what the other orders of a bracket filled takes nothing from it.
    """
    asked = _asked(facts)
    rows = []
    for order in orders:
        instrument = ledger.instruments.require(order.instrument)
        average = order.cost / order.filled * float(instrument.tick) if order.filled else nan
        rows.append(
            (
                int(order.created), order.chain[0], order.strategy, order.instrument, order.side.name.lower(),
                order.order_type.value, order.time_in_force.value, order.order_class.value,
                float(instrument.quantity_of(asked.get(order.order_id, order.quantity))),
                _price(order.price, instrument), order.shown_status,
                float(instrument.quantity_of(order.filled)), average, order.reason,
            )
        )  # fmt: skip
    return _table(rows, _ORDER_COLUMNS, numbers=("quantity", "price", "filled", "average_price"))


def _asked(facts: Iterable[Fact]) -> dict[str, int]:
    """Lots that each id of an order stands for: as it was submitted, released by the engine, or replaced."""
    asked: dict[str, int] = {}
    for fact in facts:
        match fact.event:
            case ev.OrderSubmitted(order_id=identifier, quantity=quantity):
                asked[identifier] = quantity
            case ev.OrderReleased(order_id=identifier, quantity=quantity):
                asked[identifier] = quantity
            case ev.OrderReplaced(new_id=identifier, quantity=quantity):
                asked[identifier] = quantity
    return asked


def denials_table(facts: Iterable[Fact], ledger: Ledger) -> pd.DataFrame:
    """One row a refusal of ours: which control, what it observed, the limit, where that stands, what would pass."""
    rows: list[tuple[Any, ...]] = []
    for fact in facts:
        event = fact.event
        if isinstance(event, ev.OrderDenied):
            instrument = ledger.instruments.require(event.instrument)
            rows.append(
                (
                    fact.time, event.strategy, event.instrument, event.side.name.lower(),
                    float(instrument.quantity_of(event.quantity)), _price(event.price, instrument), event.control,
                    CONTROL_NAMES.get(event.control, "order table"), event.observed, event.limit, event.source,
                    event.would_pass,
                )
            )  # fmt: skip
        elif isinstance(event, ev.IntentRefused):
            rows.append(
                (
                    fact.time, event.strategy, event.instrument, "", nan, nan, event.control,
                    CONTROL_NAMES.get(event.control, "request"), event.reason, "", "", "",
                )
            )  # fmt: skip
    return _table(rows, _DENIAL_COLUMNS, numbers=("quantity", "price"))


def signals_table(facts: Iterable[Fact], ledger: Ledger) -> pd.DataFrame:
    """What each strategy wanted to hold and why, also where no order followed."""
    rows = [
        (
            fact.time, event.strategy, event.instrument,
            float(ledger.instruments.require(event.instrument).quantity_of(event.target)), event.reason, event.step,
        )
        for fact in facts
        if isinstance(event := fact.event, ev.SignalRaised)
    ]  # fmt: skip
    return _table(rows, _SIGNAL_COLUMNS, numbers=("target",))


def events_table(facts: Iterable[Fact]) -> pd.DataFrame:
    """Every event that a desk's journal would hold, in order; `detail` is the rest of its fields."""
    rows = []
    for fact in facts:
        fields = msgspec.structs.asdict(fact.event)
        told = [str(fields.pop(name, "") or "") for name in ("strategy", "instrument", "order_id")]
        rows.append((fact.time, fact.number, type(fact.event).__name__, *told, _detail(fields)))
    return _table(rows, _EVENT_COLUMNS)


def trips_by_market(fills: Iterable[BookedFill], ledger: Ledger) -> Iterator[tuple[str, str, list[RoundTrip]]]:
    """Strategy, instrument and its round trips, first in, first out; worth and fees in the base currency."""
    deals: dict[tuple[str, str], list[Deal]] = {}
    for fill in fills:
        instrument = ledger.instruments.require(fill.instrument)
        deals.setdefault((fill.strategy, fill.instrument), []).append(
            Deal(
                time=fill.time, order=fill.order_id, quantity=fill.quantity,
                worth=base_money(instrument.value(fill.price, 1), instrument.currency, ledger),
                fee=fee_worth(fill, ledger),
            )
        )  # fmt: skip
    for (strategy, symbol), made in sorted(deals.items()):
        yield strategy, symbol, round_trips(made)


def trades_table(fills: Iterable[BookedFill], ledger: Ledger) -> pd.DataFrame:
    """One row a round trip, by the time it closed: entry and exit as prices, money in the base currency."""
    rows = []
    for strategy, symbol, trips in trips_by_market(fills, ledger):
        instrument = ledger.instruments.require(symbol)
        lot, per_price = float(instrument.lot), _worth_of_one(instrument, ledger)
        for trip in trips:
            rows.append(
                (
                    trip.closed, strategy, symbol, "long" if trip.quantity > 0 else "short", abs(trip.quantity) * lot,
                    trip.opened, trip.entry / per_price, trip.exit / per_price, trip.gross, trip.fees, trip.pnl,
                    (trip.closed - trip.opened) / 86_400e9,
                )
            )  # fmt: skip
    rows.sort(key=lambda row: row[0])
    table = _table(rows, _TRADE_COLUMNS, numbers=("quantity", "entry", "exit", "gross", "fees", "pnl", "days"))
    table["opened"] = pd.to_datetime(table["opened"].astype("int64"), unit="ns", utc=True)
    return table


def equity_table(
    curve: Sequence[CurvePoint], names: Sequence[str], capital: Mapping[str, float], quantum: float
) -> pd.DataFrame:
    """Capital plus PnL of each strategy and of all (`total`) in the base currency, at every mark."""
    columns = {
        name: [_amount(point.pnl[place], quantum) + capital[name] for point in curve]
        for place, name in enumerate(names)
    }
    table = pd.DataFrame(columns, index=_index([point.time for point in curve]), dtype="float64")
    total = [
        nan if None in point.pnl else sum(part for part in point.pnl if part is not None) * quantum for point in curve
    ]
    table["total"] = pd.Series(total, index=table.index, dtype="float64") + sum(capital.values())
    return table


def positions_table(fills: Sequence[BookedFill], start: int, symbols: Sequence[str], ledger: Ledger) -> pd.DataFrame:
    """The position after every trade, one column for each (strategy, instrument) that traded, in quantity."""
    held: dict[tuple[str, str], float] = {}
    lots: dict[tuple[str, str], int] = {}
    rows: list[dict[tuple[str, str], float]] = [{}]
    times = [start]
    for fill in sorted(fills, key=lambda fill: fill.time):
        key = (fill.strategy, fill.instrument)
        lots[key] = lots.get(key, 0) + fill.quantity
        held[key] = float(ledger.instruments.require(fill.instrument).quantity_of(lots[key]))
        if fill.time == times[-1]:
            rows[-1] = dict(held)
        else:
            times.append(fill.time)
            rows.append(dict(held))
    order = {symbol: place for place, symbol in enumerate(symbols)}
    names = sorted(held, key=lambda key: (key[0], order.get(key[1], len(order))))
    columns = pd.MultiIndex.from_arrays(
        [[strategy for strategy, _ in names], [symbol for _, symbol in names]], names=["strategy", "instrument"]
    )
    values = [[row.get(name, 0.0) for name in names] for row in rows]
    return pd.DataFrame(values, index=_index(times), columns=columns, dtype="float64")


# ---- units


def money(quanta: int, instrument: Instrument) -> float:
    """Quanta of the instrument's currency as a float."""
    return float(quanta * instrument.currency_quantum)


def asset_amount(quanta: int, asset: str, ledger: Ledger) -> float:
    """Quanta of an asset as a float; NaN when the books do not know the asset."""
    currency = ledger.currencies.get(asset)
    return float(quanta * currency.quantum) if currency else nan


def base_money(quanta: int, asset: str, ledger: Ledger) -> float:
    """Quanta of an asset in the base currency at its last rate; NaN when there is none."""
    rate = ledger.rate(asset)
    return nan if rate is None else float(quanta * rate * ledger.currencies[ledger.base_currency].quantum)


def fee_worth(fill: BookedFill, ledger: Ledger) -> float:
    """A fee in the base currency at the rate when it was charged, whatever its asset was worth later."""
    if fill.fee_rate is None:
        return base_money(fill.fee, fill.fee_asset, ledger)
    return asset_amount(fill.fee, fill.fee_asset, ledger) * float(fill.fee_rate)


def _worth_of_one(instrument: Instrument, ledger: Ledger) -> float:
    """What a price of 1 makes one lot worth in the base currency."""
    return base_money(instrument.tick_value, instrument.currency, ledger) / float(instrument.tick)


def _price(ticks: int | None, instrument: Instrument) -> float:
    return nan if ticks is None else float(instrument.price_of(ticks))


def _amount(quanta: int | None, quantum: float) -> float:
    return nan if quanta is None else quanta * quantum


# ---- tables


def _table(rows: Sequence[tuple[Any, ...]], columns: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    table = pd.DataFrame.from_records(list(rows), columns=["time", *columns])
    table.index = _index(table.pop("time").tolist())
    for name in numbers:
        table[name] = table[name].astype("float64")
    return table


def _index(times: Sequence[int]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(pd.Series(list(times), dtype="int64"), unit="ns", utc=True), name="time")


def _detail(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_said(value)}" for name, value in fields.items() if value not in (None, "", ()))


def _said(value: Any) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
