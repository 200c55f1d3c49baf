"""A decision core that somebody looks at: replica, tallies, all measures, the shipped rules, and the alerts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from execution.services.alerting import AlertDesk
from execution.services.guardian import Done, Verdict
from execution.services.telling import Report
from execution.settings.monitoring import Monitoring, read_monitoring
from tests.tools.core_kit import Core
from toolkit.adapters import codec
from toolkit.domain import events as ev
from toolkit.domain.market import MarketEvent
from toolkit.domain.ports import Sealed
from toolkit.domain.time import NANOSECONDS, Now, WallTime
from toolkit.engine.messages import Output
from toolkit.monitoring.alert_book import Alert
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.evaluation import Evaluator
from toolkit.monitoring.facts import DeskFacts, ProcessFact, ServerFact
from toolkit.monitoring.messages import Desk, Message
from toolkit.monitoring.rules import Action, Rule
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

PROJECT = Path(__file__).resolve().parents[2]
BEGIN = 1_800_000_000 * NANOSECONDS
"""The wall clock at the beginning; a core by itself begins at 0, which means "never" in the books."""
PROCESSES = ("engine", "listener", "archiver", "runner-trend")


@cache
def shipped() -> Monitoring:
    """config/monitoring.yaml as it is."""
    return read_monitoring(PROJECT)


class WatchedCore(Core):
    """`look` is what the monitor does four times a second. What lies beside the books is `facts`, well unless changed.

    `changed` are facts that are otherwise.
    """

    def __init__(self, **core: Any) -> None:
        self.replica, self.tallies = Replica(), Tallies()
        self.journal: list[Sealed] = []
        self.changed: dict[str, Any] = {}
        self.processes: dict[str, dict[str, Any]] = {name: {} for name in PROCESSES}
        self.servers: dict[str, dict[str, Any]] = {"journal": {}, "bus": {}}
        self.sent: list[tuple[str, Message]] = []
        self.reported: list[Report] = []
        self.asked: list[tuple[str, Action]] = []
        self.stepped = BEGIN
        self.evaluator = Evaluator(shipped().plan.rules)
        names = tuple(shipped().channels)
        self.alerts = AlertDesk(
            shipped().plan.rules, Telling(channels=tuple(Channel(name=name, address="json://x") for name in names)),
            Desk(name="demo", kind="paper"), log=lambda line, wall: None, guard=self, sender=self, started=BEGIN,
        )  # fmt: skip
        super().__init__(**core)

    def now(self) -> Now:
        plain = super().now()
        return Now(plain.feed, WallTime(self.wall), plain.mono)

    @property
    def written(self) -> int:
        """How many the journal has."""
        return self.journal[-1].last if self.journal else 0

    @property
    def wall(self) -> int:
        return BEGIN + self.mono

    def take(self, output: Output) -> None:
        """Into the journal first, and so into what everybody sees."""
        if output.events:
            batch = ev.Batch(
                book="main", schema=codec.SCHEMA, epoch=1, first=self.written + 1, step=0, wall=WallTime(self.wall),
                previous=self.journal[-1].digest if self.journal else b"", events=tuple(output.events),
            )  # fmt: skip
            self.journal.append(codec.seal(batch))
            self.wrote(self.journal[-1])
            self.replica.apply(batch, self.journal[-1].digest)
            self.tallies.hear(batch, self.replica.ledger)
        super().take(output)

    def wrote(self, batch: Sealed) -> None:
        """Called with each batch of the journal, before anything follows of it."""

    def feed(self, *events: MarketEvent, seconds: float = 1) -> None:
        super().feed(*events, seconds=seconds)
        self.stepped = self.wall

    # ---- looks

    def look(self) -> None:
        wall = WallTime(self.wall)
        measured = collect(self.replica, self.tallies, self.facts(), wall)
        self.alerts.take(self.evaluator.look(measured, wall), wall)

    def run(self, seconds: float, every: float = 0.25) -> None:
        """The clock goes on, and the monitor looks."""
        for _ in range(round(seconds / every)):
            self.wait(every)
            self.look()

    def until(self, alert: str, seconds: float, every: float = 0.25) -> float | None:
        """How long it took until this fired; None when it did not within the time."""
        begun = self.wall
        while self.wall - begun < seconds * NANOSECONDS:
            self.run(every, every)
            if self.fires(alert):
                return (self.wall - begun) / NANOSECONDS
        return None

    def fires(self, alert: str) -> tuple[Alert, ...]:
        return tuple(each for each in self.alerts.book.open if each.rule == alert)

    def facts(self) -> DeskFacts:
        beat = self.wall
        plain: dict[str, Any] = {
            "ready": True,
            "processes": tuple(
                ProcessFact(**{"name": name, "up": True, "beat": beat, "started": BEGIN, **more})
                for name, more in self.processes.items()
            ),
            "servers": tuple(ServerFact(**{"name": name, "up": True, **more}) for name, more in self.servers.items()),
            "journal_end": self.written, "journal_read": self.wall, "feed_step_seen": self.stepped, "stale": (),
            "disk_free": 90 * 10**9, "disk_size": 100 * 10**9, "archive_end": self.written, "archived": self.wall,
            "snapshot": self.wall, "open_markets": {"XNYS": True},
        }  # fmt: skip
        return DeskFacts(**{**plain, **self.changed})

    # ---- what follows alerts, as it is recorded

    def tell(self, channel: str, message: Message) -> None:
        self.sent.append((channel, message))
        self.reported.append(Report(channel, (message,), ""))

    def reports(self) -> tuple[Report, ...]:
        found, self.reported = tuple(self.reported), []
        return found

    def remember(self, alert: Alert, action: Action) -> None:
        return

    def clock_set_back(self, by: int) -> None:
        return

    def consider(self, alert: Alert, rule: Rule, wall: int) -> Verdict:
        self.asked.append((rule.name, rule.action))
        return Verdict(True, "asked for", given=True)

    def done(self) -> tuple[Done, ...]:
        return ()


def told(core: WatchedCore, alert: str) -> Mapping[str, str]:
    """Channel → title of what was said of this alert."""
    return {channel: message.title for channel, message in core.sent if f" {alert}" in message.title}
