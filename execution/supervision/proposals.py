"""What a saved file asks for: the difference between two readings as commands; it sends nothing and reads nothing."""

from __future__ import annotations

from collections.abc import Mapping

from execution.settings import LimitTable
from execution.settings.models import StrategyRow
from execution.settings.people import PEOPLE_FILE
from toolkit.domain.commands import AllocateCapital, DisableStrategy, SetLimits, SetPeople, Who
from toolkit.domain.people import People

STRATEGIES_FILE = "config/strategies.yaml"
LIMITS_FILE = "config/limits.yaml"
LIMIT_FILES = f"{LIMITS_FILE}, config/venues.yaml"
"""Of what may be sent the first says how much, the second where to, how fast, and what stops it."""


def switched_off(
    before: Mapping[str, StrategyRow], now: Mapping[str, StrategyRow], who: Who
) -> tuple[DisableStrategy, ...]:
    """Disable what the file no longer enables. What it newly enables is not here: a file never re-enables."""
    return tuple(
        DisableStrategy(strategy=name, flatten=False, who=who, reason=_reason(now, name))
        for name, row in before.items()
        if row.enabled and not (name in now and now[name].enabled)
    )


def all_off(running: Mapping[str, StrategyRow], problem: str, who: Who) -> tuple[DisableStrategy, ...]:
    """A file of flags that cannot be read says nothing, and what nothing says is on is off."""
    reason = f"{STRATEGIES_FILE} is broken: {problem}"
    return tuple(
        DisableStrategy(strategy=name, flatten=False, who=who, reason=reason)
        for name, row in running.items()
        if row.enabled
    )


def new_limits(before: LimitTable, now: LimitTable, who: Who) -> SetLimits | None:
    """The whole table when the file changed; the engine takes what tightens and keeps the rest for an approval."""
    if before.checksum == now.checksum:
        return None
    return SetLimits(rows=now.rows, checksum=now.checksum, who=who, reason=f"{who.source} was saved")


def new_capital(
    before: Mapping[str, StrategyRow], now: Mapping[str, StrategyRow], who: Who
) -> tuple[AllocateCapital, ...]:
    """What the file gives otherwise than before: less at once, more when another person approves."""
    return tuple(
        AllocateCapital(strategy=name, amount=row.capital, who=who, reason=f"{STRATEGIES_FILE} was saved")
        for name, row in now.items()
        if name in before and before[name].capital != row.capital
    )


def new_people(before: People, now: People, who: Who) -> SetPeople | None:
    """The whole table when the file changed: who leaves is out at once, who comes or may do more is approved first."""
    if before == now:
        return None
    return SetPeople(
        rows=now.rows, four_eyes=now.four_eyes, who=who, reason=f"{PEOPLE_FILE} was saved",
        approval_hours=now.approval_hours,
    )  # fmt: skip


def _reason(now: Mapping[str, StrategyRow], name: str) -> str:
    if name not in now:
        return f"{STRATEGIES_FILE} no longer has it"
    return f"{STRATEGIES_FILE} says enabled: false"
