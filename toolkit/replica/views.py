"""The tables that people see, in human units, made of a replica by pure functions; every page shows these numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Deployment, Ledger
from toolkit.domain.orders import Order, TradingState
from toolkit.domain.overrides import Override, in_force, not_over, override_key
from toolkit.domain.positions import average_price
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.venue_limits import in_words
from toolkit.replica.portfolio_use import PortfolioUse
from toolkit.replica.replica import FillSeen, Replica

CAUSE_SHOWN = 100

Messages = Callable[[str, str], int]
"""How many messages of a scope and name go out in a second."""


class StrategyView(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy. Money in the base currency; `pnl` is None while a mark that it needs is missing.

    `why` says who stopped it, and that nobody runs it any more where its runner was given up.
    """

    name: str
    version: str
    stage: str
    enabled: bool
    state: str
    why: str
    capital: Decimal
    orders: int
    open: int
    unknown: int
    fills: int
    denied: int
    position: str
    pnl: Decimal | None
    realised: Decimal | None
    fees: Decimal | None


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What one sub-account holds of one instrument, at its last mark."""

    strategy: str
    instrument: str
    quantity: Decimal
    average: Decimal | None
    mark: Decimal | None
    value: Decimal | None
    realised: Decimal
    unrealised: Decimal | None
    currency: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order. `status` is UNKNOWN while there is doubt about it; `held` is where its stop waits: venue or engine."""

    order_id: str
    strategy: str
    instrument: str
    side: str
    order_type: str
    time_in_force: str
    order_class: str
    quantity: Decimal
    filled: Decimal
    price: Decimal | None
    average: Decimal | None
    status: str
    venue: str
    reason: str
    decided: int
    stop: Decimal | None
    held: str


