"""What a desk's files say that its books do not say yet, as commands for the engine at the start; it sends nothing."""

from __future__ import annotations

from collections.abc import Iterator

from execution.settings import Settings
from execution.settings.people import PEOPLE_FILE
from execution.supervision.proposals import LIMIT_FILES, STRATEGIES_FILE
from toolkit.domain.commands import (
    AllocateCapital,
    Command,
    DefineInstruments,
    DisableStrategy,
    SetLimits,
    SetPeople,
    Who,
)
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import to_quanta
from toolkit.domain.orders import TradingState


def opening_commands(settings: Settings, ledger: Ledger, who: Who) -> Iterator[Command]:
    """Instruments first, then limits, then each strategy's capital and switch; last the people, who open a new book."""
    changed = tuple(each for each in settings.instruments if ledger.instruments.find(each.symbol) != each)
    if changed:
        yield DefineInstruments(instruments=changed, who=who, reason="config/instruments.yaml at the start")
    if ledger.limits_checksum != settings.limits.checksum:
        limits = settings.limits
        yield SetLimits(rows=limits.rows, checksum=limits.checksum, who=who, reason=f"{LIMIT_FILES} at the start")
    for name, row in settings.strategies.items():
        if ledger.capital.get(name) != to_quanta(row.capital, settings.base_currency.quantum, f"{name}: capital"):
            reason = f"{STRATEGIES_FILE} at the start"
            yield AllocateCapital(strategy=name, amount=row.capital, who=who, reason=reason)
        if not row.enabled and not is_disabled(ledger, name):
            yield DisableStrategy(
                strategy=name, flatten=False, who=who, reason=f"{STRATEGIES_FILE} says enabled: false"
            )
    people = settings.people.people
    if ledger.people != people:
        yield SetPeople(
            rows=people.rows, four_eyes=people.four_eyes, who=who, reason=f"{PEOPLE_FILE} at the start",
            approval_hours=people.approval_hours,
        )  # fmt: skip


def is_disabled(ledger: Ledger, strategy: str) -> bool:
    """Whether the strategy itself (not its book or venue) is halted."""
    return TradingState.HALTED in ledger.states.get(f"strategy:{strategy}", {}).values()
