"""A backtest that can lose everything between two steps and start again from what survives: the in-process kill -9."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from toolkit.domain.inbox import InboxEntry, Restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.ports import Lease
from toolkit.engine.book import BookSpec
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings, Message, TimePassed
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.backtest import NEVER, Backtest, Recorder, _clock
from toolkit.simulation.lockstep import Commit, absorb
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings

MakeContainers = Callable[[], Mapping[str, StrategyContainer]]


class RestartingBacktest(Backtest):
    """`restart` keeps the ledger's and the venue's bytes, each inbox and the feed; engine and strategies are new."""

    def __init__(
        self, spec: BookSpec, settings: PaperSettings, make: MakeContainers, record: Recorder,
        after_step: Callable[[Step, Ledger], None],
    ) -> None:  # fmt: skip
        self._make, self._spec, self._settings = make, spec, settings
        self._kept: dict[str, list[InboxEntry]] = {one.name: [] for one in spec.strategies}
        super().__init__(spec, PaperVenue(settings, spec.instruments), make(), record, after_step)

    def run_with_restarts(self, steps: Sequence[Step], after: Iterable[int]) -> Ledger:
        """Go through all steps, losing everything after each of these step numbers."""
        done = 0
        for number in sorted(after):
            self.run(steps[done:number])
            self.restart(steps[:number])
            done = number
        return self.run(steps[done:])

    def restart(self, history: Sequence[Step]) -> None:
        """What the processes of a desk do at a start, in the same order."""
        now = _clock(history[-1])
        self._venue = PaperVenue.restore(self._settings, self._spec.instruments, self._venue.snapshot())
        ledger = Ledger.from_bytes(self.engine.ledger.to_bytes())
        self.engine = Engine(ledger, EngineSettings(feed_mode=FeedMode.LOCKSTEP))
        for step in history:
            self.engine.warm(step)
        self._absorb(self.engine.begin_epoch(now, Lease(epoch=ledger.epoch + 1, send_by=NEVER), "again", 0), now)
        self._carry_out(absorb(self.engine, [TimePassed()], now))
        self._containers = dict(sorted(self._make().items()))
        self._incarnation += 1
        self._numbers = dict.fromkeys(self._containers, 0)
        self._history = history
        for one in self._spec.strategies:
            self._greet(one.name, f"v{one.version}", one.digest, now)

    def _greet(self, name: str, version: str, digest: str, now: object) -> None:
        """As a runner does it: the newest `Restored`, then every inbox item that it had not read."""
        self._inboxes[name] = []
        super()._greet(name, version, digest, now)
        restored = next(entry.item for entry in reversed(self._kept[name]) if isinstance(entry.item, Restored))
        self._inboxes[name] = [entry for entry in self._kept[name] if entry.number > restored.inbox]

    def _commit(self, commit: Commit) -> Iterable[Message]:
        for name, entries in commit.inbox.items():
            if name in self._kept:
                self._kept[name] += entries
        return super()._commit(commit)
