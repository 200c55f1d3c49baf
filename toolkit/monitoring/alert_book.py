"""Alerts as the `alert` lines of the operations log tell of them, for everyone who looks; judges and sends nothing.

The monitor's own lines carry the whole alert, so that a log whose beginning was trimmed away gives the same book. What
people answer (acknowledge, silence, escalate) is a line of its own: who, why, and for a silence until when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

LINE: Final = "alert"
"""The kind of a line of the operations log that this book hears; others pass by."""
MOST_RESOLVED: Final = 500
MOST_STEPS: Final = 2_000
ID_LETTERS: Final = 6

Scope = tuple[tuple[str, str], ...]
"""The labels that tell one alert of a rule from another, such as `(("strategy", "trend"),)`; the whole desk: none."""


class AlertState(StrEnum):
    """What people see of an alert. One that was silenced still shows."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    RESOLVED = "resolved"


class Did(StrEnum):
    """What a line tells: the first four are a person's, the rest the monitor's. A trial changes no alert."""

    ACKNOWLEDGE = "acknowledge"
    SILENCE = "silence"
    ESCALATE = "escalate"
    TRY = "try"
    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    TOLD = "told"
    ACTED = "acted"
    UNSILENCED = "unsilenced"
    RESTATED = "restated"


PEOPLES: Final = (Did.ACKNOWLEDGE, Did.SILENCE, Did.ESCALATE)
_STATES: Final = {Did.ACKNOWLEDGE: AlertState.ACKNOWLEDGED, Did.SILENCE: AlertState.SILENCED}


ANSWERED: Final[Mapping[str, str]] = {Did.ACKNOWLEDGE: "acknowledged", Did.SILENCE: "silenced", Did.ESCALATE: "sent on"}


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that holds in one scope, from its opening until it is resolved. Times are UTC ns, 0: not yet.

    `since` is when the rule began to hold, `opened` when that was found, `changed` the newest line about it. `answer`,
    `by`, `reason`, `until` and `answered` are a person's last answer; `action` is what became of the guardian's part in
    words, `command` what it gave and `acted` when; `reached` are the channels that took a message, in their order, and
    `owed` those of them that have yet to take that it is over; `times` how often it opened. A higher `revision` is
    newer.
    """

    id: str
    rule: str
    severity: str
    since: int
    opened: int
    changed: int
    scope: Scope = ()
    state: AlertState = AlertState.FIRING
    summary: str = ""
    value: float = 0.0
    threshold: float = 0.0
    comparison: str = ">"
    unit: str = ""
    answer: str = ""
    by: str = ""
    reason: str = ""
    answered: int = 0
    until: int = 0
    escalated: int = 0
    resolved: int = 0
    action: str = ""
    command: str = ""
    acted: int = 0
    reached: tuple[str, ...] = ()
    times: int = 1
    owner: str = ""
    playbook: str = ""
    dashboard: str = ""
    revision: int = 0
    owed: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`strategy trend, venue paper`, or `the desk`."""
        return scope_words(self.scope)

    @property
    def answer_words(self) -> str:
        """`acknowledged`, `silenced` or `sent on`; empty where nobody has answered."""
        return ANSWERED.get(self.answer, self.answer)

    @property
    def is_open(self) -> bool:
        return self.state is not AlertState.RESOLVED

    def state_at(self, wall: int) -> AlertState:
        """The state once a silence that is over is over."""
        if self.state is AlertState.SILENCED and self.until <= wall:
            return AlertState.FIRING
        return self.state


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an alert; `who` is empty for the monitor's own doing, `what` in words."""

    wall: int
    id: str
    rule: str
    where: str
    did: Did
    who: str = ""
    what: str = ""