class FillView(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    order_id: str
    strategy: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: str
    time: int
    wall: int


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit in force, what of it is used where that is a level, and where it stands.

    `override` says until when it is looser than there, and for whom.
    """

    scope: str
    name: str
    limit: str
    value: str
    used: str
    source: str
    override: str = ""


class VenueView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: str
    open: int
    unknown: int
    positions: str
    rate: str
    last_report: int


def strategies(replica: Replica) -> tuple[StrategyView, ...]:
    """Every strategy that was ever deployed or given capital, by name."""
    ledger = replica.ledger
    names = sorted({*ledger.capital, *ledger.deployments, *ledger.counts, *ledger.runners} - {"house", "manual"})
    return tuple(_strategy(replica, name) for name in names)


def positions(replica: Replica) -> tuple[PositionView, ...]:
    """Every position that is open or has realised something, by strategy and instrument."""
    ledger = replica.ledger
    return tuple(
        _position(ledger, strategy, symbol)
        for strategy in sorted(ledger.positions)
        for symbol, held in sorted(ledger.positions[strategy].items())
        if held.lots or held.realised
    )


def orders(replica: Replica, *, closed: int = 0) -> tuple[OrderView, ...]:
    """Every open order, and the `closed` newest of those that are over, oldest first."""
    ledger = replica.ledger
    over = [ledger.orders[root] for root in list(ledger.closed)[-closed:]] if closed else []
    found = sorted([*over, *ledger.open_orders()], key=lambda order: order.chain[0][-8:])
    return tuple(_order(ledger, order) for order in found)


def fills(replica: Replica) -> tuple[FillView, ...]:
    """The newest fills, oldest first."""
    return tuple(fill_view(replica.ledger, fill) for fill in replica.fills)


class OverrideView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that two people loosened: until when (UTC ns), for how many more orders ("" for any), and for whom."""

    limit: str
    scope: str
    name: str
    value: str
    before: str
    until: int
    orders: str
    who: str


def overrides(replica: Replica, now: int) -> tuple[OverrideView, ...]:
    """Those that hold at a wall time, the one that ends first before the others."""
    found = sorted(not_over(replica.ledger.overrides, now).values(), key=lambda each: each.until)
    return tuple(
        OverrideView(
            limit=each.limit, scope=each.scope, name=each.name, value=each.value, before=each.before,
            until=int(each.until), orders=_orders_left(each), who=each.who.identity,
        )
        for each in found
    )  # fmt: skip


def limits(replica: Replica, messages: Messages | None = None, now: int = 0) -> tuple[LimitView, ...]:
    """Every limit in force. `messages` says how many of a scope go out a second, for who keeps count of them; what is
    over at `now` (UTC ns; 0: as the books say) holds no more."""
    ledger = replica.ledger
    holding = not_over(ledger.overrides, now)
    whole = PortfolioUse(ledger, replica.value_at_risk)
    return tuple(
        LimitView(
            scope=row.scope, name=row.name, limit=row.limit, value=in_words(row.limit, row.value), source=row.source,
            used=_used(ledger, row.scope, row.name, row.limit, messages)
            or whole.used(row.scope, row.name, row.limit),
            override=_override(holding.get(override_key(row.scope, row.name, row.limit))),
        )
        for row in in_force(ledger.limits, holding)
    )  # fmt: skip


def _override(override: Override | None) -> str:
    if override is None:
        return ""
    until = datetime.fromtimestamp(int(override.until) / NANOSECONDS, UTC)
    left = f", or {_orders_left(override)} orders more" if override.orders else ""
    return f"until {until:%Y-%m-%d %H:%M:%S}Z{left}, for {override.who.identity}"


def _orders_left(override: Override) -> str:
    return f"{override.orders - override.used} of {override.orders}" if override.orders else ""


def venues(replica: Replica) -> tuple[VenueView, ...]:
    """Every venue of the book."""
    return tuple(_venue(replica.ledger, name) for name in replica.ledger.venues)


def fill_view(ledger: Ledger, fill: FillSeen) -> FillView:
    """One fill in human units."""
    instrument = ledger.instruments.require(fill.instrument)
    return FillView(
        number=fill.number, order_id=fill.order_id, strategy=fill.strategy, instrument=fill.instrument,
        side=fill.side.name, quantity=instrument.quantity_of(fill.quantity), price=instrument.price_of(fill.price),
        fee=money(ledger, fill.fee, fill.fee_asset), fee_asset=fill.fee_asset, liquidity=fill.liquidity.value,
        time=int(fill.time), wall=int(fill.wall),
    )  # fmt: skip


def money(ledger: Ledger, quanta: int, asset: str = "") -> Decimal:
    """Quanta of an asset (the base currency without one) as an amount; an unknown asset counts whole units."""
    currency = ledger.currencies.get(asset or ledger.base_currency)
    return Decimal(quanta) if currency is None else quanta * currency.quantum


def version_name(deployment: Deployment | None) -> str:
    """`v7 (7f3ac1)`, or a dash where nothing is deployed."""
    return "–" if deployment is None else f"v{deployment.version} ({deployment.digest[:6]})"


def _strategy(replica: Replica, name: str) -> StrategyView:
    ledger = replica.ledger
    state, why = _state(replica, name)
    counts = ledger.counts.get(name, {})
    open_orders = ledger.open_orders(name)
    deployment = ledger.deployments.get(name)
    pnl = ledger.pnl(name)
    position = _held(ledger, {symbol: held.lots for symbol, held in ledger.positions.get(name, {}).items()})
    return StrategyView(
        name=name, version=version_name(deployment), stage=deployment.stage if deployment else "–",
        enabled=state is not TradingState.HALTED, state=state.name,
        why="; ".join(filter(None, (why, _given_up(ledger, name, position)))),
        capital=money(ledger, ledger.capital.get(name, 0)), orders=counts.get("orders", 0), open=len(open_orders),
        unknown=sum(order.shown_status == "UNKNOWN" for order in open_orders), fills=counts.get("fills", 0),
        denied=counts.get("denied", 0) + counts.get("refused", 0),
        position=position,
        pnl=None if pnl is None else money(ledger, pnl), realised=_realised(ledger, name), fees=_fees(ledger, name),
    )  # fmt: skip


def _state(replica: Replica, name: str) -> tuple[TradingState, str]:
    """The trading state of a strategy over all scopes, with who set it and why."""
    ledger = replica.ledger
    strictest, why = TradingState.ACTIVE, ""
    venues_traded = {instrument.venue for instrument in ledger.instruments.all()}
    for scope in ("book:", *(f"venue:{venue}" for venue in venues_traded), f"strategy:{name}"):
        for cause, state in ledger.states.get(scope, {}).items():
            if state > strictest:
                strictest, why = state, f"{cause} ({replica.state_reasons.get(scope, scope.rstrip(':'))})"
    return strictest, why


def _given_up(ledger: Ledger, name: str, position: str) -> str:
    """A strategy that may trade and that nobody runs: it decides nothing, also about what it holds."""
    runner = ledger.runners.get(name)
    if runner is None or not runner.given_up:
        return ""
    cause = runner.detail.partition("\n")[0][:CAUSE_SHOWN]
    return f"its runner was given up ({cause}), so nobody looks after what it holds: {position}"


def _held(ledger: Ledger, lots: Mapping[str, int]) -> str:
    """`AAPL +100, MSFT -20`, or flat."""
    parts = [f"{symbol} {ledger.instruments.require(symbol).quantity_of(lots[symbol]):+f}"
             for symbol in sorted(lots) if lots[symbol]]  # fmt: skip
    return ", ".join(parts) or "flat"


def _realised(ledger: Ledger, name: str) -> Decimal | None:
    total = Decimal(0)
    for symbol, position in ledger.positions.get(name, {}).items():
        instrument = ledger.instruments.require(symbol)
        if instrument.currency != ledger.base_currency:
            return None
        total += money(ledger, position.realised)
    return total


def _fees(ledger: Ledger, name: str) -> Decimal | None:
    """What was paid, in the base currency at the last rates; None where one is missing."""
    total = Decimal(0)
    for asset, quanta in ledger.fees.get(name, {}).items():
        rate = ledger.rate(asset)
        if rate is None:
            return None
        total += quanta * rate
    return money(ledger, int(total.to_integral_value()))


def _position(ledger: Ledger, strategy: str, symbol: str) -> PositionView:
    held = ledger.positions[strategy][symbol]
    instrument = ledger.instruments.require(symbol)
    mark = ledger.marks.get(symbol)
    unrealised = None if mark is None else held.unrealised(mark.twice, instrument)
    return PositionView(
        strategy=strategy, instrument=symbol, quantity=instrument.quantity_of(held.lots),
        average=_rounded(average_price(held, instrument), instrument),
        mark=None if mark is None else mark.twice * instrument.tick / 2,
        value=None if unrealised is None else (held.cost + unrealised) * instrument.currency_quantum,
        realised=held.realised * instrument.currency_quantum,
        unrealised=None if unrealised is None else unrealised * instrument.currency_quantum,
        currency=instrument.currency,
    )  # fmt: skip


def _order(ledger: Ledger, order: Order) -> OrderView:
    instrument = ledger.instruments.require(order.instrument)
    average = instrument.tick * Decimal(order.cost) / order.filled if order.filled else None
    stop = None if order.terms is None else order.terms.stop
    return OrderView(
        order_id=order.order_id, strategy=order.strategy, instrument=order.instrument, side=order.side.name,
        order_type=order.order_type.value, time_in_force=order.time_in_force.value,
        order_class=order.order_class.value, quantity=instrument.quantity_of(order.quantity),
        filled=instrument.quantity_of(order.filled),
        price=None if order.price is None else instrument.price_of(order.price),
        average=_rounded(average, instrument), status=order.shown_status, venue=order.venue, reason=order.reason,
        decided=int(order.decided), stop=None if stop is None else instrument.price_of(stop),
        held=order.terms.held_at.value if order.terms is not None and order.terms.held_at is not None else "",
    )  # fmt: skip


def _rounded(price: Decimal | None, instrument: Instrument) -> Decimal | None:
    """A hundredth of a tick is enough for people."""
    return None if price is None else price.quantize(instrument.tick / 100)


def _used(ledger: Ledger, scope: str, name: str, limit: str, messages: Messages | None) -> str:
    if limit == "message_rate" and messages is not None and name != "*" and scope != "stage":
        return str(messages(scope, name))
    if limit == "max_working_orders":
        return str(sum(_in_scope(ledger, order, scope, name) for order in ledger.open_orders()))
    if limit == "max_position" and scope == "instrument":
        interval = ledger.account_interval(name)
        return f"{ledger.instruments.require(name).quantity_of(interval.largest):f}"
    if limit == "max_position" and name != "*":
        return _largest_position(ledger, scope, name)
    return ""


def _largest_position(ledger: Ledger, scope: str, name: str) -> str:
    """Of all instruments of a strategy, a venue or the book the one of which most is held in the worst case."""
    if scope == "strategy":
        of_strategy = {*ledger.positions.get(name, {}), *ledger.exposure.get(name, {})}
        intervals = {symbol: ledger.interval(name, symbol) for symbol in of_strategy}
    elif scope in ("book", "venue", "account"):
        at_venues = {*ledger.account_exposure, *(symbol for held in ledger.venue_positions.values() for symbol in held)}
        intervals = {symbol: ledger.account_interval(symbol) for symbol in at_venues}
    else:
        return ""
    known = [(ledger.instruments.require(symbol), interval.largest) for symbol, interval in intervals.items()]
    quantities = [
        (instrument.quantity_of(lots), instrument.symbol)
        for instrument, lots in known
        if scope in ("book", "strategy") or instrument.venue == name
    ]
    quantity, symbol = max(quantities, default=(Decimal(0), ""))
    return f"{quantity:f} {symbol}".strip()


def _in_scope(ledger: Ledger, order: Order, scope: str, name: str) -> bool:
    deployment = ledger.deployments.get(order.strategy)
    places = {
        "book": "", "venue": order.venue, "account": order.venue, "strategy": order.strategy,
        "instrument": order.instrument, "stage": "" if deployment is None else deployment.stage,
    }  # fmt: skip
    return places[scope] == name


def _venue(ledger: Ledger, name: str) -> VenueView:
    open_orders = [order for order in ledger.open_orders() if order.venue == name]
    state = max(ledger.states.get(f"venue:{name}", {}).values(), default=TradingState.ACTIVE)
    rate = ledger.throttles.get(f"venue:{name}")
    return VenueView(
        name=name, state=state.name, open=len(open_orders),
        unknown=sum(order.shown_status == "UNKNOWN" for order in open_orders),
        positions=_held(ledger, ledger.venue_positions.get(name, {})),
        rate="" if rate is None else f"{rate}/s", last_report=ledger.venue_reports.get(name, 0),
    )  # fmt: skip
