"""The set-up of a book as one value, and the commands that bring it into force; reading files happens elsewhere."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain.commands import (
    AllocateCapital,
    Command,
    DefineInstruments,
    DisableStrategy,
    LimitRow,
    RegisterVersion,
    SetLimits,
    Who,
)
from toolkit.domain.instruments import Currency, Instrument
from toolkit.engine.messages import Valuation


class StrategySpec(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy of a book. `path` is the folder of its registered version, `capital` in the base currency."""

    name: str
    version: int
    digest: str
    path: str
    instruments: tuple[str, ...]
    capital: Decimal
    enabled: bool


class BookSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote about one book, compiled to the machine's units. It trades after `first_step` of its feed."""

    book: str
    desk: str
    base_currency: str
    currencies: tuple[Currency, ...]
    venues: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    limits: tuple[LimitRow, ...]
    limits_checksum: str
    strategies: tuple[StrategySpec, ...]
    first_step: int = 0
    exchange_rates: tuple[Valuation, ...] = ()


def setup_commands(spec: BookSpec, who: Who) -> tuple[Command, ...]:
    """The commands that bring a book to what its files say; each does nothing where that is already in force."""
    reason = "configuration at start"
    commands: list[Command] = [
        DefineInstruments(instruments=spec.instruments, who=who, reason=reason),
        SetLimits(rows=spec.limits, checksum=spec.limits_checksum, who=who, reason=reason),
    ]
    for strategy in spec.strategies:
        commands += [
            RegisterVersion(
                strategy=strategy.name,
                version=strategy.version,
                digest=strategy.digest,
                path=strategy.path,
                instruments=strategy.instruments,
                who=who,
                reason=reason,
            ),
            AllocateCapital(strategy=strategy.name, amount=strategy.capital, who=who, reason=reason),
        ]
        if not strategy.enabled:
            commands.append(DisableStrategy(strategy=strategy.name, flatten=False, who=who, reason="enabled: false"))
    return tuple(commands)
