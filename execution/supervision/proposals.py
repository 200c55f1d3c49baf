"""What a saved file asks for: the difference between two readings as commands; it sends nothing and reads nothing."""

from __future__ import annotations

from collections.abc import Mapping

from execution.settings import LimitTable
from execution.settings.models import StrategyRow
from toolkit.domain.commands import DisableStrategy, SetLimits, Who

STRATEGIES_FILE = "config/strategies.yaml"
LIMITS_FILE = "config/limits.yaml"


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
    """The whole table when the file changed; the engine takes it if it only tightens."""
    if before.checksum == now.checksum:
        return None
    return SetLimits(rows=now.rows, checksum=now.checksum, who=who, reason=f"{LIMITS_FILE} was saved")


def _reason(now: Mapping[str, StrategyRow], name: str) -> str:
    if name not in now:
        return f"{STRATEGIES_FILE} no longer has it"
    return f"{STRATEGIES_FILE} says enabled: false"
