"""An alert from its opening to its end: told, gone on, acted on, answered, remembered; with fakes that record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from execution.services.alerting import AGAIN_SECONDS, CHANNEL_SILENT, SETTLE_SECONDS, AlertDesk
from execution.services.guardian import WAITS, Done, Verdict
from execution.services.outbox import AT_ONCE, RESOLVED_AFTER_SECONDS
from execution.services.telling import Report
from tests.tools.alert_kit import CHAIN, rule
from toolkit.domain.time import WallTime
from toolkit.monitoring.alert_book import Alert, AlertState, Did, answer
from toolkit.monitoring.channels import Channel, Telling
from toolkit.monitoring.evaluation import Firing
from toolkit.monitoring.messages import Desk, Message, News
from toolkit.monitoring.rules import Action, Rule

START = 1_800_000_000_000_000_000
TREND = (("strategy", "trend"),)


class Hall:
    """A desk of alerts whose log, channels, guardian and clock are the test's."""

    def __init__(self, *rules: Rule, channels: tuple[str, ...] = CHAIN, remembered: Any = None, wall: int = 0) -> None:
        self.rules = {each.name: each for each in rules or (rule(),)}
        self.lines: list[dict[str, str]] = []
        self.sent: list[tuple[str, Message]] = []
        self.reported: list[Report] = []
        self.considered: list[Alert] = []
        self.backs: list[int] = []
        self.verdict = Verdict(True, "entries of strategy trend are halted (asked for)", given=True)
        self.ended: list[Done] = []
        self.wall = wall or (START if remembered is None else START + 3600 * 10**9)
        telling = Telling(
            channels=tuple(Channel(name=name, address="json://x", escalate_after=300) for name in channels)
        )
        self.desk = AlertDesk(
            self.rules.values(), telling, Desk(name="demo", kind="paper"), log=self.log, guard=self, sender=self,
            started=self.wall,
        )  # fmt: skip
        if remembered is not None:
            self.desk.recall(remembered, WallTime(self.wall))

    def log(self, line: Mapping[str, str], wall: int) -> None:
        self.lines.append({**line, "kind": "alert", "process": "monitor", "wall": str(wall)})

    def tell(self, channel: str, message: Message) -> None:
        self.sent.append((channel, message))
        if not any(report.channel == channel and report.problem for report in self.reported):
            self.reported.append(Report(channel, (message,), ""))

    def reports(self) -> tuple[Report, ...]:
        found, self.reported = tuple(self.reported), []
        return found

    def remember(self, alert: Alert, action: Action) -> None:
        self.considered.append(alert)

    def clock_set_back(self, by: int) -> None:
        self.backs.append(by)

    def consider(self, alert: Alert, rule: Rule, wall: int) -> Verdict:
        self.considered.append(alert)
        return self.verdict

    def done(self) -> tuple[Done, ...]:
        found, self.ended = tuple(self.ended), []
        return found

    # ---- what a test says

    def fires(self, *scopes: str, of: str = "late_order", value: float = 6.1) -> tuple[Firing, ...]:
        return tuple(
            Firing(
                rule=self.rules[of], scope=(("strategy", each),), value=value, threshold=5.0, since=WallTime(self.wall)
            )
            for each in scopes or ("trend",)
        )

    def look(self, *firings: Firing, after: float = 0.25) -> list[tuple[str, Message]]:
        """Some seconds later: what was sent with this look."""
        self.wall += int(after * 1e9)
        before = len(self.sent)
        self.desk.take(firings, WallTime(self.wall))
        return self.sent[before:]

    def said(self, deed: Did, alert: Alert, until: float = 0.0) -> None:
        line = answer(deed, alert.id, who="login:anna", reason="on it", until=self.wall + int(until * 1e9))
        self.desk.hear({**line, "kind": "alert", "process": "people", "wall": str(self.wall)}, WallTime(self.wall))

    @property
    def only(self) -> Alert:
        (found,) = self.desk.book.open
        return found


def channels(sent: list[tuple[str, Message]]) -> list[str]:
    return [channel for channel, _ in sent]


