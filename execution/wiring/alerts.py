"""What fires becomes alerts: pairs the desk of alerts with operations log, channels, guardian and heartbeat address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final

from execution.services.alert_log import AlertLog
from execution.services.alerting import AlertDesk
from execution.services.guardian import Guardian
from execution.services.snitch import Snitch
from execution.services.telling import Teller
from execution.settings import Settings
from execution.wiring.guardian import Stopper
from toolkit.adapters.notifications import Notifications, call
from toolkit.client.books import Books
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.messages import Desk, Message, digest
from toolkit.monitoring.rules import Rule
from toolkit.monitoring.trial import Trials

USER: Final = "monitor"
COMMANDS_AT_ONCE: Final = 4
REMEMBER_SECONDS: Final = 2.0
"""So long a start waits for what the operations log remembers, before alerts are opened without it."""


class Alerts:
    """Everything that follows a look at the rules. `take` returns at once, whatever hangs."""

    def __init__(
        self, home: Home, settings: Settings, rules: Sequence[Rule], telling: Telling, *, ledger: Callable[[], Ledger],
        wall: Callable[[], WallTime], say: Callable[[str], None], user: str = USER,
    ) -> None:  # fmt: skip
        book = settings.desk.book
        self._pages = home.processes if settings.desk.dashboards.enabled and not telling.dashboards else None
        self._about = Desk(name=settings.desk.name, kind=settings.desk.kind, dashboards=telling.dashboards)
        stopper = Stopper(
            home, book=book, venues=tuple(settings.venues), ledger=ledger,
            quarantine_seconds=settings.desk.engine.quarantine_seconds,
        )  # fmt: skip
        self._started = int(wall())
        self._executor = ThreadPoolExecutor(COMMANDS_AT_ONCE, thread_name_prefix="guardian")
        self._log = AlertLog(lambda: Books(home=home, book=book, user=user).journal())
        post = Post()
        self._teller = Teller(telling.channels, post.send, partial(digest, self._about), prepare=post.prepare)
        self._trials = Trials(rules)
        self._desk = AlertDesk(
            (*rules, *self._trials.rules), telling, self._about, log=self._log.write, sender=self._teller,
            guard=Guardian(stopper.give, stopper.held, self._executor), started=self._started,
        )  # fmt: skip
        self._snitch = (
            Snitch(partial(call, telling.heartbeat), telling.heartbeat_every, say) if telling.heartbeat else None
        )
        self._remembers = False

    @property
    def desk(self) -> AlertDesk:
        return self._desk

    def take(self, firings: Sequence[Firing], wall: WallTime, *, journal_read: bool) -> None:
        """What fires now. `journal_read`: the journal's end was reached of late, so that this look saw everything."""
        now = int(wall)
        for heard in self._log.heard():
            if heard.remembered:
                self._remembers = True
                self._desk.recall(heard.lines, now)
                continue
            for line in heard.lines:
                self._desk.hear(line, now)
                self._trials.hear(line, now)
        if not self._remembers and now - self._started < REMEMBER_SECONDS * NANOSECONDS:
            return
        fire = (*firings, *self._trials.firing(now))
        if fire and self._pages is not None:
            self._about.dashboards = served_at(self._pages)
        self._desk.take(fire, now)
        if self._snitch is not None and journal_read and self._desk.reaches_people:
            self._snitch.alive()

    def close(self) -> None:
        """What was said is written; a command that is under way ends, and nothing new begins."""
        if self._snitch is not None:
            self._snitch.close()
        self._teller.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._log.close()


def served_at(processes: Path) -> str:
    """The address of the dashboards as they run now, which need not be the first that was wanted; "" for none."""
    state = read_desk_state(processes)
    found = None if state is None else state.process("dashboards")
    return "" if found is None else found.address


class Post:
    """The channels as apprise knows them, each made by its own thread when it starts."""

    def __init__(self) -> None:
        self._known: dict[str, Notifications | str] = {}
        self._loading = Lock()

    def prepare(self, channel: Channel) -> str:
        """Load what this channel needs, so that its first message need not wait. Why that fails, "" else."""
        with self._loading:
            if channel.name not in self._known:
                try:
                    self._known[channel.name] = Notifications(channel.name, channel.address)
                except ConfigError as problem:
                    self._known[channel.name] = str(problem)
        known = self._known[channel.name]
        return known if isinstance(known, str) else ""

    def send(self, channel: Channel, message: Message) -> str:
        if problem := self.prepare(channel):
            return problem
        known = self._known[channel.name]
        return known if isinstance(known, str) else known.send(message.title, message.body, message.severity)
