"""From what a strategy asks to orders: classes (entry or exit), waiting exits, targets and a person's flatten."""

from __future__ import annotations

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.errors import IllegalCommand
from toolkit.domain.exposure import largest_exits
from toolkit.domain.instruments import Instrument
from toolkit.domain.intents import CancelIntent, Intent, MalformedIntent, ModifyIntent, PlaceOrder, TargetPosition
from toolkit.domain.ledger import Ledger
from toolkit.domain.order_tables import OrderCommand, after_command
from toolkit.domain.orders import (
    BUY,
    ENTRY,
    EXIT,
    NO_DOUBT,
    PROTECTIVE,
    SELL,
    STOPS,
    Order,
    OrderClass,
    OrderType,
    Side,
    Terms,
    TimeInForce,
)
from toolkit.engine.marking import Marker
from toolkit.engine.order_manager import OrderManager
from toolkit.engine.order_terms import Abilities, Unsupported, is_plain, settled
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.proposal import Proposal, Refused
from toolkit.engine.routing import Routed, Routes
from toolkit.engine.transaction import Transaction
from toolkit.engine.view import View

FLATTEN = "flatten"


class Proposer:
    """Turns intents into proposals, lets the guard examine them and hands what passed to the order manager."""

    def __init__(
        self,
        ledger: Ledger,
        view: View,
        guard: Guard,
        orders: OrderManager,
        abilities: Abilities,
        routes: Routes,
        marker: Marker,
    ) -> None:
        self._ledger = ledger
        self._view = view
        self._guard = guard
        self._orders = orders
        self._abilities = abilities
        self._routes = routes
        self._marker = marker
        self._flattened_at: dict[str, int] = {}

    # ---- intents

    def handle(self, transaction: Transaction, strategy: str, intent: Intent) -> None:
        """One intent of one strategy. What cannot be done is journaled as refused, with the reason."""
        match intent:
            case PlaceOrder():
                self._place(transaction, strategy, intent)
            case CancelIntent():
                self._cancel(transaction, strategy, intent)
            case ModifyIntent():
                self._modify(transaction, strategy, intent)
            case TargetPosition():
                self._target(transaction, strategy, intent)
            case MalformedIntent():
                _refuse(transaction, strategy, intent.intent_id, intent.instrument, intent.control, intent.problem)

    def _place(self, transaction: Transaction, strategy: str, intent: PlaceOrder) -> None:
        instrument = self._ledger.instruments.find(intent.instrument, self._view.time)
        if instrument is None:
            known = ", ".join(self._ledger.instruments.symbols())
            problem = f"unknown instrument {intent.instrument!r}; known: {known}"
            _refuse(transaction, strategy, intent.intent_id, intent.instrument, 16, problem)
            return
        order_class = self._classify(strategy, instrument.symbol, intent.side, intent.quantity)
        if not is_plain(intent):
            try:
                quote = self._view.quote(intent.instrument)
                venue = self._routes.choose(strategy, instrument, intent, order_class, transaction.now.mono).venue
                intent = settled(intent, venue, self._abilities, quote)
            except Unsupported as error:
                _refuse(transaction, strategy, intent.intent_id, intent.instrument, 22, str(error))
                return
        if intent.reduce_only and order_class is ENTRY:
            problem = "reduce-only, but it would not shrink the position in every outcome of what already works"
            _refuse(transaction, strategy, intent.intent_id, intent.instrument, 10, problem)
        elif order_class is EXIT and not self._fits(strategy, instrument.symbol, intent.side, intent.quantity):
            self._wait(transaction, strategy, intent)
        else:
            self._send(transaction, strategy, instrument, intent, order_class)

    def _cancel(self, transaction: Transaction, strategy: str, intent: CancelIntent) -> None:
        for symbol, queued in list(self._ledger.waiting_exits.get(strategy, {}).items()):
            if queued.intent_id == intent.target:
                drop_exit(transaction, strategy, symbol, "canceled while it waited")
                return
        order = self._ledger.order_of_intent(strategy, intent.target)
        if order is None:
            _refuse(transaction, strategy, intent.intent_id, "", 0, f"cancel: no order came of {intent.target!r}")
            return
        self._try_cancel(transaction, order, intent.intent_id)

    def _try_cancel(self, transaction: Transaction, order: Order, intent_id: str) -> None:
        try:
            after_command(order.status, order.doubt, OrderCommand.CANCEL, order.order_id)
        except IllegalCommand as error:
            _refuse(transaction, order.strategy, intent_id, order.instrument, 0, str(error))
            return
        self._orders.cancel(transaction, order, "strategy")

    def _modify(self, transaction: Transaction, strategy: str, intent: ModifyIntent) -> None:
        order = self._ledger.order_of_intent(strategy, intent.target)
        if order is None:
            _refuse(transaction, strategy, intent.intent_id, "", 0, f"modify: no order came of {intent.target!r}")
            return
        try:
            after_command(order.status, order.doubt, OrderCommand.REPLACE, order.order_id)
        except IllegalCommand as error:
            _refuse(transaction, strategy, intent.intent_id, order.instrument, 0, str(error))
            return
        if intent.stop is not None and (order.order_type not in STOPS or order.triggered):
            problem = f"modify: {order.order_id} is no stop that still waits; give quantity or price"
            _refuse(transaction, strategy, intent.intent_id, order.instrument, 22, problem)
            return
        quantity = order.quantity if intent.quantity is None else intent.quantity
        if quantity <= order.filled:
            problem = f"modify: {quantity} lots, but {order.filled} have filled; cancel it instead"
            _refuse(transaction, strategy, intent.intent_id, order.instrument, 18, problem)
            return
        self._replace(transaction, order, intent, quantity)

    def _replace(self, transaction: Transaction, order: Order, intent: ModifyIntent, quantity: int) -> None:
        instrument = self._ledger.instruments.require(order.instrument, self._view.time)
        proposal = Proposal(
            strategy=order.strategy,
            version=order.version,
            intent_id=intent.intent_id,
            instrument=instrument,
            venue=order.venue,
            side=order.side,
            quantity=quantity,
            order_type=order.order_type,
            price=order.price if intent.price is None else intent.price,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            order_class=self._class_of_change(order, quantity - order.filled),
            reason="modify",
            replaces=order.chain[0],
            already_filled=order.filled,
            terms=_moved(order, intent.stop),
        )
        if proposal.order_class is ENTRY and order.order_class is not ENTRY:
            problem = f"modify: {quantity} lots would no longer only shrink the position; cancel it and place an entry"
            _refuse(transaction, order.strategy, intent.intent_id, order.instrument, 10, problem)
            return
        answer, _, _ = self._guard.examine(proposal, transaction.now.mono)
        if isinstance(answer, Refused):
            self._orders.make_way(transaction, answer.cancels, order.strategy)
            problem = f"{answer.observed}, limit {answer.limit} ({answer.source}); {answer.would_pass}"
            _refuse(transaction, order.strategy, intent.intent_id, order.instrument, answer.control, problem)
        else:
            self._orders.replace(transaction, answer, order)

    def _target(self, transaction: Transaction, strategy: str, intent: TargetPosition) -> None:
        """Market orders for what is missing to the target: first an exit of what is held, then an entry beyond.

        Entries that lead away from it are taken back. Nothing more happens while what works leads there already. Else
        the exits that work make room for a new one.
        """
        symbol = intent.instrument
        held = self._ledger.position(strategy, symbol).lots
        self._turn_back(transaction, strategy, symbol, intent.quantity - held)
        orders = [
            order
            for order in self._ledger.open_orders(strategy, symbol)
            if order.order_class is not ENTRY or order.side * (intent.quantity - held) > 0
        ]
        queued = self._ledger.waiting_exits.get(strategy, {}).get(symbol)
        entering = sum(int(order.side) * order.remaining for order in orders if order.order_class is ENTRY)
        leaving = sum(int(order.side) * order.remaining for order in orders if _leaves(order))
        if queued is not None:
            leaving = int(queued.side) * (queued.quantity + queued.beyond)
        if intent.quantity == held + entering + leaving:
            return
        change = intent.quantity - held - entering
        side = BUY if change > 0 else SELL
        closing = max(0, min(abs(change), self._certain(strategy, symbol, side)))
        if leaving and not closing:
            self._stay(transaction, strategy, symbol)
        order = PlaceOrder(
            intent_id=intent.intent_id,
            instrument=symbol,
            side=side,
            quantity=closing or abs(change),
            order_type=OrderType.MARKET,
            reason=intent.reason,
        )
        if not change:
            return
        if not closing:
            self._place(transaction, strategy, order)
        elif self._exits(strategy, symbol):
            self._wait(transaction, strategy, order, beyond=abs(change) - closing)
        else:
            self._place(transaction, strategy, order)
            self._go_beyond(transaction, strategy, order, abs(change) - closing)

    def _go_beyond(self, transaction: Transaction, strategy: str, exit_: PlaceOrder, quantity: int) -> None:
        """The entry that follows an exit through zero; an order of its own, for an exit must pass where it may not."""
        if quantity <= 0:
            return
        instrument = self._ledger.instruments.require(exit_.instrument, self._view.time)
        intent = msgspec.structs.replace(exit_, intent_id=f"{exit_.intent_id}+", quantity=quantity)
        self._send(transaction, strategy, instrument, intent, ENTRY)

    def _turn_back(self, transaction: Transaction, strategy: str, symbol: str, missing: int) -> None:
        """Cancel the entries that do not lead to what is missing: an order against them could end up alone."""
        for order in self._ledger.open_orders(strategy, symbol):
            if order.order_class is ENTRY and order.side * missing <= 0:
                self._orders.cancel(transaction, order, "leads away from the target")

    def _stay(self, transaction: Transaction, strategy: str, symbol: str) -> None:
        """Take back the exits that would lead below the target."""
        if symbol in self._ledger.waiting_exits.get(strategy, {}):
            drop_exit(transaction, strategy, symbol, "the target is what is held")
        for order in self._exits(strategy, symbol):
            if _leaves(order):
                self._orders.cancel(transaction, order, "the target is what is held")

    # ---- exits

    def release_exit(self, transaction: Transaction, strategy: str, instrument: str) -> None:
        """Let a waiting exit go once nothing else works to close its position, for what is then left to close."""
        queued = self._ledger.waiting_exits.get(strategy, {}).get(instrument)
        if queued is None or self._exits(strategy, instrument):
            return
        quantity = min(queued.quantity, self._certain(strategy, instrument, queued.side))
        if quantity > 0:
            transaction.emit(ev.ExitUnqueued(strategy=strategy, instrument=instrument))
        else:
            drop_exit(transaction, strategy, instrument, "nothing certain is left to close")
        definition = self._ledger.instruments.require(instrument, self._view.time)
        intent = PlaceOrder(
            intent_id=queued.intent_id,
            instrument=instrument,
            side=queued.side,
            quantity=quantity,
            order_type=queued.order_type,
            price=queued.price,
            time_in_force=queued.time_in_force,
            post_only=queued.post_only,
            reason=queued.reason,
            terms=queued.terms,
        )
        if quantity > 0:
            self._send(transaction, strategy, definition, intent, EXIT)
        self._go_beyond(transaction, strategy, intent, queued.beyond)

    def _wait(self, transaction: Transaction, strategy: str, intent: PlaceOrder, beyond: int = 0) -> None:
        """Queue an exit and cancel its group; it goes out at once when nothing of that had left yet."""
        if intent.instrument in self._ledger.waiting_exits.get(strategy, {}):
            drop_exit(transaction, strategy, intent.instrument, f"exit {intent.intent_id} takes its place")
        transaction.emit(
            ev.ExitQueued(
                strategy=strategy,
                intent_id=intent.intent_id,
                instrument=intent.instrument,
                side=intent.side,
                quantity=intent.quantity,
                order_type=intent.order_type,
                price=intent.price,
                time_in_force=intent.time_in_force,
                post_only=intent.post_only,
                reason=intent.reason,
                time=transaction.time,
                beyond=beyond,
                terms=intent.terms,
            )
        )
        comes_back = intent.order_type not in STOPS
        for order in self._exits(strategy, intent.instrument):
            cause = f"exit {intent.intent_id} takes its place"
            self._orders.cancel(transaction, order, cause, yields=comes_back and not _leaves(order))
        self.release_exit(transaction, strategy, intent.instrument)

    def _exits(self, strategy: str, instrument: str) -> list[Order]:
        return [order for order in self._ledger.open_orders(strategy, instrument) if order.order_class is not ENTRY]

    def _classify(self, strategy: str, instrument: str, side: Side, quantity: int, *, without: str = "") -> OrderClass:
        """An exit shrinks the position in every outcome; where nothing is held on the other side, nothing does."""
        lots = self._ledger.position(strategy, instrument).lots
        if not lots or (lots > 0) is (side is BUY):
            return ENTRY
        certain = self._certain(strategy, instrument, side, without)
        return EXIT if 0 < quantity <= certain else ENTRY

    def _fits(self, strategy: str, instrument: str, side: Side, quantity: int, without: str = "") -> bool:
        """Whether an exit finds room beside those that work: all of them could fill."""
        others = [order for order in self._exits(strategy, instrument) if order.chain[0] != without]
        if not others:
            return True
        bought, sold = largest_exits(others)
        return quantity + (sold if side is SELL else bought) <= self._certain(strategy, instrument, side, without)

    def _class_of_change(self, order: Order, rest: int) -> OrderClass:
        """What an order becomes. An entry does not turn into an exit beside others, and an exit keeps to its room."""
        root, strategy, symbol = order.chain[0], order.strategy, order.instrument
        if self._classify(strategy, symbol, order.side, rest, without=root) is ENTRY:
            return ENTRY
        if order.order_class is ENTRY:
            return ENTRY if self._exits(strategy, symbol) else EXIT
        return (
            order.order_class
            if rest <= order.remaining or self._fits(strategy, symbol, order.side, rest, root)
            else ENTRY
        )

    def _certain(self, strategy: str, instrument: str, side: Side, without: str = "") -> int:
        """Lots that this side may close in every outcome of the entries; exits that work are cancelled before."""
        interval = self._ledger.interval(strategy, instrument, without, entries_only=True)
        return interval.low if side is SELL else -interval.high

    def _account_shrinks(self, instrument: str, intent: PlaceOrder) -> bool:
        """Whether the venue's account shrinks as well; only then may the venue enforce reduce-only."""
        interval = self._ledger.account_interval(instrument)
        return intent.quantity <= (interval.low if intent.side is SELL else -interval.high)

    # ---- a person's flatten

    def continue_flatten(self, transaction: Transaction, strategy: str) -> None:
        """Close what is held once no order works and no doubt is left; at most one try a step.

        Where a person accepted what is unknown, only what works for certain is waited for, and what closes already.
        """
        if strategy not in self._ledger.flattening:
            return
        open_orders = self._ledger.open_orders(strategy)
        if open_orders and not self._ledger.flattening[strategy]:
            return
        awaited = {order.instrument for order in open_orders if order.doubt is NO_DOUBT or _flattens(order)}
        held = [symbol for symbol, held in self._ledger.positions.get(strategy, {}).items() if held.lots]
        if not held and not open_orders:
            transaction.emit(ev.FlattenEnded(strategy=strategy))
            return
        held = [symbol for symbol in held if symbol not in awaited]
        if not held:
            return
        if self._flattened_at.get(strategy) == self._view.step:
            return
        self._flattened_at[strategy] = self._view.step
        for symbol in held:
            instrument = self._ledger.instruments.require(symbol, self._view.time)
            if self._view.sessions.get(instrument.calendar) is not None:
                self._flatten(transaction, strategy, instrument)

    def _flatten(self, transaction: Transaction, strategy: str, instrument: Instrument) -> None:
        lots = self._ledger.position(strategy, instrument.symbol).lots
        largest = abs(lots) if instrument.maximum is None else min(abs(lots), instrument.maximum)
        intent = PlaceOrder(
            intent_id=f"{FLATTEN}.{self._ledger.order_count + 1}",
            instrument=instrument.symbol,
            side=SELL if lots > 0 else BUY,
            quantity=largest,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
            reason="a person's flatten",
        )
        self._send(transaction, strategy, instrument, intent, EXIT, by_person=True)

    # ---- the gate

    def _send(
        self,
        transaction: Transaction,
        strategy: str,
        instrument: Instrument,
        intent: PlaceOrder,
        order_class: OrderClass,
        *,
        by_person: bool = False,
    ) -> None:
        """Route an order and have it examined."""
        own = self._routes.unquestioned(instrument, order_class)
        if own is not None:
            self._propose(transaction, self._proposal(strategy, instrument, intent, order_class, own, by_person))
            return
        for routed, part in self._routes.parts(strategy, instrument, intent, order_class, transaction.now.mono):
            self._propose(transaction, self._proposal(strategy, instrument, part, order_class, routed, by_person))

    def _propose(self, transaction: Transaction, proposal: Proposal) -> None:
        if proposal.order_class is ENTRY:
            self._marker.mark_for(transaction, proposal.instrument.symbol)
        answer, seen, checks = self._guard.examine(proposal, transaction.now.mono)
        if isinstance(answer, Refused):
            self._orders.deny(transaction, proposal, answer, seen, checks)
        else:
            self._orders.submit(transaction, answer)

    def _proposal(
        self,
        strategy: str,
        instrument: Instrument,
        intent: PlaceOrder,
        order_class: OrderClass,
        routed: Routed,
        by_person: bool,
    ) -> Proposal:
        deployment = self._ledger.deployments.get(strategy)
        return Proposal(  # by place: more than fifteen names take ten times as long
            strategy,
            f"v{deployment.version}" if deployment else "",
            intent.intent_id,
            instrument,
            routed.venue,
            intent.side,
            intent.quantity,
            intent.order_type,
            intent.price,
            intent.time_in_force,
            intent.post_only,
            intent.reduce_only and self._account_shrinks(instrument.symbol, intent),
            PROTECTIVE if order_class is EXIT and intent.order_type in STOPS else order_class,
            intent.reason,
            by_person,
            terms=intent.terms,
            route=routed.why,
        )


def _flattens(order: Order) -> bool:
    """Whether an order is one of a person's flatten."""
    return order.intent_id.startswith(f"{FLATTEN}.")


def _leaves(order: Order) -> bool:
    """Whether an order is on its way to close the position, and not there to protect it."""
    return order.order_class is EXIT and (order.terms is None or not order.terms.group)


def _moved(order: Order, stop: int | None) -> Terms | None:
    if stop is None or order.terms is None:
        return order.terms
    return msgspec.structs.replace(order.terms, stop=stop)


def drop_exit(transaction: Transaction, strategy: str, instrument: str, reason: str) -> None:
    """Give a waiting exit up and tell its strategy so."""
    queued = transaction.ledger.waiting_exits[strategy][instrument]
    transaction.emit(ev.ExitUnqueued(strategy=strategy, instrument=instrument))
    _refuse(transaction, strategy, queued.intent_id, instrument, 0, f"waiting exit: {reason}")


def _refuse(
    transaction: Transaction, strategy: str, intent_id: str, instrument: str, control: int, reason: str
) -> None:
    transaction.emit(
        ev.IntentRefused(strategy=strategy, intent_id=intent_id, instrument=instrument, control=control, reason=reason)
    )