def test_an_alert_is_told_at_once_and_once() -> None:
    hall = Hall()
    ((channel, message),) = hall.look(*hall.fires())
    assert channel == "chat"
    assert message.alerts == (hall.only.id,)
    assert hall.look(*hall.fires()) == []
    assert hall.only.reached == ("chat",)


def test_it_is_over_when_it_no_longer_fires_and_that_is_told_once_it_stays_so() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    assert hall.look() == []
    assert hall.desk.book.open == ()
    ((channel, message),) = hall.look(after=RESOLVED_AFTER_SECONDS)
    assert (channel, message.news) == ("chat", News.RESOLVED)
    assert hall.look(after=RESOLVED_AFTER_SECONDS) == []


def test_that_it_is_over_is_told_by_the_next_monitor_where_this_one_dies_before_and_once() -> None:
    before = Hall()
    before.look(*before.fires())
    before.look()  # hears that the message was taken, and that it is over
    dead = RESOLVED_AFTER_SECONDS - 1
    after = Hall(remembered=before.lines, wall=before.wall + dead * 10**9)
    assert after.look(after=0.5) == [], "it may come back"
    ((channel, message),) = after.look(after=1)
    assert (channel, message.news, message.alerts) == ("chat", News.RESOLVED, (before.desk.book.resolved[0].id,))
    after.look()  # hears that this was taken, too
    assert Hall(remembered=[*before.lines, *after.lines]).look(after=RESOLVED_AFTER_SECONDS) == []


def test_a_channel_that_did_not_take_that_it_is_over_is_told_by_the_next_monitor() -> None:
    before = Hall()
    before.look(*before.fires())
    before.look(*before.fires(), after=300)  # the phone as well
    before.look()
    before.look(after=RESOLVED_AFTER_SECONDS)
    before.reported = [each for each in before.reported if each.channel == "chat"]
    before.look()
    assert channels(Hall(remembered=before.lines).look()) == ["phone"]


def test_what_fires_again_after_a_restart_is_not_told_to_be_over() -> None:
    before = Hall()
    before.look(*before.fires())
    before.look()
    after = Hall(remembered=before.lines, wall=before.wall + 10**9)
    assert after.look(*after.fires()) == []
    assert after.look(*after.fires(), after=RESOLVED_AFTER_SECONDS) == []


def test_what_flaps_is_one_alert_and_one_message() -> None:
    hall = Hall()
    sent = [message for _ in range(20) for message in hall.look(*hall.fires()) + hall.look()]
    assert len(sent) == 1
    assert hall.desk.book.resolved[0].times == 20


def test_what_comes_back_after_a_while_is_another_alert() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    first = hall.only.id
    hall.look()
    hall.look(after=AGAIN_SECONDS + 1)
    hall.look(*hall.fires())
    assert hall.only.id != first


def test_nobody_acknowledges_so_it_goes_on_to_the_next_channel_after_its_time() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    assert hall.look(*hall.fires(), after=299) == []
    assert channels(hall.look(*hall.fires(), after=1)) == ["phone"]
    assert channels(hall.look(*hall.fires(), after=300)) == ["mail"]
    assert hall.look(*hall.fires(), after=300) == []


def test_an_acknowledged_alert_goes_on_to_nobody_and_still_shows() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    hall.said(Did.ACKNOWLEDGE, hall.only)
    assert hall.look(*hall.fires(), after=3000) == []
    assert (hall.only.state, hall.only.by) == (AlertState.ACKNOWLEDGED, "login:anna")


def test_a_silenced_alert_is_not_told_still_shows_and_is_told_when_the_silence_ends() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    hall.said(Did.SILENCE, hall.only, until=600)
    assert hall.look(*hall.fires(), after=599) == []
    assert hall.only.state is AlertState.SILENCED
    assert channels(hall.look(*hall.fires(), after=2)) == ["chat"]
    assert hall.only.state is AlertState.FIRING


def test_a_person_sends_it_on_to_the_next_channel_even_when_acknowledged() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    hall.said(Did.ACKNOWLEDGE, hall.only)
    hall.said(Did.ESCALATE, hall.only)
    ((channel, message),) = hall.look(*hall.fires())
    assert (channel, message.news) == ("phone", News.ESCALATED)


