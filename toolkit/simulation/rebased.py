"""A replay that begins where a running book stands: its books, its open orders, its strategies as they were kept.

So it never carries a position of its own from one stretch into the next: what it earns differently, it earned there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from toolkit.domain.inbox import Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.ports import Lease
from toolkit.domain.time import MonoTime, Now
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.heard import Heard
from toolkit.simulation.in_process import NEVER, NO_WALL, InProcess, Recorder
from toolkit.simulation.lockstep import absorb
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.rebased_venues import PaperVenues


class Rebased(InProcess):
    """Goes on from `ledger`, a copy of a book's own as it stood after the last step of `history`.

    Ids of orders go on as the book's own would, so the same decision has the same id, and the same draws of the venue.
    """

    def __init__(
        self, ledger: Ledger, settings: EngineSettings, venues: Sequence[PaperSettings],
        containers: Mapping[str, StrategyContainer], record: Recorder, after_step: Callable[[Step, Ledger], None],
        heard: Heard,
    ) -> None:  # fmt: skip
        engine, history = Engine(ledger, settings), heard.history
        ledger.step = history[-1].number if history else ledger.step
        held = PaperVenues(venues, ledger, heard)
        super().__init__(engine, held, containers, record, after_step, history)
        self._heard = heard
        self._incarnation = 1 + max((known.incarnation for known in ledger.producers.values()), default=0)
        for step in history:
            engine.warm(step)
        self._begin(history)

    def _begin(self, history: Sequence[Step]) -> None:
        """As a desk does at a start; under the same epoch, so that ids go on."""
        ledger = self.engine.ledger
        now = Now(history[-1].time, NO_WALL, MonoTime(int(history[-1].time)))
        lease = Lease(epoch=ledger.epoch, send_by=NEVER)
        on_their_way = self.engine.go_on(now, lease, self._heard.rounds())
        self._carry_out(absorb(self.engine, [said for request in on_their_way for said in self._send(request)], now))
        for name in self._containers:
            deployed = ledger.deployments[name]
            self._greet(name, f"v{deployed.version}", deployed.digest, now)
        self._heard, self._history = Heard((), {}), ()

    def _greet(self, name: str, version: str, digest: str, now: Now) -> None:
        """As a runner does it: the newest `Restored`, then every item of the inbox that was not read."""
        super()._greet(name, version, digest, now)
        told = self._inboxes[name]
        read = next(entry.item for entry in reversed(told) if isinstance(entry.item, Restored)).inbox
        self._inboxes[name] = [entry for entry in (*self._heard.unread.get(name, ()), *told) if entry.number > read]
