"""A busy desk with a replayer to whom everything comes at a bad moment; what happens when hangs on a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.tools.busy_strategies import BusyDesk
from tests.tools.replayed_desk import ReplayedDesk
from toolkit.domain.commands import DisableStrategy, EnableStrategy, Who
from toolkit.domain.events import Event
from toolkit.domain.ledger import Ledger
from toolkit.engine.strategy_runner import StrategyContainer

LATE = 15
LOOKS, TRIMMED, COMMANDS = 0.03, 0.3, 0.03
"""The odds of a look after a batch, of a journal that was trimmed meanwhile, and of a command within a step."""

ADA = Who(identity="ada", verified=True, source="cli")


class DisturbedDesk(ReplayedDesk):
    """The replayer looks in the middle of steps, hears late how far the engine is, and finds its journal trimmed."""

    def __init__(self, busy: BusyDesk, folder: Path, seed: int) -> None:
        self._dice = Random(seed)
        self._busy = busy
        self._commands = self.begun_anew = 0
        self._is_open = False
        super().__init__(busy.settings, folder, engine=busy.engine)
        self._is_open = True

    def container(
        self, name: str, kind: type[StrategyContainer] = StrategyContainer, **parameters: object
    ) -> StrategyContainer:
        return self._busy.container(name)

    def meddle(self) -> None:
        """Now and then somebody stops a strategy, closes its positions, or lets go of it again."""
        if self._dice.random() >= COMMANDS:
            return
        self._commands += 1
        name, what = self._dice.choice(("churn", "quoting", "trend")), self._dice.randrange(6)
        if what < 2:
            self.command(self._commands, DisableStrategy(strategy=name, flatten=not what, who=ADA, reason="a try"))
        else:
            self.command(self._commands, EnableStrategy(strategy=name, who=ADA, reason="it was one"))

    def _engine_step(self) -> int:
        return max(0, self._done - self._dice.randrange(LATE))

    def _seal(self, events: Sequence[Event], ledger: Ledger) -> None:
        super()._seal(events, ledger)
        if self._is_open and self._dice.random() < LOOKS:
            if self._dice.random() < TRIMMED:
                self.begun_anew += 1
                self.replayer._forget()
            self.replayer.look()
