"""Which venue an order goes to and why: people's rules in their order, and what is there to take it; it sends nothing.

The first rule that matches an entry decides. Of its venues the first that is available is taken, or with `prefer: fees`
the cheapest by an estimate at the opposite side of the market. Where none is available the first one is taken all the
same, and whatever is wrong there denies the order and says so. Without a rule that matches, an order goes to its
instrument's own venue. Exits and protection ask no rule: they go where the lots lie, or one venue would be left long
and another one short; an exit of what lies at several venues becomes one order for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from toolkit.domain.instruments import Instrument
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, Ability, OrderClass, OrderType, Side, TimeInForce, TradingState
from toolkit.domain.time import MonoTime
from toolkit.engine.order_terms import Abilities, is_plain
from toolkit.engine.router_settings import Preference, RouterSettings, RouteRule, VenueFees
from toolkit.engine.view import View

LineDown = Callable[[str], bool]
BreakerOpen = Callable[[str, str, MonoTime], str]


class Routed(msgspec.Struct, frozen=True, gc=False):
    """A venue and why it was chosen; "" where there was nothing to choose."""

    venue: str
    why: str


class Routes:
    """The rules in force. `line_down` and `breaker_open` (its words, "" when closed) tell what a venue is worth now."""

    def __init__(
        self,
        ledger: Ledger,
        view: View,
        settings: RouterSettings,
        abilities: Abilities,
        line_down: LineDown,
        breaker_open: BreakerOpen,
    ) -> None:
        self._ledger = ledger
        self._view = view
        self.rules = settings.rules
        self._fees = settings.fees
        self._abilities = abilities
        self._line_down = line_down
        self._breaker_open = breaker_open
        self._own: dict[str, Routed] = {}

    def unquestioned(self, instrument: Instrument, order_class: OrderClass) -> Routed | None:
        """The instrument's own venue where there is nothing to choose; quick, for every order asks."""
        asked = self.rules if order_class is ENTRY else self._ledger.elsewhere
        if asked:
            return None
        venue = instrument.venue
        own = self._own.get(venue)
        if own is None:
            own = self._own[venue] = Routed(venue, "")
        return own

    def choose(
        self, strategy: str, instrument: Instrument, intent: PlaceOrder, order_class: OrderClass, now: MonoTime
    ) -> Routed:
        """The venue of one whole order."""
        if order_class is not ENTRY:
            lots = self._lots_at(strategy, instrument, intent.side)
            return self._at(max(lots, key=lots.__getitem__), lots) if lots else Routed(instrument.venue, "")
        return self._by_rule(strategy, instrument, intent, now) if self.rules else Routed(instrument.venue, "")

    def parts(
        self, strategy: str, instrument: Instrument, intent: PlaceOrder, order_class: OrderClass, now: MonoTime
    ) -> Iterator[tuple[Routed, PlaceOrder]]:
        """The order with its venue; a plain exit of lots that lie at several venues as one order for each."""
        if order_class is ENTRY or not self._ledger.elsewhere or not is_plain(intent):
            yield self.choose(strategy, instrument, intent, order_class, now), intent
            return
        rest, lots = intent.quantity, self._lots_at(strategy, instrument, intent.side)
        for venue in sorted(lots, key=lambda name: (-lots[name], name)):
            part = min(rest, lots[venue])
            if part:
                first = rest == intent.quantity
                named = intent.intent_id if first else f"{intent.intent_id}@{venue}"
                yield self._at(venue, lots), msgspec.structs.replace(intent, intent_id=named, quantity=part)
                rest -= part
        if rest == intent.quantity:
            yield Routed(instrument.venue, ""), intent

    # ---- exits

    def _lots_at(self, strategy: str, instrument: Instrument, side: Side) -> dict[str, int]:
        """Lots by venue that an order on this side closes; empty where all of them lie at the instrument's own."""
        elsewhere = self._ledger.elsewhere.get(strategy, {}).get(instrument.symbol)
        if not elsewhere:
            return {}
        own = self._ledger.position(strategy, instrument.symbol).lots - sum(elsewhere.values())
        held = {instrument.venue: own, **elsewhere}
        return {venue: -side * lots for venue, lots in held.items() if -side * lots > 0}

    def _at(self, venue: str, lots: dict[str, int]) -> Routed:
        return Routed(venue, f"{lots[venue]} of the lots that it closes lie there")

    # ---- entries

    def _by_rule(self, strategy: str, instrument: Instrument, intent: PlaceOrder, now: MonoTime) -> Routed:
        deployment = self._ledger.deployments.get(strategy)
        stage = "" if deployment is None else deployment.stage
        for rule in self.rules:
            if rule.matches(strategy, stage, instrument, intent.quantity):
                return self._available(rule, strategy, instrument, intent, now)
        return Routed(instrument.venue, "no rule matches: the instrument's own venue")

    def _available(
        self, rule: RouteRule, strategy: str, instrument: Instrument, intent: PlaceOrder, now: MonoTime
    ) -> Routed:
        venues, told = rule.venues, ""
        if rule.prefer is Preference.FEES:
            fees = {venue: self._fee(venue, instrument, intent) for venue in venues}
            venues = tuple(sorted(venues, key=lambda venue: fees[venue]))
            told = "cheapest of " + ", ".join(f"{venue} {fees[venue]:f}" for venue in venues)
        absent: list[str] = []
        for venue in venues:
            if not (problem := self._problem(strategy, venue, instrument, intent, now)):
                words = "; ".join(part for part in (told, *absent) if part)
                return Routed(venue, f"{rule.source}: {words}" if words else rule.source)
            absent.append(f"{venue} {problem}")
        return Routed(venues[0], f"{rule.source}: none is available, {'; '.join(absent)}")

    def _problem(self, strategy: str, venue: str, instrument: Instrument, intent: PlaceOrder, now: MonoTime) -> str:
        """Why a venue is not available for this entry; "" when it is."""
        if self._line_down(venue):
            return "has no line"
        if problem := self._breaker_open(strategy, venue, now):
            return problem
        state = max(self._ledger.states.get(f"venue:{venue}", {}).values(), default=TradingState.ACTIVE)
        if state is not TradingState.ACTIVE:
            return f"is {state.name}"
        if instrument.symbol in self._view.halted or self._view.sessions.get(instrument.calendar) is None:
            return "is not in session"
        if intent.time_in_force is TimeInForce.FOK and Ability.FOK not in self._abilities.get(venue, frozenset()):
            return "has no fill-or-kill orders"
        return ""

    def _fee(self, venue: str, instrument: Instrument, intent: PlaceOrder) -> Decimal:
        quote, price = self._view.quote(instrument.symbol), intent.price
        opposite = 0 if quote is None else (quote.ask if intent.side is Side.BUY else quote.bid)
        rests = intent.order_type is OrderType.LIMIT and price is not None and intent.side * (opposite - price) > 0
        value = instrument.value(price if rests and price is not None else opposite, intent.quantity)
        fee = self._fees.get(venue, VenueFees()).estimate(
            value * instrument.currency_quantum,
            instrument.quantity_of(intent.quantity),
            maker=intent.post_only or rests,
        )
        return fee.quantize(instrument.currency_quantum)
