"""Carries out what the guardian decided, by the same ways as a person's command; says how far a scope is stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from execution.services.guardian import Order, Place, Strictness
from toolkit.client import disabling, emergency
from toolkit.client.desk_state import read_desk_state
from toolkit.client.disabling import Disabled
from toolkit.client.home import Home
from toolkit.client.killing import Killed, KillSwitch, latch_scope
from toolkit.client.stopping import describe
from toolkit.domain.commands import DisableStrategy, Kill, KillMode, Who
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import TradingState
from toolkit.domain.people import GUARDIAN
from toolkit.engine.command_desk import DISABLED
from toolkit.monitoring.rules import Action

SOURCE: Final = "monitor"
WHO: Final = Who(identity=GUARDIAN, verified=False, source=SOURCE)
"""As this process claims it. The front desk proves it by the process; past one that hangs it stays a claim."""
MODES: Final[Mapping[Action, KillMode]] = {
    Action.HALT_ENTRIES: KillMode.HALT_ENTRIES,
    Action.KILL: KillMode.CANCEL_ALL,
}


class Stopper:
    """`give` blocks until the venues have proved it, or for some seconds; it needs neither engine nor Redis."""

    def __init__(
        self, home: Home, *, book: str, venues: tuple[str, ...], quarantine_seconds: float,
        ledger: Callable[[], Ledger],
    ) -> None:  # fmt: skip
        self._home = home
        self._book = book
        self._venues = venues
        self._quarantine = quarantine_seconds
        self._ledger = ledger

    def give(self, order: Order) -> tuple[bool, str]:
        """Whether it is proven, and what became of it in words."""
        if order.action is Action.DISABLE:
            return self._disable(order)
        kill = Kill(
            scope=order.place.scope, name=order.place.name, mode=MODES[order.action], who=WHO, reason=order.reason
        )
        switch = KillSwitch(self._home, self._book, self._venues)
        killed = switch.confirm(switch.throw(kill), self._quarantine)
        what = "entries of {} are halted" if order.action is Action.HALT_ENTRIES else "{} is killed, all cancelled"
        return killed.verified, _words(
            what.format(order.place), killed.verified, killed.event, _left_of(killed, self._known())
        )

    def _known(self) -> Mapping[str, Instrument]:
        return {instrument.symbol: instrument for instrument in self._ledger().instruments.all()}

    def held(self, place: Place) -> Strictness:
        """How far a scope is stopped by whomever: as the books say, and as its latch does."""
        causes = self._ledger().states.get(f"{place.scope}:{place.name}", {})
        if DISABLED in causes:
            return Strictness.DISABLE
        halted = any(state is TradingState.HALTED for state in causes.values())
        rows = emergency.latch_rows(self._home, self._book)
        is_open = rows.get(latch_scope(place.scope, place.name), True) if rows else False
        return Strictness.HALT_ENTRIES if halted or not is_open else Strictness.OPEN

    def _disable(self, order: Order) -> tuple[bool, str]:
        state = read_desk_state(self._home.processes)
        if state is None:
            return False, f"NOT DONE: {self._home.processes} cannot be read, so nobody knows what runs"
        command = DisableStrategy(strategy=order.place.name, flatten=False, who=WHO, reason=order.reason)
        found = disabling.disable(self._home, state, command)
        proven = found.left.clean and not (found.refused or found.past_engine or found.open_latch)
        return proven, _words(f"{order.place} is disabled", proven, found.event, _left_of(found, self._known()))


def _words(what: str, proven: bool, event: int, left: list[str]) -> str:
    journaled = f"event {event:,}" if event else "the journal does not have it yet"
    proof = "proven at the venues" if proven else "NOT PROVEN"
    return "; ".join((f"{what}: {proof} ({journaled})", *left))


def _left_of(found: Killed | Disabled, known: Mapping[str, Instrument]) -> list[str]:
    """What a person must know of: why it is not proven, and what is left."""
    lines = [f"the engine refused: {found.refused}"] if found.refused else []
    lines += [f"past the engine: {found.past_engine}"] if found.past_engine else []
    lines += [f"the latch is NOT shut: {found.open_latch}"] if found.open_latch else []
    lines += [f"left: {describe(each, known)}" for each in found.left.open_orders]
    lines += [f"venue {name} does not answer" for name in found.left.silent]
    if isinstance(found, Killed):
        lines += [*found.unresolved, *(f"unknown: {line}" for line in found.unknown)]
        lines += [f"without protection: {line}" for line in found.unprotected]
    return [*lines, *found.problems]
