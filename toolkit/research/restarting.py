"""A backtest that can lose everything between two steps and go on from what a desk would have kept; in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from toolkit.domain.inbox import InboxEntry, Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.ports import Lease
from toolkit.domain.time import MonoTime, Now, WallTime
from toolkit.engine.book import BookSpec
from toolkit.engine.engine import Engine
from toolkit.engine.messages import Message, TimePassed
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.backtest import Backtest, engine_settings
from toolkit.simulation.in_process import NEVER, Recorder
from toolkit.simulation.lockstep import Commit, absorb
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings

MakeContainers = Callable[[], Mapping[str, StrategyContainer]]
NOTHING: Final[frozenset[int]] = frozenset()


class RestartingBacktest(Backtest):
    """After a restart the bytes of ledger and venue, the inboxes and the feed are there; engine and strategies are new.

    `make` builds the strategies' containers, at the beginning and after each restart.
    """

    def __init__(
        self, spec: BookSpec, settings: PaperSettings, make: MakeContainers, record: Recorder,
        after_step: Callable[[Step, Ledger], None],
    ) -> None:  # fmt: skip
        self._make, self._spec, self._settings = make, spec, settings
        self._sent: dict[str, list[InboxEntry]] = {one.name: [] for one in spec.strategies}
        self._paper = PaperVenue(settings, spec.instruments)
        super().__init__(spec, self._paper, make(), record, after_step)

    def run_with_restarts(self, steps: Iterable[Step], after: Collection[int] = NOTHING) -> Ledger:
        """Go through the steps one by one; everything is lost after each step whose number is in `after`."""
        seen: list[Step] = []
        for step in steps:
            self.run((step,))
            seen.append(step)
            if step.number in after:
                self._restart(seen)
        return self.engine.ledger

    def _restart(self, history: list[Step]) -> None:
        """What the processes of a desk do at a start, in the same order."""
        last = history[-1]
        now = Now(last.time, WallTime(0), MonoTime(int(last.time)))
        self._venue = self._paper = PaperVenue.restore(
            self._settings, self._spec.instruments, self._paper.snapshot()
        )  # fmt: skip
        ledger = Ledger.from_bytes(self.engine.ledger.to_bytes())
        self.engine = Engine(ledger, engine_settings(self._settings, self._spec.exchange_rates))
        for step in history:
            self.engine.warm(step)
        self._absorb(self.engine.begin_epoch(now, Lease(epoch=ledger.epoch + 1, send_by=NEVER), "restart", 0), now)
        self._carry_out(absorb(self.engine, [TimePassed()], now))
        self._containers = dict(sorted(self._make().items()))
        self._incarnation += 1
        self._numbers = dict.fromkeys(self._containers, 0)
        self._history = history
        for one in self._spec.strategies:
            self._greet(one.name, f"v{one.version}", one.digest, now)

    def _greet(self, name: str, version: str, digest: str, now: Now) -> None:
        """As a runner does it: the newest `Restored`, then every inbox item that it had not read."""
        self._inboxes[name] = []
        super()._greet(name, version, digest, now)
        restored = next(entry.item for entry in reversed(self._sent[name]) if isinstance(entry.item, Restored))
        self._inboxes[name] = [entry for entry in self._sent[name] if entry.number > restored.inbox]

    def _commit(self, commit: Commit) -> Iterable[Message]:
        for name, entries in commit.inbox.items():
            if name in self._sent:
                self._sent[name] += entries
        return super()._commit(commit)