def test_many_of_a_rule_are_one_message() -> None:
    hall = Hall()
    ((_, message),) = hall.look(*hall.fires(*(f"s{number}" for number in range(40))))
    assert len(message.alerts) == 40
    assert "execution alerts ack late_order --reason" in message.body


def test_a_storm_of_one_rule_is_gathered_and_nothing_of_it_is_lost() -> None:
    hall = Hall()
    names: list[str] = []
    sent = []
    for number in range(80):  # 20 s, four new ones a second
        names.append(f"s{number}")
        sent += hall.look(*hall.fires(*names))
    sent += hall.look(*hall.fires(*names), after=10)
    assert len(sent) <= AT_ONCE + 3
    assert {alert for _, message in sent for alert in message.alerts} == {alert.id for alert in hall.desk.book.open}


def test_a_graver_alert_speaks_for_those_that_it_inhibits_until_it_is_over() -> None:
    hall = Hall(rule("engine_silent", by=(), inhibits=("late_order",)), rule())
    silent = Firing(rule=hall.rules["engine_silent"], scope=(), value=1, threshold=0, since=WallTime(START))
    sent = hall.look(silent, *hall.fires())
    assert [message.alerts for _, message in sent] == [(hall.desk.book.open_in("engine_silent", ()).id,)]
    assert len(hall.desk.book.open) == 2, "it still shows"
    ((_, message),) = hall.look(*hall.fires())
    assert message.alerts == (hall.only.id,)


def test_a_restart_remembers_and_tells_nothing_twice() -> None:
    before = Hall()
    before.look(*before.fires())
    before.said(Did.ACKNOWLEDGE, before.only)
    before.look(*before.fires(), after=700)  # restated, with the answer
    after = Hall(remembered=before.lines)
    assert after.look(*after.fires()) == []
    assert (after.only.id, after.only.state) == (before.only.id, AlertState.ACKNOWLEDGED)


def test_a_monitor_that_is_started_anew_again_and_again_puts_off_no_escalation() -> None:
    hall = Hall()
    for _ in range(2):
        hall.look(*hall.fires())
    lines, began = hall.lines, hall.wall
    for minutes in (2, 4, 6):
        hall = Hall(remembered=lines, wall=began + minutes * 60 * 10**9)
        assert hall.look(*hall.fires()) == [], "it may be over: nobody knows yet"
        lines = [*lines, *hall.lines]
    assert channels(hall.look(*hall.fires(), after=SETTLE_SECONDS)) == ["phone"]


def test_what_a_person_sent_on_while_no_monitor_ran_goes_on_with_the_next_one_and_once() -> None:
    before = Hall()
    for _ in range(2):
        before.look(*before.fires())
    asked = answer(Did.ESCALATE, before.only.id, who="login:anna", reason="I cannot reach my desk")
    lines = [*before.lines, {**asked, "kind": "alert", "process": "people", "wall": str(before.wall + 1)}]
    after = Hall(remembered=lines)
    assert channels(after.look(*after.fires())) == ["phone"]
    after.look(*after.fires())
    again = Hall(remembered=[*lines, *after.lines])
    assert again.look(*again.fires()) == []


def test_after_a_restart_an_alert_is_not_over_before_the_windows_are_full_again() -> None:
    before = Hall()
    for _ in range(2):  # the second look hears that the message was taken
        before.look(*before.fires())
    after = Hall(remembered=before.lines)
    assert after.look(after=SETTLE_SECONDS - 1) == []
    assert after.only.id == before.only.id
    after.look(after=2)
    assert after.desk.book.open == ()


def test_after_a_restart_a_share_of_fifteen_minutes_is_not_over_before_fifteen_minutes_were_seen() -> None:
    plain = rule()
    windowed = msgspec.structs.replace(
        plain, watches=(msgspec.structs.replace(plain.watches[0], window=900.0),), for_seconds=5.0
    )  # fmt: skip
    before = Hall(windowed)
    before.look(*before.fires())
    after = Hall(windowed, remembered=before.lines)
    after.look(after=SETTLE_SECONDS + 904)
    assert after.only.id == before.only.id
    after.look(after=2)
    assert after.desk.book.open == ()


