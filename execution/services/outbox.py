"""Which channel is told of which alert and when: chains, groups, repetitions; pure, and nothing is sent from here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import Alert, AlertState
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.messages import Desk, Message, News, message
from toolkit.monitoring.rules import Rule, Severity

AT_ONCE: Final = 3
"""Messages of one rule that a channel gets within CROWD_SECONDS without a wait; from then on they are gathered."""
CROWD_SECONDS: Final = 60
GATHER_SECONDS: Final = 10
RESOLVED_AFTER_SECONDS: Final = 30
"""That it is over is told once it has been over for so long: what flaps is one alert and one message."""
REMIND_SECONDS: Final = 3600
"""At the end of its chain a critical alert that nobody acknowledges is told again so often."""


@dataclass(kw_only=True)
class Post:
    """How far one alert has come: `stage` channels of its chain were told, the last of them at `told_at` (UTC ns).

    `pushed`: a person, or a stop that is not proven, wants the next channel told now. `closing`: its end is due.
    """

    alert: Alert
    stage: int = 0
    told_at: int = 0
    told: list[str] = field(default_factory=list)
    pushed: bool = False
    again: bool = False
    waits_until: int = 0
    resolved_at: int = 0
    closing: bool = False


class Outbox:
    """`send` decides what is due and hands it to `tell(channel, message)`, which returns at once."""

    def __init__(
        self, telling: Telling, desk: Desk, tell: Callable[[str, Message], None], *,
        resolved_after: float = RESOLVED_AFTER_SECONDS,
    ) -> None:  # fmt: skip
        self._telling = telling
        self._desk = desk
        self._hand_over = tell
        self._resolved_after = resolved_after
        self._posts: dict[str, Post] = {}
        self._missed: list[tuple[str, Message]] = []
        self._due: dict[tuple[str, str, News], list[str]] = {}
        self._sent: dict[tuple[str, str], deque[int]] = {}

    # ---- what happened

    def remember(self, alert: Alert, told_at: int, waits_until: int) -> None:
        """An alert of before a restart: what was told stays told, and the time to the next channel goes on, but it is
        not told before `waits_until` where it was told already: it may be over."""
        told = list(alert.reached)
        self._posts[alert.id] = Post(
            alert=alert, stage=len(told), told_at=told_at, told=told, waits_until=waits_until if told else 0
        )  # fmt: skip

    def remember_over(self, alert: Alert, told_at: int) -> None:
        """An alert of before a restart that is over, which some channels still have to be told."""
        post = Post(
            alert=alert, stage=len(alert.reached), told_at=told_at, told=list(alert.owed), resolved_at=alert.resolved
        )
        self._posts.setdefault(alert.id, post)

    def reopened(self, alert: Alert) -> None:
        """It fires again: told anew only if it was told already that it is over."""
        post = self._posts.get(alert.id)
        if post is None or post.closing:
            self._posts[alert.id] = Post(alert=alert, again=True)
        else:
            post.resolved_at = 0

    def again(self, alert: Alert) -> None:
        """From the beginning of its chain, as after a silence."""
        self._posts[alert.id] = Post(alert=alert, again=True)

    def escalate(self, alert: Alert) -> None:
        """On to the next channel now."""
        self._post(alert).pushed = True

    def acted(self, alert: Alert, *, proven: bool) -> None:
        """The guardian's command has ended. One that is not proven goes on to the next channel as well."""
        post = self._post(alert)
        post.alert, post.pushed = alert, post.pushed or not proven
        for channel in post.told:
            self._queue(channel, News.ACTED, post)

    def resolved(self, alert: Alert, wall: int) -> None:
        post = self._posts.get(alert.id)
        if post is not None:
            post.alert, post.resolved_at = alert, wall

    def missed(self, channel: str, messages: Iterable[Message]) -> None:
        """A channel did not take these: the next one stands in."""
        self._missed += [(channel, each) for each in messages]

    def clock_set_back(self, by: int) -> None:
        """By so many ns: all that waits goes on waiting for as long as it would have."""
        for post in self._posts.values():
            post.told_at -= by
            post.waits_until -= by
            post.resolved_at -= by if post.resolved_at else 0
        self._sent = {key: deque((wall - by for wall in sent), maxlen=AT_ONCE) for key, sent in self._sent.items()}

    # ---- what follows

    def send(self, alerts: Sequence[Alert], rules: Mapping[str, Rule], dead: frozenset[str], wall: int) -> None:
        """Everything that is due now. `alerts` are the open ones that no graver one stands for, as they are now."""
        for alert in alerts:
            self._post(alert).alert = alert
        self._stand_in_for_missed(rules, dead, wall)
        for alert in alerts:
            self._advance(self._posts[alert.id], rules.get(alert.rule), dead, wall)
        self._tell_what_is_over(wall)
        for key in list(self._due):
            self._flush(key, wall)

    def _advance(self, post: Post, rule: Rule | None, dead: frozenset[str], wall: int) -> None:
        chain = self._chain(post.alert, rule)
        state = post.alert.state_at(wall)
        if not chain or (state is AlertState.SILENCED and not post.pushed):
            return
        if post.pushed:
            post.pushed = False
            self._next(post, chain, dead, wall, News.ESCALATED if post.stage else News.FIRING)
        elif state is not AlertState.FIRING:
            return
        elif post.stage == 0:
            self._next(post, chain, dead, wall, News.AGAIN if post.again else News.FIRING)
        elif wall < post.waits_until:
            return
        elif post.stage < len(chain):
            if wall - post.told_at >= chain[post.stage - 1].escalate_after * NANOSECONDS:
                self._next(post, chain, dead, wall, News.ESCALATED)
        elif post.alert.severity == Severity.CRITICAL and wall - post.told_at >= REMIND_SECONDS * NANOSECONDS:
            self._next(post, chain, dead, wall, News.STILL)

    def _next(self, post: Post, chain: Sequence[Channel], dead: frozenset[str], wall: int, news: News) -> None:
        """Tell the next channel of the chain, the last one again at its end; a living one besides where it is dead."""
        channel = chain[min(post.stage, len(chain) - 1)].name
        post.stage, post.told_at = min(post.stage, len(chain) - 1) + 1, wall
        self._queue(channel, news, post)
        if channel in dead:
            self._stand_in(post, chain, dead, news)

    def _stand_in_for_missed(self, rules: Mapping[str, Rule], dead: frozenset[str], wall: int) -> None:
        for channel, lost in self._missed:
            for post in [self._posts[each] for each in lost.alerts if each in self._posts]:
                if lost.news is not News.RESOLVED and post.told[-1:] == [channel]:
                    post.told_at = wall
                    self._stand_in(post, self._chain(post.alert, rules.get(post.alert.rule)), dead, lost.news)
        self._missed.clear()

    def _stand_in(self, post: Post, chain: Sequence[Channel], dead: frozenset[str], news: News) -> None:
        names = dict.fromkeys(channel.name for channel in (*chain, *self._telling.channels))
        own = _own_channel(post.alert)
        found = next((name for name in names if name not in dead and name not in post.told and name != own), None)
        if found is not None:
            post.stage = max(post.stage, next((at for at, each in enumerate(chain, 1) if each.name == found), 0))
            self._queue(found, news, post)

    def _tell_what_is_over(self, wall: int) -> None:
        for post in list(self._posts.values()):
            over = post.resolved_at and wall - post.resolved_at >= self._resolved_after * NANOSECONDS
            if over and not post.closing:
                post.closing = True
                for channel in post.told:
                    self._queue(channel, News.RESOLVED, post)
                if not post.told:
                    del self._posts[post.alert.id]

    # ---- groups

    def _queue(self, channel: str, news: News, post: Post) -> None:
        waiting = self._due.setdefault((channel, post.alert.rule, news), [])
        if post.alert.id not in waiting:
            waiting.append(post.alert.id)
        if channel not in post.told:
            post.told.append(channel)

    def _flush(self, key: tuple[str, str, News], wall: int) -> None:
        """One message for all of a rule that are due at a channel, unless there were so many of late that they wait."""
        channel, rule, news = key
        sent = self._sent.setdefault((channel, rule), deque(maxlen=AT_ONCE))
        crowded = len(sent) == AT_ONCE and wall - sent[0] < CROWD_SECONDS * NANOSECONDS
        if crowded and wall - sent[-1] < GATHER_SECONDS * NANOSECONDS:
            return
        due = [self._posts[each] for each in self._due.pop(key) if each in self._posts]
        if due:
            sent.append(wall)
            self._hand_over(channel, message(self._desk, news, [post.alert for post in due], wall))
        if news is News.RESOLVED:
            self._forget(due)

    def _forget(self, over: Iterable[Post]) -> None:
        for post in over:
            waits = any(post.alert.id in waiting for waiting in self._due.values())
            if post.closing and not waits:
                self._posts.pop(post.alert.id, None)

    # ---- parts

    def _post(self, alert: Alert) -> Post:
        return self._posts.setdefault(alert.id, Post(alert=alert))

    def _chain(self, alert: Alert, rule: Rule | None) -> tuple[Channel, ...]:
        """The channels of its rule; all of them where the rule names none that there is. Never the one it is about."""
        named = [self._telling.channel(name) for name in (rule.channels if rule is not None else ())]
        chain = tuple(channel for channel in named if channel is not None) or self._telling.channels
        return tuple(channel for channel in chain if channel.name != _own_channel(alert))


def _own_channel(alert: Alert) -> str:
    """The channel that an alert about a channel is about; it cannot tell that of itself."""
    return dict(alert.scope).get("channel", "")
