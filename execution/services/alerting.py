"""The life of alerts: opened, told, acted on, gone on to the next channel, resolved; it blocks for nothing and nobody.

What fires is the evaluator's word, what people answer comes with the operations log. Everything that happens is a line
of that log, so that a restart remembers it; sending and commanding is done by threads of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from execution.services.guardian import ASKED, WAITS, Done, Verdict
from execution.services.outbox import Outbox
from execution.services.telling import Report
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.alert_book import PEOPLES, Alert, AlertBook, AlertState, Did, Scope, alert_id, stated
from toolkit.monitoring.channels import Telling
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.inhibition import spoken_for
from toolkit.monitoring.messages import Desk, Message, News, bare, found
from toolkit.monitoring.rules import CHANNEL_SILENT, Action, Comparison, Kind, Rule, Severity, Watch

AGAIN_SECONDS: Final = 120
"""What fires again within this time after it was resolved is the same alert: it flaps, and is not told anew."""
SETTLE_SECONDS: Final = 60
"""A monitor that was started anew has empty windows: what it remembers is not resolved before this has passed, nor
before the rule could hold again."""
NOTED_SECONDS: Final = 60
"""How often a value that moves is worth a line."""
RESTATED_SECONDS: Final = 600
"""How often an open alert is stated again, so that a log that is trimmed does not lose it."""

SILENT_SECONDS: Final = 2.0
"""A channel that does not take a message is passed over at once; it is an alert when it stays so for this long."""


class Guard(Protocol):
    """Turns alerts into commands; see the guardian."""

    def remember(self, alert: Alert, action: Action) -> None: ...
    def clock_set_back(self, by: int) -> None: ...
    def consider(self, alert: Alert, rule: Rule, wall: int) -> Verdict: ...
    def done(self) -> tuple[Done, ...]: ...


class Sender(Protocol):
    """Sends messages in threads of its own."""

    def tell(self, channel: str, message: Message) -> None: ...
    def reports(self) -> tuple[Report, ...]: ...


Log = Callable[[Mapping[str, str], int], None]
"""Takes a line of kind `alert` for the operations log and returns at once."""


class AlertDesk:
    """Every alert of one desk. `recall` what the log says first; then `take` what fires, look after look."""

    def __init__(
        self, rules: Iterable[Rule], telling: Telling, desk: Desk, *, log: Log, guard: Guard, sender: Sender,
        started: int,
    ) -> None:  # fmt: skip
        self.book = AlertBook()
        self._rules = {rule.name: rule for rule in (*rules, channel_silent(telling))}
        self._telling = telling
        self._log = log
        self._guard = guard
        self._sender = sender
        self._outbox = Outbox(telling, desk, sender.tell)
        self._started = self._looked = started
        self._silent: dict[str, tuple[int, str]] = {}
        self._unfinished: set[str] = set()
        self._noted: dict[str, int] = {}
        self._stated: dict[str, int] = {}

    @property
    def reaches_people(self) -> bool:
        """Whether some channel takes messages, or there is none that could."""
        names = {channel.name for channel in self._telling.channels}
        return not names or bool(names - self._silent.keys())

    # ---- what comes in

    def recall(self, lines: Iterable[Mapping[str, str]], wall: int) -> None:
        """What the operations log remembers, oldest first; also what was written while it could not be read.

        An alert of before that was opened anew meanwhile goes on under its new name.
        """
        before = {alert.id for alert in self.book.open}
        pushed = self._fold(lines)
        for alert in self.book.open:
            if alert.id in before:
                continue
            if alert.action.endswith(ASKED) or alert.action.startswith(WAITS):  # the end is not known: once more
                self._unfinished.add(alert.id)
            elif alert.command:
                self._guard.remember(alert, Action(alert.command))
            others = [other for other in self.book.open if other.id in before and _key(other) == _key(alert)]
            if others:
                self._resolve(alert, wall, f"it goes on as {others[0].id}", owed=())
            else:
                self._outbox.remember(alert, self._last_told(alert, wall), wall + SETTLE_SECONDS * NANOSECONDS)
                if alert.id in pushed:
                    self._outbox.escalate(alert)
        for alert in self.book.resolved:
            if alert.owed:  # that it is over was not told yet
                self._outbox.remember_over(alert, self._last_told(alert, wall))

    def _fold(self, lines: Iterable[Mapping[str, str]]) -> set[str]:
        """Take up what is remembered; the alerts that a person sent on and of which no monitor said anything since."""
        pushed: set[str] = set()
        for line in lines:
            alert = self.book.hear(line)
            if alert is not None and line.get("did") == Did.ESCALATE:
                pushed.add(alert.id)
            elif alert is not None and line.get("did") not in PEOPLES:
                pushed.discard(alert.id)
        return pushed

    def _last_told(self, alert: Alert, wall: int) -> int:
        """When a channel last took it: a monitor that is started anew again and again puts off no escalation."""
        told = (step.wall for step in self.book.steps(alert.id) if step.did is Did.TOLD)
        return min(wall, max(told, default=wall))

    def hear(self, line: Mapping[str, str], wall: int) -> None:
        """One line that somebody wrote: an answer of a person is taken up at once."""
        alert = self.book.hear(line)
        if alert is not None and line.get("did") == Did.ESCALATE:
            self._outbox.escalate(alert)

    def take(self, firings: Sequence[Firing], wall: int) -> None:
        """Bring every alert in step with what fires now."""
        self._go_by(wall)
        self._take_reports(wall)
        now = {firing.key: firing for firing in (*firings, *self._silent_channels(wall))}
        for firing in now.values():
            self._hold(firing, wall)
        for alert in self.book.open:
            if _key(alert) not in now and self._may_resolve(alert, wall):
                self._resolve(alert, wall, f"is over; it was {found(alert)}", owed=alert.reached)
        self._take_up_what_was_silenced(wall)
        self._act(now, wall)
        self._tell(now, wall)
        self._restate(wall)

    def _go_by(self, wall: int) -> None:
        """A clock that was set back since the last look: what is waited for is due as if it had not been."""
        back, self._looked = self._looked - wall, wall
        if back > 0:
            self._started -= back
            self._silent = {channel: (since - back, problem) for channel, (since, problem) in self._silent.items()}
            self._noted = {alert: noted - back for alert, noted in self._noted.items()}
            self._stated = {alert: stated - back for alert, stated in self._stated.items()}
            self._outbox.clock_set_back(back)
            self._guard.clock_set_back(back)

    # ---- what fires, and what does not any more

    def _hold(self, firing: Firing, wall: int) -> None:
        known = self.book.open_in(firing.rule.name, firing.scope)
        if known is not None:
            self._update(known, firing, wall)
            return
        over = [alert for alert in self.book.resolved if _key(alert) == firing.key]
        lately = next((each for each in over if 0 <= wall - each.resolved < AGAIN_SECONDS * NANOSECONDS), None)
        if lately is not None:
            again = _seen(lately, firing, state=_answered(lately, wall), resolved=0, times=lately.times + 1, owed=())
            self._outbox.reopened(
                self._state(again, Did.REOPENED, f"again, {again.times} times now: {found(again)}", wall)
            )
            return
        opened = _opened(firing, wall)
        self._state(opened, Did.OPENED, f"{opened.summary}: {found(opened)}", wall)

    def _update(self, known: Alert, firing: Firing, wall: int) -> None:
        """The value as it is now; a line for it only now and then."""
        if (known.value, known.threshold) == (firing.value, firing.threshold):
            return
        if wall - self._noted.get(known.id, known.opened) >= NOTED_SECONDS * NANOSECONDS:
            self._noted[known.id] = wall
            moved = _seen(known, firing)
            self._state(moved, Did.UPDATED, found(moved), wall)

    def _may_resolve(self, alert: Alert, wall: int) -> bool:
        if alert.opened >= self._started:
            return True
        rule = self._rules.get(alert.rule)
        needed = rule.for_seconds + rule.window if rule is not None else 0.0
        return wall - self._started >= (SETTLE_SECONDS + needed) * NANOSECONDS

    def _resolve(self, alert: Alert, wall: int, why: str, *, owed: tuple[str, ...]) -> None:
        """`owed` are the channels that are to be told."""
        over = msgspec.structs.replace(alert, state=AlertState.RESOLVED, resolved=wall, owed=owed)
        over = self._state(over, Did.RESOLVED, why, wall)
        self._unfinished.discard(alert.id)
        self._noted.pop(alert.id, None)
        self._stated.pop(alert.id, None)
        self._outbox.resolved(over, wall)

    def _take_up_what_was_silenced(self, wall: int) -> None:
        for alert in self.book.open:
            if alert.state is AlertState.SILENCED and alert.state_at(wall) is AlertState.FIRING:
                fires = msgspec.structs.replace(alert, state=AlertState.FIRING, reached=())
                self._outbox.again(self._state(fires, Did.UNSILENCED, f"the silence of {alert.by} is over", wall))

    # ---- what follows

    def _act(self, now: Mapping[tuple[str, Scope], Firing], wall: int) -> None:
        """Nothing is done about what does not fire now, though it is open still: after a restart it may be over."""
        for done in self._guard.done():
            alert = self.book.find(done.alert)
            if alert is not None:
                acted = msgspec.structs.replace(alert, action=done.words)
                self._outbox.acted(self._state(acted, Did.ACTED, done.words, wall), proven=done.proven)
        for alert in self.book.open:
            rule = self._rules.get(alert.rule)
            is_done = bool(alert.action) and alert.id not in self._unfinished
            if rule is None or rule.action is Action.NONE or is_done or _key(alert) not in now:
                continue
            verdict = self._guard.consider(alert, rule, wall)
            if verdict.settled:
                self._unfinished.discard(alert.id)
            else:
                self._unfinished.add(alert.id)
            if verdict.settled or verdict.words != alert.action:
                command, when = (rule.action.value, wall) if verdict.given else ("", 0)
                changed = msgspec.structs.replace(alert, action=verdict.words, command=command, acted=when)
                self._state(changed, Did.ACTED, verdict.words, wall)

    def _tell(self, now: Mapping[tuple[str, Scope], Firing], wall: int) -> None:
        silent = spoken_for([_key(alert) for alert in self.book.open], self._rules)
        due = [_as_seen(alert, now.get(_key(alert))) for alert in self.book.open if _key(alert) not in silent]
        self._outbox.send(due, self._rules, self._dead, wall)

    # ---- channels

    @property
    def _dead(self) -> frozenset[str]:
        return frozenset(self._silent)

    def _take_reports(self, wall: int) -> None:
        for report in self._sender.reports():
            if report.problem:
                self._silent.setdefault(report.channel, (wall, report.problem))
                self._outbox.missed(report.channel, report.messages)
                continue
            self._silent.pop(report.channel, None)
            for identifier, news in {(each, sent.news): None for sent in report.messages for each in sent.alerts}:
                alert = self.book.find(identifier)
                if alert is not None:
                    self._reached(alert, report.channel, news, wall)

    def _reached(self, alert: Alert, channel: str, news: News, wall: int) -> None:
        if news is News.RESOLVED:
            if channel in alert.owed:
                owed = tuple(each for each in alert.owed if each != channel)
                self._state(msgspec.structs.replace(alert, owed=owed), Did.TOLD, f"{channel}: it is over", wall)
        elif channel not in alert.reached:
            owed = alert.owed if alert.is_open else (*alert.owed, channel)
            told = msgspec.structs.replace(alert, reached=(*alert.reached, channel), owed=owed)
            self._state(told, Did.TOLD, channel, wall)

    def _silent_channels(self, wall: int) -> Iterable[Firing]:
        """A channel that takes nothing is an alert of its own, told by the others."""
        rule = self._rules[CHANNEL_SILENT]
        for channel, (since, _) in self._silent.items():
            if wall - since >= rule.for_seconds * NANOSECONDS:
                yield Firing(rule=rule, scope=(("channel", channel),), value=1.0, threshold=0.0, since=WallTime(since))

    # ---- lines

    def _state(self, alert: Alert, did: Did, what: str, wall: int) -> Alert:
        """Into the book and into the log: one and the same line."""
        newer = msgspec.structs.replace(alert, changed=wall, revision=alert.revision + 1)
        line = stated(newer, did, what)
        self.book.hear({**line, "kind": "alert", "wall": str(wall)})
        self._stated[newer.id] = wall
        self._log(line, wall)
        return newer

    def _restate(self, wall: int) -> None:
        for alert in self.book.open:
            if wall - self._stated.get(alert.id, 0) >= RESTATED_SECONDS * NANOSECONDS:
                self._state(alert, Did.RESTATED, found(alert), wall)


def channel_silent(telling: Telling) -> Rule:
    """The alert about the channels themselves; the monitor is the only one who sees it, so no measure stands for it."""
    watch = Watch(kind=Kind.LEVEL, metric="", comparison=Comparison.ABOVE, threshold=0.0, clear=0.0)
    return Rule(
        name=CHANNEL_SILENT, summary="channel {channel} takes no message", watches=(watch,),
        severity=Severity.CRITICAL, channels=tuple(channel.name for channel in telling.channels), owner=telling.owner,
        playbook="monitoring-dead", dashboard="alerts", by=("channel",), for_seconds=SILENT_SECONDS,
    )  # fmt: skip


def _opened(firing: Firing, wall: int) -> Alert:
    rule = firing.rule
    watch = _watch(firing)
    return Alert(
        id=alert_id(rule.name, firing.scope, wall), rule=rule.name, severity=rule.severity.value,
        scope=firing.scope, since=int(firing.since), opened=wall, changed=wall, value=firing.value,
        threshold=firing.threshold, comparison=watch.comparison.sign, unit=_unit(firing), summary=_summary(firing),
        owner=rule.owner, playbook=rule.playbook, dashboard=rule.dashboard,
    )  # fmt: skip


def _seen(alert: Alert, firing: Firing, **changes: object) -> Alert:
    """The same alert with what was seen last."""
    return msgspec.structs.replace(
        alert,
        value=firing.value,
        threshold=firing.threshold,
        comparison=_watch(firing).comparison.sign,
        unit=_unit(firing),
        summary=_summary(firing),
        **changes,
    )


def _as_seen(alert: Alert, firing: Firing | None) -> Alert:
    """With the value of this look, where it moved."""
    moved = firing is not None and (alert.value, alert.threshold) != (firing.value, firing.threshold)
    return _seen(alert, firing) if firing is not None and moved else alert


def _summary(firing: Firing) -> str:
    """The rule's sentence with its figures; the sentence as it stands where it names what nobody knows."""
    rule, unit = firing.rule, _unit(firing)
    known = {
        **dict(firing.scope),
        "value": bare(firing.value, unit),
        "threshold": bare(firing.threshold, unit),
    }
    try:
        return " ".join(rule.summary.format_map(known).split())  # a book has no name
    except (KeyError, ValueError, IndexError):
        return rule.summary


def _watch(firing: Firing) -> Watch:
    """Which of the rule's watches it was."""
    watches = firing.rule.watches
    return next((each for each in watches if each.threshold == firing.threshold), watches[0])


def _unit(firing: Firing) -> str:
    """A share is one, whatever the rule counts otherwise."""
    return "ratio" if _watch(firing).kind is Kind.RATIO else firing.rule.unit


def _answered(alert: Alert, wall: int) -> AlertState:
    """The state that an alert has when it fires again: what a person answered to it holds."""
    if alert.answer == Did.ACKNOWLEDGE:
        return AlertState.ACKNOWLEDGED
    return AlertState.SILENCED if alert.answer == Did.SILENCE and alert.until > wall else AlertState.FIRING


def _key(alert: Alert) -> tuple[str, Scope]:
    return alert.rule, alert.scope
