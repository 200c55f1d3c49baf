"""Risk Guard's frame: runs the registry of controls over a proposal and answers `Approved` or `Refused`.

What is approved is reserved at once: the engine folds the submitted order before it looks at anything else, and it
counts in the worst case until the venue has spoken (control 9). A final fact releases it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from toolkit.domain.commands import LimitRow
from toolkit.domain.events import Check, Seen
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import ENTRY, Order
from toolkit.domain.overrides import in_force
from toolkit.domain.time import MonoTime
from toolkit.engine.breaker import Breakers
from toolkit.engine.risk.answers import Answer
from toolkit.engine.risk.controls import CONTROLS, Control
from toolkit.engine.risk.limits import MOST, SLOWEST_RATE, Limit, LimitTable, OrderLimits
from toolkit.engine.risk.order_worth import worth_of
from toolkit.engine.risk.portfolio import Portfolio
from toolkit.engine.risk.price_collar import protective_limit
from toolkit.engine.risk.proposal import Approved, Proposal, Refused, Situation, approve
from toolkit.engine.risk.rates import RATE, WINDOW, Allowance, MessageRates, Meter, note
from toolkit.engine.risk.repetition import added_lots
from toolkit.engine.risk.self_match import cancelled_first, cleared_for_exit, has_opposite, short_of
from toolkit.engine.risk.windows import windows_of
from toolkit.engine.view import View

NO_BREAKERS = Breakers({})
InForce = tuple[OrderLimits, tuple[Meter, ...]]


class Guard:
    """The one gate between an intent and the router."""

    def __init__(
        self,
        ledger: Ledger,
        view: View,
        controls: Sequence[Control] = CONTROLS,
        breakers: Breakers = NO_BREAKERS,
    ) -> None:
        self._ledger = ledger
        self._view = view
        self._breakers = breakers
        self._of_entries = tuple(control.check for control in controls)
        self._of_exits = tuple(control.check for control in controls if control.binds_exits)
        self._watching = tuple(control.check for control in controls if control.watches_exits)
        self._table: LimitTable | None = None
        self._overrides = ledger.overrides
        self._resolved: dict[tuple[str, str, str], InForce] = {}
        self._alike: dict[OrderLimits, OrderLimits] = {}
        self._executions: dict[str, Limit | None] = {}
        self.rates = MessageRates(self._allowance)
        self.portfolio = Portfolio(ledger, view.models)
        numbers = frozenset(control.number for control in controls)
        self.portfolio.enforced = numbers
        self._caps, self._counts_executions = 1 in numbers, 7 in numbers
        self._clears_the_way = 15 in numbers
        view.watch(windows_of(self._in_force()))

    def limits_changed(self) -> None:
        """Resolve limits and rates anew; called when limits, throttles, instruments or stages changed."""
        self._table = None
        self._overrides = self._ledger.overrides
        self._resolved.clear()
        self._alike.clear()
        self._executions.clear()
        self.portfolio.limits_changed()
        self.rates.limits_changed()
        self._view.watch(windows_of(self._in_force()))

    def examine(self, proposal: Proposal, now: MonoTime) -> tuple[Approved | Refused, Seen, tuple[Check, ...]]:
        """Run every control that binds this class of order until one refuses.

        A refused try counts on its strategy alone: it never reached the venue, and may not take the rate of others.
        What the rate itself refused counts nowhere: a strategy that asks on every quote would lock itself out for good.
        """
        situation = self._situation(proposal, now)
        answer: Answer = None
        checks: list[Check] = []
        for check in self._of_entries if proposal.order_class is ENTRY else self._of_exits:
            answer = check(proposal, situation)
            if answer is None:
                continue
            if type(answer) is not Check:
                break
            checks.append(answer)
        passed = tuple(checks)
        if type(answer) is Refused:
            if answer.control != RATE:
                self.rates.note_refused(proposal.strategy, proposal.venue, now)
            return answer, situation.seen, passed
        note(situation.meters, now)
        cap = protective_limit(proposal, situation) if self._caps else None
        worth = situation.worth or 0
        if proposal.replaces and worth:
            worth = worth * added_lots(proposal, self._ledger) // proposal.quantity
        breaches = () if proposal.order_class is ENTRY else self._breaches(proposal, situation)
        cancels: tuple[str, ...] = ()
        if self._clears_the_way and has_opposite(self._ledger, proposal.instrument.symbol, proposal.side):
            cancels = cancelled_first(proposal, situation)
            cap = None if cap is None else short_of(proposal, situation, cap, cancels)
        return approve(proposal, situation.seen, passed, cap, worth, breaches, cancels), situation.seen, passed

    def cleared_for(self, order: Order) -> tuple[tuple[str, ...], int | None]:
        """For a triggered exit that goes out without another look: the first ids of what makes way, and its limit."""
        if not self._clears_the_way or not has_opposite(self._ledger, order.instrument, order.side):
            return (), None
        return cleared_for_exit(self._ledger, self._view.quotes.get(order.instrument), order)

    def most_executions(self, strategy: str) -> Limit | None:
        """How many entries of a strategy may fill until a person arms it again; None without control 7."""
        if not self._counts_executions:
            return None
        if strategy not in self._executions:  # every fill asks
            self._executions[strategy] = self._limits().executions(strategy, self._stage(strategy))
        return self._executions[strategy]

    def _breaches(self, proposal: Proposal, situation: Situation) -> tuple[Refused, ...]:
        """What an exit passes on its way out, which nothing stops."""
        answers = (check(proposal, situation) for check in self._watching)
        return tuple(answer for answer in answers if isinstance(answer, Refused))

    def _situation(self, proposal: Proposal, now: MonoTime) -> Situation:
        if self._overrides is not self._ledger.overrides:  # the last order used one up
            self.limits_changed()
        symbol, view = proposal.instrument.symbol, self._view
        key = proposal.strategy, proposal.venue, symbol
        limits, meters = self._resolved.get(key) or self._resolve(proposal)
        quote = view.quotes.get(symbol)
        return Situation(
            ledger=self._ledger,
            view=view,
            limits=limits,
            quote=quote,
            seen=view.seen(quote, now),
            meters=meters,
            now=now,
            breakers=self._breakers,
            worth=worth_of(proposal, quote, self._ledger) if proposal.order_class is ENTRY else None,
            adds=proposal.quantity - proposal.already_filled,
            portfolio=self.portfolio,
        )

    def _resolve(self, proposal: Proposal) -> InForce:
        strategy, venue, instrument = proposal.strategy, proposal.venue, proposal.instrument
        limits = self._limits().for_order(strategy, instrument, venue, self._stage(strategy))
        limits = self._alike.setdefault(limits, limits)  # one for all that are alike: it stays in the processor's cache
        found = limits, self.rates.of_order(strategy, venue)
        self._resolved[strategy, venue, instrument.symbol] = found
        return found

    def _limits(self) -> LimitTable:
        if self._table is None:
            base = self._ledger.currencies[self._ledger.base_currency]
            self._table = LimitTable(self._in_force(), base.quantum)
        return self._table

    def _in_force(self) -> tuple[LimitRow, ...]:
        return in_force(self._ledger.limits, self._ledger.overrides)

    def position_limit(self, strategy: str, instrument: Instrument) -> Limit | None:
        """The largest position that a strategy may hold of an instrument, in lots; None where nothing is set."""
        return self._limits().for_order(strategy, instrument, instrument.venue, self._stage(strategy)).position

    def _stage(self, strategy: str) -> str:
        deployment = self._ledger.deployments.get(strategy)
        return "" if deployment is None else deployment.stage

    def _allowance(self, scope: str) -> Allowance | None:
        kind, _, name = scope.partition(":")
        stage = self._stage(name) if kind == "strategy" else ""
        limit = self._limits().rate(kind, name, stage)
        throttle = self._ledger.throttles.get(scope)
        if throttle is not None and (limit is None or throttle < limit.value):
            return _throttled(scope, throttle)
        if limit is None:
            return None
        reserve = min(self._limits().cancel_reserve(kind, name, stage), max(0, limit.value - 1))
        return Allowance(messages=limit.value, reserve=reserve, source=limit.source)


def _throttled(scope: str, rate: Decimal) -> Allowance:
    """Whole messages per second, or one message per longer window for a rate below one.

    Bounded here too: a throttle that an older version took stands in the journal.
    """
    source = f"throttle of {scope}"
    if rate >= 1:
        return Allowance(messages=int(min(rate, MOST["message_rate"])), reserve=0, source=source)
    if not rate:
        return Allowance(messages=0, reserve=0, source=source)
    return Allowance(messages=1, reserve=0, source=source, window=int(WINDOW / max(rate, SLOWEST_RATE)))