def test_what_was_opened_while_the_log_was_away_takes_the_place_of_what_the_log_remembers() -> None:
    before, after = Hall(), Hall()
    before.look(*before.fires())
    after.wall += 10**9
    after.look(*after.fires())
    mine = after.only.id
    after.desk.recall(before.lines, WallTime(after.wall))
    assert after.only.id == mine
    assert after.desk.book.resolved[0].id == before.lines[0]["id"]


def test_the_action_and_how_it_ended_stand_in_the_message() -> None:
    hall = Hall(rule(action=Action.HALT_ENTRIES))
    ((_, message),) = hall.look(*hall.fires())
    assert "action: entries of strategy trend are halted (asked for)" in message.body
    hall.ended.append(Done(hall.only.id, proven=True, words="entries of strategy trend are halted: proven (event 7)"))
    ((channel, message),) = hall.look(*hall.fires())
    assert (channel, message.news) == ("chat", News.ACTED)
    assert "proven (event 7)" in message.body
    assert len(hall.considered) == 1, "asked for once"


def test_a_stop_that_is_not_proven_goes_on_to_the_next_channel_at_once() -> None:
    hall = Hall(rule(action=Action.KILL))
    hall.look(*hall.fires())
    hall.ended.append(Done(hall.only.id, proven=False, words="NOT PROVEN: venue paper does not answer"))
    assert channels(hall.look(*hall.fires())) == ["chat", "phone"]


def test_a_restart_knows_what_the_guardian_did() -> None:
    before = Hall(rule(action=Action.HALT_ENTRIES))
    before.look(*before.fires())
    before.ended.append(Done(before.only.id, proven=True, words="entries of strategy trend are halted: proven"))
    before.look(*before.fires())
    after = Hall(rule(action=Action.HALT_ENTRIES), remembered=before.lines)
    after.look(*after.fires())
    assert [alert.command for alert in after.considered] == ["halt_entries"], "remembered, not given again"


def test_a_command_whose_end_nobody_heard_is_given_again_by_the_next_monitor() -> None:
    before = Hall(rule(action=Action.KILL))
    before.look(*before.fires())
    assert before.only.action.endswith("(asked for)")
    after = Hall(rule(action=Action.KILL), remembered=before.lines)
    for _ in range(3):
        after.look(*after.fires())
    assert [alert.id for alert in after.considered] == [before.only.id], "once"


def test_a_command_that_has_to_wait_says_so_and_is_given_when_its_minute_is_over() -> None:
    hall = Hall(rule(action=Action.KILL))
    hall.verdict = Verdict(False, f"{WAITS}strategy trend had a command less than 60 s ago")
    ((_, message),) = hall.look(*hall.fires())
    assert "action: waits: strategy trend had a command" in message.body
    lines = len(hall.lines)
    for _ in range(3):
        hall.look(*hall.fires())
    assert len(hall.lines) == lines + 1, "told, and no line for each look"
    again = Hall(rule(action=Action.KILL), remembered=hall.lines)
    for each in (hall, again):  # a restart in between or not
        each.verdict = Verdict(True, "strategy trend is killed (asked for)", given=True)
        each.look(*each.fires())
        assert each.only.command == "kill"


@pytest.mark.parametrize("words", [f"{WAITS}strategy trend had a command", "strategy trend is killed (asked for)"])
def test_after_a_restart_nothing_is_done_about_what_is_over_though_it_is_open_still(words: str) -> None:
    before = Hall(rule(action=Action.KILL))
    before.verdict = Verdict(not words.startswith(WAITS), words)
    before.look(*before.fires())
    after = Hall(rule(action=Action.KILL), remembered=before.lines)
    for _ in range(3):
        after.look()
    assert after.only.action == words
    assert after.considered == []
    after.look(*after.fires())
    assert [alert.id for alert in after.considered] == [before.only.id], "it holds after all"


# ---- channels that fail


def test_a_dead_channel_is_stood_in_for_and_alarmed_by_the_next() -> None:
    hall = Hall()
    sent = hall.look(*hall.fires())
    hall.reported = [Report("chat", (sent[0][1],), "refused")]
    ((channel, message),) = hall.look(*hall.fires())
    assert (channel, message.alerts) == ("phone", (sent[0][1].alerts))
    ((channel, message),) = hall.look(*hall.fires(), after=3)
    assert channel == "phone"
    assert CHANNEL_SILENT in message.title
    hall.reported.append(Report("chat", (), ""))
    hall.look(*hall.fires())
    assert [alert.rule for alert in hall.desk.book.open] == ["late_order"]


