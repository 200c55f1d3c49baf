"""The ledger: the fold of the journal. Only `apply` changes it; it decides nothing and reads no clock.

Folding from empty or from a snapshot gives the same ledger, bit for bit; `digest` is what snapshots and replicas compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow
from toolkit.domain.errors import JournalError
from toolkit.domain.inbox_rules import INBOX_ITEMS
from toolkit.domain.instruments import Currency, Instrument, InstrumentMaster
from toolkit.domain.money import divide_half_even
from toolkit.domain.order_tables import Fact, OrderCommand, after_command, after_fact
from toolkit.domain.orders import Doubt, Order, OrderClass, OrderType, Side, Status, TradingState
from toolkit.domain.positions import FLAT, Interval, Position, after_trade
from toolkit.domain.time import FeedTime

FOLD_VERSION = 1
CLOSED_ORDERS_KEPT = 10_000
RECENT_KEPT = 64
HOUSE = "house"


class Fill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A trade as booked, kept with its order so that it counts once and can be taken back."""

    execution_id: str
    price: int
    quantity: int
    fee: int
    fee_asset: str


class Producer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How far a producer's commands have taken effect, and the digest of the last one."""

    incarnation: int
    number: int
    digest: bytes


class Runner(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What survives of a strategy's process."""

    incarnation: int = 0
    version: str = ""
    digest: str = ""
    running: bool = False
    step: int = 0
    inbox: int = 0
    state: bytes | None = None
    detail: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Which version of a strategy runs at which stage."""

    version: int
    digest: str
    stage: str


class Mark(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    twice: int
    step: int
    time: FeedTime


class Recent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What an order asked for and when, kept for the window in which the same again is a duplicate."""

    time: FeedTime
    instrument: str
    side: Side
    quantity: int
    order_type: OrderType
    price: int | None

    def same_as(self, other: Recent) -> bool:
        return (self.instrument, self.side, self.quantity, self.order_type, self.price) == (
            other.instrument, other.side, other.quantity, other.order_type, other.price,
        )  # fmt: skip


class Ledger(msgspec.Struct, kw_only=True):
    """Orders, positions, cash, limits and states of one book. Amounts are quanta, quantities lots, prices ticks.

    Orders are keyed by the first id of their replace chain; `aliases` leads there from every later id. Final orders
    stay until CLOSED_ORDERS_KEPT newer ones are final, so that late facts find theirs.
    """

    fold_version: int = FOLD_VERSION
    book: str = ""
    desk: str = ""
    base_currency: str = ""
    currencies: dict[str, Currency] = {}
    venues: tuple[str, ...] = ()
    epoch: int = 0
    sequence: int = 0
    batch_digest: bytes = b""
    step: int = 0
    session: str = ""
    order_count: int = 0
    instruments: InstrumentMaster = msgspec.field(default_factory=InstrumentMaster)
    limits: tuple[LimitRow, ...] = ()
    limits_checksum: str = ""
    orders: dict[str, Order] = {}
    closed: dict[str, None] = {}
    aliases: dict[str, str] = {}
    intents: dict[str, dict[str, str]] = {}
    fills: dict[str, list[Fill]] = {}
    working: dict[str, dict[str, dict[str, None]]] = {}
    doubtful: dict[str, None] = {}
    open_by_strategy: dict[str, int] = {}
    open_by_instrument: dict[str, int] = {}
    waiting_exits: dict[str, dict[str, ev.ExitQueued]] = {}
    flattening: dict[str, None] = {}
    recent: dict[str, list[Recent]] = {}
    positions: dict[str, dict[str, Position]] = {}
    venue_positions: dict[str, dict[str, int]] = {}
    cash: dict[str, dict[str, int]] = {}
    fees: dict[str, dict[str, int]] = {}
    opening_equity: dict[str, int] = {}
    marks: dict[str, Mark] = {}
    rates: dict[str, Decimal] = {}
    states: dict[str, dict[str, TradingState]] = {}
    throttles: dict[str, Decimal] = {}
    capital: dict[str, int] = {}
    deployments: dict[str, Deployment] = {}
    producers: dict[str, Producer] = {}
    runners: dict[str, Runner] = {}
    inbox_numbers: dict[str, int] = {}
    venue_reports: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {}

    # ---- changing

    def apply(self, event: ev.Event) -> None:
        """Fold one event in. Raises JournalError when the event cannot follow what is here."""
        self.sequence += 1
        handler = _HANDLERS.get(type(event))
        if handler is None:
            raise JournalError(f"event {self.sequence} has no place in the ledger: {type(event).__name__}")
        handler(self, event)

    def apply_batch(self, batch: ev.Batch, digest: bytes) -> None:
        """Fold one batch in, checking that it is the next one of this chain."""
        if batch.first != self.sequence + 1 or batch.previous != self.batch_digest:
            raise JournalError(
                f"batch {batch.first}–{batch.last} does not follow event {self.sequence}: "
                f"previous hash {batch.previous.hex()[:12]}, expected {self.batch_digest.hex()[:12]}"
            )
        for event in batch.events:
            self.apply(event)
        self.seal(batch, digest)

    def seal(self, batch: ev.Batch, digest: bytes) -> None:
        """Note the batch that the last applied events belong to."""
        self.batch_digest = digest
        self.step = batch.step

    # ---- reading

    def order(self, identifier: str) -> Order | None:
        """The order that any id of its chain names."""
        return self.orders.get(self.aliases.get(identifier, identifier))

    def order_of_intent(self, strategy: str, intent_id: str) -> Order | None:
        root = self.intents.get(strategy, {}).get(intent_id)
        return None if root is None else self.orders.get(root)

    def open_orders(self, strategy: str | None = None, instrument: str | None = None) -> list[Order]:
        """Orders that can still trade, doubtful ones included, in the order of their birth."""
        names = self.working if strategy is None else (strategy,)
        found = [
            self.orders[root]
            for name in names
            for symbol, roots in self.working.get(name, {}).items()
            if instrument is None or symbol == instrument
            for root in roots
        ]
        return sorted(found, key=lambda order: order.chain[0][-8:])

    def position(self, strategy: str, instrument: str) -> Position:
        return self.positions.get(strategy, {}).get(instrument, FLAT)

    def interval(self, strategy: str, instrument: str, without: str = "") -> Interval:
        """[L, H] over all outcomes; exits and protective orders of the position count once, by the largest."""
        return _interval(
            self.position(strategy, instrument).lots,
            (self.orders[root] for root in self.working.get(strategy, {}).get(instrument, ()) if root != without),
        )

    def account_interval(self, instrument: str) -> Interval:
        """[L, H] of the venue account: the sum over its sub-accounts."""
        parts = [self.interval(strategy, instrument) for strategy in self._holders(instrument)]
        return Interval(low=sum(part.low for part in parts), high=sum(part.high for part in parts))

    def trading_state(self, strategy: str, venue: str) -> tuple[TradingState, str]:
        """The strictest state over book, venue and strategy, and the scope and cause that set it."""
        strictest, cause = TradingState.ACTIVE, ""
        for scope in ("book:", f"venue:{venue}", f"strategy:{strategy}"):
            for name, state in self.states.get(scope, {}).items():
                if state > strictest:
                    strictest, cause = state, f"{scope.rstrip(':')} by {name}"
        return strictest, cause

    def equity(self, strategy: str) -> int | None:
        """Cash flows, positions at their last marks and fees of one sub-account, in quanta of the base currency.

        None when a mark or a rate that is needed is missing.
        """
        total = Decimal(0)
        for asset, amount in self._balances(strategy).items():
            rate = self._rate(asset)
            if rate is None:
                return None
            total += amount * rate
        for symbol, position in self.positions.get(strategy, {}).items():
            if not position.lots:
                continue
            instrument, mark = self.instruments.require(symbol), self.marks.get(symbol)
            rate = self._rate(instrument.currency)
            if mark is None or rate is None:
                return None
            total += divide_half_even(mark.twice * position.lots * instrument.tick_value, 2) * rate
        return int(total.to_integral_value())

    def pnl(self, strategy: str) -> int | None:
        """Equity less the cash that was moved in; since nothing but trades moves a strategy's cash, that is equity."""
        equity = self.equity(strategy)
        if equity is None:
            return None
        return equity - self.counts.get(strategy, {}).get("moved", 0)

    def digest(self) -> str:
        """SHA-256 over the whole state."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Ledger:
        """The ledger of a snapshot. Raises JournalError when it was made by another fold."""
        ledger = msgspec.msgpack.decode(data, type=cls)
        if ledger.fold_version != FOLD_VERSION:
            raise JournalError(f"snapshot of fold {ledger.fold_version}, this is fold {FOLD_VERSION}: fold again")
        return ledger

    # ---- helpers of reading

    def _holders(self, instrument: str) -> list[str]:
        names = dict.fromkeys((*self.positions, *self.working))
        return [
            name
            for name in names
            if instrument in self.positions.get(name, ()) or instrument in self.working.get(name, ())
        ]

    def _balances(self, strategy: str) -> dict[str, int]:
        return self.cash.get(strategy, {})

    def _rate(self, asset: str) -> Decimal | None:
        """Base quanta per quantum of `asset`."""
        if asset == self.base_currency:
            return Decimal(1)
        rate = self.rates.get(asset)
        if rate is None or asset not in self.currencies:
            return None
        return rate * self.currencies[asset].quantum / self.currencies[self.base_currency].quantum

    # ---- helpers of changing

    def _put(self, order: Order) -> None:
        root = order.chain[0]
        self.orders[root] = order
        roots = self.working.setdefault(order.strategy, {}).setdefault(order.instrument, {})
        if order.is_open:
            if root not in roots:
                roots[root] = None
                self._count_open(order, 1)
            self.closed.pop(root, None)
        else:
            if root in roots:
                del roots[root]
                self._count_open(order, -1)
            self.closed[root] = None
            self._forget_oldest()
        if order.doubt is Doubt.NONE:
            self.doubtful.pop(root, None)
        else:
            self.doubtful[root] = None

    def _count_open(self, order: Order, by: int) -> None:
        self.open_by_strategy[order.strategy] = self.open_by_strategy.get(order.strategy, 0) + by
        self.open_by_instrument[order.instrument] = self.open_by_instrument.get(order.instrument, 0) + by

    def _forget_oldest(self) -> None:
        while len(self.closed) > CLOSED_ORDERS_KEPT:
            root = next(iter(self.closed))
            del self.closed[root]
            order = self.orders.pop(root)
            self.fills.pop(root, None)
            self.intents.get(order.strategy, {}).pop(order.intent_id, None)
            for identifier in order.chain[1:]:
                self.aliases.pop(identifier, None)

    def _count(self, strategy: str, what: str, by: int = 1) -> None:
        counts = self.counts.setdefault(strategy, {})
        counts[what] = counts.get(what, 0) + by

    def _number_inbox(self, strategy: str, event_type: type) -> None:
        self.inbox_numbers[strategy] = self.inbox_numbers.get(strategy, 0) + INBOX_ITEMS[event_type]

    def _report(self, venue: str, number: int) -> None:
        if number > self.venue_reports.get(venue, 0):
            self.venue_reports[venue] = number

    def _trade(self, strategy: str, venue: str, instrument: Instrument, side: Side, quantity: int, price: int) -> None:
        held = self.positions.setdefault(strategy, {})
        held[instrument.symbol] = after_trade(held.get(instrument.symbol, FLAT), side, quantity, price, instrument)
        self._move_cash(strategy, instrument.currency, -int(side) * instrument.value(price, quantity))
        account = self.venue_positions.setdefault(venue, {})
        account[instrument.symbol] = account.get(instrument.symbol, 0) + int(side) * quantity

    def _move_cash(self, sub_account: str, asset: str, amount: int) -> None:
        balances = self.cash.setdefault(sub_account, {})
        balances[asset] = balances.get(asset, 0) + amount

    def _charge(self, sub_account: str, asset: str, fee: int) -> None:
        if fee:
            self._move_cash(sub_account, asset, -fee)
            fees = self.fees.setdefault(sub_account, {})
            fees[asset] = fees.get(asset, 0) + fee


def fold(batches: Iterable[tuple[ev.Batch, bytes]], ledger: Ledger | None = None) -> Ledger:
    """Fold batches (with their digests) into a ledger, from empty without one."""
    ledger = Ledger() if ledger is None else ledger
    for batch, digest in batches:
        ledger.apply_batch(batch, digest)
    return ledger


def _interval(lots: int, orders: Iterable[Order]) -> Interval:
    buys = sells = closing_buys = closing_sells = 0
    for order in orders:
        remaining = order.remaining
        grouped = order.order_class is not OrderClass.ENTRY
        if order.side is Side.BUY:
            buys += 0 if grouped else remaining
            closing_buys = max(closing_buys, remaining) if grouped else closing_buys
        else:
            sells += 0 if grouped else remaining
            closing_sells = max(closing_sells, remaining) if grouped else closing_sells
    return Interval(low=lots - sells - closing_sells, high=lots + buys + closing_buys)


# ---- handlers, one per event


def _book_opened(ledger: Ledger, event: ev.BookOpened) -> None:
    ledger.book, ledger.desk, ledger.base_currency = event.book, event.desk, event.base_currency
    ledger.currencies = {currency.code: currency for currency in event.currencies}
    ledger.venues = event.venues


def _epoch_began(ledger: Ledger, event: ev.EpochBegan) -> None:
    ledger.epoch = event.epoch


def _instrument_defined(ledger: Ledger, event: ev.InstrumentDefined) -> None:
    ledger.instruments.add(event.instrument)


def _limits_changed(ledger: Ledger, event: ev.LimitsChanged) -> None:
    ledger.limits, ledger.limits_checksum = event.rows, event.checksum


def _capital_allocated(ledger: Ledger, event: ev.CapitalAllocated) -> None:
    ledger.capital[event.strategy] = event.amount
    ledger._number_inbox(event.strategy, ev.CapitalAllocated)


def _version_registered(ledger: Ledger, event: ev.VersionRegistered) -> None:
    ledger._count(event.strategy, "versions")


def _deployment_changed(ledger: Ledger, event: ev.DeploymentChanged) -> None:
    ledger.deployments[event.strategy] = Deployment(version=event.version, digest=event.digest, stage=event.stage)


def _trading_state_changed(ledger: Ledger, event: ev.TradingStateChanged) -> None:
    causes = ledger.states.setdefault(f"{event.scope}:{event.name}" if event.name else f"{event.scope}:", {})
    if event.state is TradingState.ACTIVE:
        causes.pop(event.cause, None)
    else:
        causes[event.cause] = event.state


def _throttle_changed(ledger: Ledger, event: ev.ThrottleChanged) -> None:
    scope = f"{event.scope}:{event.name}"
    if event.rate is None:
        ledger.throttles.pop(scope, None)
    else:
        ledger.throttles[scope] = event.rate


def _command_taken(ledger: Ledger, event: ev.CommandTaken) -> None:
    ledger.producers[event.producer] = Producer(
        incarnation=event.incarnation, number=event.number, digest=event.digest
    )


def _runner_started(ledger: Ledger, event: ev.RunnerStarted) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, incarnation=event.incarnation, version=event.version, digest=event.digest, running=True, detail=""
    )
    ledger._number_inbox(event.strategy, ev.RunnerStarted)


def _runner_ended(ledger: Ledger, event: ev.RunnerEnded) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, running=False, detail=f"{event.cause}: {event.detail}"
    )


def _answered(ledger: Ledger, event: ev.Answered) -> None:
    known = ledger.runners.get(event.strategy, Runner())
    ledger.runners[event.strategy] = msgspec.structs.replace(
        known, step=event.step, inbox=event.inbox, state=known.state if event.state is None else event.state
    )
    ledger.producers[event.strategy] = Producer(
        incarnation=event.incarnation, number=event.number, digest=event.digest
    )


def _signal_raised(ledger: Ledger, event: ev.SignalRaised) -> None:
    ledger._count(event.strategy, "signals")


def _intent_refused(ledger: Ledger, event: ev.IntentRefused) -> None:
    ledger._count(event.strategy, "refused")
    ledger._number_inbox(event.strategy, ev.IntentRefused)


def _exit_queued(ledger: Ledger, event: ev.ExitQueued) -> None:
    ledger.waiting_exits.setdefault(event.strategy, {})[event.instrument] = event


def _exit_unqueued(ledger: Ledger, event: ev.ExitUnqueued) -> None:
    ledger.waiting_exits.get(event.strategy, {}).pop(event.instrument, None)


def _flatten_started(ledger: Ledger, event: ev.FlattenStarted) -> None:
    ledger.flattening[event.strategy] = None


def _flatten_ended(ledger: Ledger, event: ev.FlattenEnded) -> None:
    ledger.flattening.pop(event.strategy, None)


def _order_submitted(ledger: Ledger, event: ev.OrderSubmitted) -> None:
    ledger._count(event.strategy, "orders")
    recent = ledger.recent.setdefault(event.strategy, [])
    recent.append(
        Recent(
            time=event.time, instrument=event.instrument, side=event.side, quantity=event.quantity,
            order_type=event.order_type, price=event.price,
        )
    )  # fmt: skip
    del recent[:-RECENT_KEPT]
    _new_order(ledger, event, Status.PENDING_NEW, event.reason)


def _order_denied(ledger: Ledger, event: ev.OrderDenied) -> None:
    ledger._count(event.strategy, "denied")
    _new_order(ledger, event, Status.DENIED, f"control {event.control}: {event.observed}, limit {event.limit}")


def _new_order(ledger: Ledger, event: ev.OrderSubmitted | ev.OrderDenied, status: Status, reason: str) -> None:
    ledger.order_count += 1
    ledger.intents.setdefault(event.strategy, {})[event.intent_id] = event.order_id
    ledger._put(
        Order(
            order_id=event.order_id, chain=(event.order_id,), strategy=event.strategy, version=event.version,
            intent_id=event.intent_id, instrument=event.instrument, venue=event.venue, side=event.side,
            order_type=event.order_type, time_in_force=event.time_in_force, order_class=event.order_class,
            quantity=event.quantity, price=event.price, post_only=event.post_only, reduce_only=event.reduce_only,
            status=status, doubt=Doubt.NONE, step=event.seen.step, decided=event.wall, created=event.time,
            reason=reason,
        )
    )  # fmt: skip
    ledger._number_inbox(event.strategy, type(event))


def _cancel_requested(ledger: Ledger, event: ev.CancelRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, OrderCommand.CANCEL, order.order_id)
    ledger._put(msgspec.structs.replace(order, status=status))
    ledger._number_inbox(order.strategy, ev.CancelRequested)


def _replace_requested(ledger: Ledger, event: ev.ReplaceRequested) -> None:
    order = _known(ledger, event.order_id)
    status = after_command(order.status, order.doubt, OrderCommand.REPLACE, order.order_id)
    ledger.order_count += 1
    ledger.aliases[event.new_id] = order.chain[0]
    ledger._put(
        msgspec.structs.replace(
            order, status=status, chain=(*order.chain, event.new_id), replacing_id=event.new_id,
            replacing_quantity=event.quantity, replacing_price=event.price,
        )
    )  # fmt: skip
    ledger._number_inbox(order.strategy, ev.ReplaceRequested)


def _order_resubmitted(ledger: Ledger, event: ev.OrderResubmitted) -> None:
    _known(ledger, event.order_id)


def _order_acknowledged(ledger: Ledger, event: ev.OrderAcknowledged) -> None:
    order = _fact(ledger, event.order_id, Fact.ACKNOWLEDGED, event, report=event.report)
    if order is not None and event.venue_order_id:
        ledger._put(msgspec.structs.replace(order, venue_order_id=event.venue_order_id))


def _order_filled(ledger: Ledger, event: ev.OrderFilled) -> None:
    order = ledger.order(event.order_id)
    instrument = ledger.instruments.require(event.instrument)
    venue = order.venue if order is not None else instrument.venue
    ledger._report(venue, event.report)
    ledger._trade(event.strategy, venue, instrument, event.side, event.quantity, event.price)
    ledger._charge(event.strategy, event.fee_asset, event.fee)
    ledger._count(event.strategy, "fills")
    if order is None:
        return
    ledger._number_inbox(event.strategy, ev.OrderFilled)
    ledger.fills.setdefault(order.chain[0], []).append(
        Fill(
            execution_id=event.execution_id, price=event.price, quantity=event.quantity, fee=event.fee,
            fee_asset=event.fee_asset,
        )
    )  # fmt: skip
    filled = order.filled + event.quantity
    order = msgspec.structs.replace(order, filled=filled, cost=order.cost + event.price * event.quantity)
    _transit(ledger, order, Fact.FILLED_WHOLLY if filled >= order.quantity else Fact.FILLED_PARTLY)


def _fill_busted(ledger: Ledger, event: ev.FillBusted) -> None:
    _revise(ledger, event, None)


def _fill_corrected(ledger: Ledger, event: ev.FillCorrected) -> None:
    _revise(ledger, event, event)


def _revise(ledger: Ledger, event: ev.FillBusted | ev.FillCorrected, new: ev.FillCorrected | None) -> None:
    """Take a fill back and, for a correction, book it as it should have been."""
    order = _known(ledger, event.order_id)
    fills = ledger.fills.get(order.chain[0], [])
    index = next((i for i, fill in enumerate(fills) if fill.execution_id == event.execution_id), None)
    if index is None:
        raise JournalError(f"event {ledger.sequence}: {order.order_id} has no fill {event.execution_id!r}")
    old = fills.pop(index)
    instrument = ledger.instruments.require(order.instrument)
    ledger._report(order.venue, event.report)
    ledger._trade(order.strategy, order.venue, instrument, Side(-order.side), old.quantity, old.price)
    ledger._charge(order.strategy, old.fee_asset, -old.fee)
    quantity = price = 0
    if new is not None:
        quantity, price = new.quantity, new.price
        ledger._trade(order.strategy, order.venue, instrument, order.side, quantity, price)
        ledger._charge(order.strategy, old.fee_asset, new.fee)
        fills.insert(index, msgspec.structs.replace(old, price=price, quantity=quantity, fee=new.fee))
    order = msgspec.structs.replace(
        order,
        filled=order.filled - old.quantity + quantity,
        cost=order.cost - old.price * old.quantity + price * quantity,
    )
    ledger._number_inbox(order.strategy, type(event))
    _transit(ledger, order, Fact.BUSTED if new is None else Fact.CORRECTED)


def _order_rejected(ledger: Ledger, event: ev.OrderRejected) -> None:
    order = _fact(ledger, event.order_id, Fact.REJECTED, event, report=event.report)
    if order is not None:
        ledger._count(order.strategy, "rejected")
        ledger._put(msgspec.structs.replace(order, reason=f"{event.reason.value} {event.text}".strip()))


def _order_canceled(ledger: Ledger, event: ev.OrderCanceled) -> None:
    _fact(ledger, event.order_id, Fact.CANCELED, event, report=event.report)


def _order_expired(ledger: Ledger, event: ev.OrderExpired) -> None:
    _fact(ledger, event.order_id, Fact.EXPIRED, event, report=event.report)


def _order_replaced(ledger: Ledger, event: ev.OrderReplaced) -> None:
    order = ledger.order(event.order_id)
    if order is None:
        return
    ledger._report(order.venue, event.report)
    ledger._number_inbox(order.strategy, ev.OrderReplaced)
    order = msgspec.structs.replace(
        order, order_id=event.new_id, quantity=event.quantity, price=event.price, replacing_id="",
        replacing_quantity=None, replacing_price=None,
    )  # fmt: skip
    _transit(ledger, order, Fact.REPLACED)


def _cancel_rejected(ledger: Ledger, event: ev.CancelRejected) -> None:
    _fact(ledger, event.order_id, Fact.CANCEL_REFUSED, event, report=event.report)


def _replace_rejected(ledger: Ledger, event: ev.ReplaceRejected) -> None:
    order = _fact(ledger, event.order_id, Fact.REPLACE_REFUSED, event, report=event.report)
    if order is not None and order.doubt is Doubt.NONE:
        ledger._put(_without_replace(order))


_UNANSWERED = {
    Doubt.NEW: Fact.UNANSWERED_NEW,
    Doubt.CANCEL: Fact.UNANSWERED_CANCEL,
    Doubt.REPLACE: Fact.UNANSWERED_REPLACE,
}


def _order_doubted(ledger: Ledger, event: ev.OrderDoubted) -> None:
    _fact(ledger, event.order_id, _UNANSWERED[event.doubt], event)


def _doubt_resolved(ledger: Ledger, event: ev.DoubtResolved) -> None:
    order = _fact(ledger, event.order_id, Fact(event.outcome), event)
    if order is not None:
        ledger._put(_without_replace(order))


def _marked(ledger: Ledger, event: ev.Marked) -> None:
    ledger.marks[event.instrument] = Mark(twice=event.twice, step=event.step, time=event.time)


def _fx_marked(ledger: Ledger, event: ev.FxMarked) -> None:
    ledger.rates[event.asset] = event.rate


def _session_rolled(ledger: Ledger, event: ev.SessionRolled) -> None:
    ledger.session = event.session
    ledger.opening_equity = {
        strategy: equity for strategy in ledger.capital if (equity := ledger.equity(strategy)) is not None
    }


def _cash_moved(ledger: Ledger, event: ev.CashMoved) -> None:
    ledger._move_cash(event.sub_account, event.asset, event.amount)
    if event.kind in ("deposit", "withdrawal", "transfer"):
        ledger._count(event.sub_account, "moved", event.amount)


def _nothing(ledger: Ledger, event: ev.Event) -> None:
    """Alarms and snapshots are read from the journal; they change no books."""


def _known(ledger: Ledger, identifier: str) -> Order:
    order = ledger.order(identifier)
    if order is None:
        raise JournalError(f"event {ledger.sequence} speaks of order {identifier}, which the ledger does not have")
    return order


def _fact(ledger: Ledger, identifier: str, fact: Fact, event: ev.Event, report: int = 0) -> Order | None:
    """Apply a venue's fact; one about an order that is no longer kept changes nothing but the report's number."""
    order = ledger.order(identifier)
    if order is None:
        return None
    ledger._report(order.venue, report)
    ledger._number_inbox(order.strategy, type(event))
    return _transit(ledger, order, fact)


def _transit(ledger: Ledger, order: Order, fact: Fact) -> Order:
    outcome = after_fact(order.status, order.doubt, fact)
    order = msgspec.structs.replace(order, status=outcome.status or _working(order), doubt=outcome.doubt)
    ledger._put(order)
    return order


def _working(order: Order) -> Status:
    if order.filled >= order.quantity:
        return Status.FILLED
    return Status.PARTIALLY_FILLED if order.filled else Status.NEW


def _without_replace(order: Order) -> Order:
    return msgspec.structs.replace(order, replacing_id="", replacing_quantity=None, replacing_price=None)


_HANDLERS: dict[type, Callable[[Ledger, Any], None]] = {
    ev.BookOpened: _book_opened,
    ev.EpochBegan: _epoch_began,
    ev.InstrumentDefined: _instrument_defined,
    ev.LimitsChanged: _limits_changed,
    ev.CapitalAllocated: _capital_allocated,
    ev.VersionRegistered: _version_registered,
    ev.DeploymentChanged: _deployment_changed,
    ev.TradingStateChanged: _trading_state_changed,
    ev.ThrottleChanged: _throttle_changed,
    ev.CommandTaken: _command_taken,
    ev.RunnerStarted: _runner_started,
    ev.RunnerEnded: _runner_ended,
    ev.Answered: _answered,
    ev.SignalRaised: _signal_raised,
    ev.IntentRefused: _intent_refused,
    ev.ExitQueued: _exit_queued,
    ev.ExitUnqueued: _exit_unqueued,
    ev.FlattenStarted: _flatten_started,
    ev.FlattenEnded: _flatten_ended,
    ev.OrderSubmitted: _order_submitted,
    ev.OrderDenied: _order_denied,
    ev.CancelRequested: _cancel_requested,
    ev.ReplaceRequested: _replace_requested,
    ev.OrderResubmitted: _order_resubmitted,
    ev.OrderAcknowledged: _order_acknowledged,
    ev.OrderFilled: _order_filled,
    ev.FillBusted: _fill_busted,
    ev.FillCorrected: _fill_corrected,
    ev.OrderRejected: _order_rejected,
    ev.OrderCanceled: _order_canceled,
    ev.OrderExpired: _order_expired,
    ev.OrderReplaced: _order_replaced,
    ev.CancelRejected: _cancel_rejected,
    ev.ReplaceRejected: _replace_rejected,
    ev.OrderDoubted: _order_doubted,
    ev.DoubtResolved: _doubt_resolved,
    ev.Marked: _marked,
    ev.FxMarked: _fx_marked,
    ev.SessionRolled: _session_rolled,
    ev.CashMoved: _cash_moved,
    ev.Alarmed: _nothing,
    ev.SnapshotTaken: _nothing,
}