class AlertBook:
    """Every open alert, the newest that are over, and what happened to them. `hear` each line, oldest first."""

    def __init__(self) -> None:
        self._alerts: dict[str, Alert] = {}
        self._open: dict[tuple[str, Scope], dict[str, None]] = {}
        self._sorted: tuple[Alert, ...] | None = None
        self._resolved: deque[str] = deque()
        self._steps: deque[Step] = deque(maxlen=MOST_STEPS)

    def hear(self, line: Mapping[str, str]) -> Alert | None:
        """Fold one line of the operations log; the alert that it is about, None when the line says nothing new.

        `line` has the fields of the log as they stand there (`kind`, `process`, `wall` and the rest). What cannot be
        read, such as a line of a later version, is passed over: a log of operations never stops who looks.
        """
        if line.get("kind") != LINE:
            return None
        try:
            did, wall = Did(line.get("did", "")), int(line.get("wall", "0"))
        except ValueError:
            return None
        changed = self._answered(did, wall, line) if did in PEOPLES else self._stated(line)
        if changed is None:
            return None
        self._keep(changed)
        if did is not Did.RESTATED:
            self._steps.append(_step(changed, did, wall, line))
        return changed

    @property
    def open(self) -> tuple[Alert, ...]:
        """What is not resolved: critical first, of these the newest first."""
        if self._sorted is None:
            found = (self._alerts[alert] for alerts in self._open.values() for alert in alerts)
            self._sorted = tuple(sorted(found, key=_rank))
        return self._sorted

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """What is over, newest first; MOST_RESOLVED at most."""
        over = (alert for alert in self._alerts.values() if not alert.is_open)
        return tuple(sorted(over, key=lambda alert: -alert.resolved))

    @property
    def history(self) -> tuple[Step, ...]:
        """What happened, newest first; MOST_STEPS at most."""
        return tuple(reversed(self._steps))

    def steps(self, alert: str) -> tuple[Step, ...]:
        """What happened to one alert, oldest first."""
        return tuple(step for step in self._steps if step.id == alert)

    def find(self, alert: str) -> Alert | None:
        """By its whole id."""
        return self._alerts.get(alert)

    def matching(self, start: str) -> tuple[Alert, ...]:
        """Alerts whose id begins so, the open ones first."""
        return tuple(alert for alert in (*self.open, *self.resolved) if alert.id.startswith(start.upper()))

    def open_in(self, rule: str, scope: Scope) -> Alert | None:
        """The alert of a rule that is open in one scope, the first of them where a log holds several."""
        found = next(iter(self._open.get((rule, scope), ())), None)
        return None if found is None else self._alerts[found]

    # ---- parts

    def _stated(self, line: Mapping[str, str]) -> Alert | None:
        """The monitor's word; what a person has answered since then stays."""
        try:
            stated = _decode(line.get("facts", ""))
        except msgspec.MsgspecError:
            return None
        known = self._alerts.get(stated.id)
        if known is None:
            return stated
        if known.revision >= stated.revision:
            return None
        if known.answered <= stated.answered or not stated.is_open:
            return stated
        return msgspec.structs.replace(
            stated, state=known.state, answer=known.answer, by=known.by, reason=known.reason,
            answered=known.answered, until=known.until, escalated=known.escalated,
        )  # fmt: skip

    def _answered(self, did: Did, wall: int, line: Mapping[str, str]) -> Alert | None:
        known = self._alerts.get(line.get("id", ""))
        if known is None or not known.is_open or wall < known.answered:
            return None
        until = line.get("until", "0")
        return msgspec.structs.replace(
            known,
            state=_STATES.get(did, known.state),
            answer=did.value,
            by=line.get("who", ""),
            reason=line.get("reason", ""),
            answered=wall,
            changed=wall,
            until=int(until) if did is Did.SILENCE and until.isdecimal() else 0 if did in _STATES else known.until,
            escalated=wall if did is Did.ESCALATE else known.escalated,
        )

    def _keep(self, alert: Alert) -> None:
        self._alerts[alert.id] = alert
        self._sorted = None
        key = alert.rule, alert.scope
        if alert.is_open:
            self._open.setdefault(key, {})[alert.id] = None
            return
        others = self._open.get(key, {})
        others.pop(alert.id, None)
        if not others:
            self._open.pop(key, None)
        self._resolved.append(alert.id)
        while len(self._resolved) > MOST_RESOLVED:
            oldest = self._alerts.get(self._resolved.popleft())
            if oldest is not None and not oldest.is_open and oldest.id not in self._resolved:
                del self._alerts[oldest.id]


def book_of(lines: Iterable[Mapping[str, str]]) -> AlertBook:
    """The book that these lines make, oldest first."""
    book = AlertBook()
    for line in lines:
        book.hear(line)
    return book


def alert_id(rule: str, scope: Scope, opened: int) -> str:
    """Six characters to type: the same for the same opening, another one for the next."""
    said = f"{rule}|{scope_words(scope)}|{opened}"
    number = int.from_bytes(sha256(said.encode()).digest()[:8], "big")
    return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(ID_LETTERS))


def scope_words(scope: Scope) -> str:
    """`strategy trend, venue paper`, or `the desk`."""
    labels = dict(scope)
    if "scope" in labels and "name" in labels:  # as limits and states name what they are about
        about = f"{labels.pop('scope')} {labels.pop('name')}".strip()
        labels = {**labels, "of": about} if labels else {"": about}
    return ", ".join(f"{label} {value}".strip() for label, value in labels.items()) or "the desk"


def stated(alert: Alert, did: Did, what: str) -> dict[str, str]:
    """The monitor's line about an alert, without `kind`, `process` and `wall`, which the log adds."""
    return {"did": did.value, "id": alert.id, "rule": alert.rule, "where": alert.where, "what": what,
            "facts": msgspec.json.encode(alert).decode()}  # fmt: skip


def answer(did: Did, alert: str, *, who: str, reason: str, until: int = 0) -> dict[str, str]:
    """A person's line about an alert, without `kind`, `process` and `wall`; `until` (UTC ns) ends a silence."""
    end = {"until": str(until)} if did is Did.SILENCE else {}
    return {"did": did.value, "id": alert, "who": who, "reason": reason, **end}


_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""What nobody mistakes for something else."""
_SEVERITIES: Final = {"critical": 0, "warning": 1, "info": 2}
_decode = msgspec.json.Decoder(Alert).decode


def _rank(alert: Alert) -> tuple[int, int]:
    return _SEVERITIES.get(alert.severity, 3), -alert.opened


def _step(alert: Alert, did: Did, wall: int, line: Mapping[str, str]) -> Step:
    what = line.get("reason", "") if did in PEOPLES else line.get("what", "")
    return Step(wall=wall, id=alert.id, rule=alert.rule, where=alert.where, did=did, who=line.get("who", ""), what=what)