def test_what_opens_while_its_channel_is_dead_goes_to_both() -> None:
    hall = Hall()
    hall.reported = [Report("chat", (), "refused")]
    hall.look()
    hall.reported = [Report("chat", (), "refused")]
    assert channels(hall.look(*hall.fires())) == ["chat", "phone"]


def test_with_every_channel_dead_everything_waits_and_the_log_has_it() -> None:
    hall = Hall()
    hall.reported = [Report(name, (), "refused") for name in CHAIN]
    sent = hall.look(*hall.fires())
    assert channels(sent) == ["chat"]
    assert [line["did"] for line in hall.lines] == ["opened"]


def test_a_desk_without_channels_keeps_its_alerts_all_the_same() -> None:
    hall = Hall(channels=())
    assert hall.look(*hall.fires()) == []
    assert hall.only.rule == "late_order"


@pytest.mark.parametrize("summary", ["{nobody} knows", "{0}", "{value:%}"])
def test_a_sentence_that_cannot_be_filled_in_stands_as_it_is(summary: str) -> None:
    hall = Hall(rule(summary=summary))
    hall.look(*hall.fires())
    assert hall.only.summary == summary


def test_the_value_is_told_as_it_is_now_and_noted_only_now_and_then() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    for number in range(100):
        hall.look(*hall.fires(value=7.0 + number))
    assert len([line for line in hall.lines if line["did"] == "updated"]) == 0
    hall.look(*hall.fires(value=200.0), after=60)
    assert hall.only.value == 200.0
    assert msgspec.json.decode(hall.lines[-1]["facts"])["value"] == 200.0


# ---- a clock that is set back


BACK = -3_600.0
"""By an hour, from one look to the next."""


def test_what_opens_after_the_clock_was_set_back_is_over_when_it_is_over() -> None:
    hall = Hall()
    hall.look()
    hall.look(after=BACK)
    hall.look(*hall.fires())
    hall.look(after=1)
    assert hall.desk.book.open == ()
    assert hall.backs == [3_600 * 10**9], "the guardian hears of it"


def test_it_goes_on_to_the_next_channel_after_its_time_though_the_clock_is_set_back_meanwhile() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    assert hall.look(*hall.fires(), after=BACK) == []
    assert hall.look(*hall.fires(), after=299) == []
    assert channels(hall.look(*hall.fires(), after=1)) == ["phone"]


def test_that_it_is_over_and_what_is_gathered_is_told_though_the_clock_is_set_back_meanwhile() -> None:
    hall = Hall()
    names = [f"s{number}" for number in range(AT_ONCE + 1)]
    for count in range(AT_ONCE + 1):
        hall.look(*hall.fires(*names[: count + 1]))
    assert hall.look(*hall.fires(*names), after=BACK) == []
    ((_, message),) = hall.look(*hall.fires(*names), after=11)
    assert len(message.alerts) == 1
    hall.look()
    hall.look(after=BACK)
    assert [message.news for _, message in hall.look(after=RESOLVED_AFTER_SECONDS)] == [News.RESOLVED]


def test_a_dead_channel_is_alarmed_though_the_clock_is_set_back_meanwhile() -> None:
    hall = Hall()
    hall.reported = [Report("chat", (), "refused")]
    hall.look()
    hall.look(after=BACK)
    hall.look(after=3)
    assert [alert.rule for alert in hall.desk.book.open] == [CHANNEL_SILENT]


def test_what_fires_again_long_after_it_was_over_is_another_alert_though_the_clock_was_set_back() -> None:
    hall = Hall()
    hall.look(*hall.fires())
    first = hall.only.id
    hall.look()
    hall.look(after=BACK)
    hall.look(after=AGAIN_SECONDS + 1)
    assert channels(hall.look(*hall.fires())) == ["chat"]
    assert hall.only.id != first
    hall.look()
    hall.look(*hall.fires())
    assert hall.only.times == 2, "by the clock as it is now it flaps"
