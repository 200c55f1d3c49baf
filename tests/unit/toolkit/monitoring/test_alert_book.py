"""Alerts are what the lines of the operations log say, whoever reads them and from wherever on."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from toolkit.monitoring.alert_book import (
    MOST_RESOLVED,
    Alert,
    AlertBook,
    AlertState,
    Did,
    alert_id,
    answer,
    book_of,
    stated,
)

SECOND = 1_000_000_000
TREND = (("strategy", "trend"),)


def alert(rule: str = "late_order", opened: int = 10 * SECOND, **changes: object) -> Alert:
    fields = {
        "severity": "critical",
        "since": opened,
        "opened": opened,
        "changed": opened,
        "scope": TREND,
        "revision": 1,
    }
    return msgspec.convert({"id": alert_id(rule, TREND, opened), "rule": rule} | fields | changes, Alert)


def line(fields: dict[str, str], wall: int = 10 * SECOND) -> dict[str, str]:
    return {**fields, "kind": "alert", "process": "monitor", "wall": str(wall)}


def opened(subject: Alert) -> dict[str, str]:
    return line(stated(subject, Did.OPENED, "6.1 s > 5 s"))


def test_an_alert_opens_and_is_resolved() -> None:
    book, late = AlertBook(), alert()
    book.hear(opened(late))
    assert book.open == (late,)
    over = msgspec.structs.replace(late, state=AlertState.RESOLVED, resolved=20 * SECOND, revision=2)
    book.hear(line(stated(over, Did.RESOLVED, "4.2 s"), 20 * SECOND))
    assert (book.open, book.resolved) == ((), (over,))
    assert [step.did for step in book.history] == [Did.RESOLVED, Did.OPENED]


def test_an_acknowledgement_says_who_and_why() -> None:
    late = alert()
    book = book_of(
        [opened(late), line(answer(Did.ACKNOWLEDGE, late.id, who="login:anna", reason="on it"), 11 * SECOND)]
    )
    found = book.open[0]
    assert (found.state, found.by, found.reason) == (AlertState.ACKNOWLEDGED, "login:anna", "on it")
    assert (book.history[0].who, book.history[0].what) == ("login:anna", "on it")


def test_a_silenced_alert_still_shows_and_fires_again_when_the_silence_is_over() -> None:
    late = alert()
    said = answer(Did.SILENCE, late.id, who="login:anna", reason="known", until=60 * SECOND)
    found = book_of([opened(late), line(said, 11 * SECOND)]).open[0]
    assert found.state_at(59 * SECOND) is AlertState.SILENCED
    assert found.state_at(60 * SECOND) is AlertState.FIRING


def test_what_the_monitor_says_later_does_not_undo_an_answer_that_it_had_not_heard() -> None:
    late = alert()
    worse = msgspec.structs.replace(late, value=9.0, revision=2)
    book = book_of(
        [
            opened(late),
            line(answer(Did.ACKNOWLEDGE, late.id, who="login:anna", reason="on it"), 11 * SECOND),
            line(stated(worse, Did.UPDATED, "9 s > 5 s"), 12 * SECOND),
        ]
    )
    assert (book.open[0].state, book.open[0].value) == (AlertState.ACKNOWLEDGED, 9.0)


def test_an_escalation_leaves_the_state_and_says_when() -> None:
    late = alert()
    said = answer(Did.ESCALATE, late.id, who="unix:bob", reason="nobody looks")
    found = book_of([opened(late), line(said, 11 * SECOND)]).open[0]
    assert (found.state, found.escalated) == (AlertState.FIRING, 11 * SECOND)


def test_an_answer_to_what_is_over_or_unknown_says_nothing() -> None:
    late = alert()
    over = msgspec.structs.replace(late, state=AlertState.RESOLVED, resolved=20 * SECOND, revision=2)
    book = book_of([opened(late), line(stated(over, Did.RESOLVED, ""))])
    for subject in (late.id, "NOBODY"):
        assert book.hear(line(answer(Did.ACKNOWLEDGE, subject, who="login:anna", reason="on it"), 30 * SECOND)) is None
    assert book.resolved == (over,)


def test_lines_that_nobody_can_read_are_passed_over() -> None:
    book, late = AlertBook(), alert()
    good = opened(late)
    for broken in (
        {**good, "facts": "{"},
        {**good, "did": "danced"},
        {**good, "wall": "now"},
        {**good, "kind": "log"},
        {},
    ):
        assert book.hear(broken) is None
    assert book.hear(good) == late


def test_critical_alerts_come_first_and_of_these_the_newest() -> None:
    lines = [opened(alert("disk", severity="warning")), opened(alert("a", 11)), opened(alert("b", 12))]
    assert [found.rule for found in book_of(lines).open] == ["b", "a", "disk"]


def test_an_id_is_found_by_its_beginning_and_by_its_scope() -> None:
    late = alert()
    book = book_of([opened(late)])
    assert book.matching(late.id[:3].lower()) == (late,)
    assert book.open_in("late_order", TREND) == late
    assert book.open_in("late_order", ()) is None


def test_the_book_stays_small() -> None:
    book = AlertBook()
    for number in range(3 * MOST_RESOLVED):
        late = alert(opened=number + 1)
        over = msgspec.structs.replace(late, state=AlertState.RESOLVED, resolved=number + 2, revision=2)
        book.hear(opened(late))
        book.hear(line(stated(over, Did.RESOLVED, "")))
    assert len(book.resolved) == MOST_RESOLVED
    assert book.resolved[0].resolved == 3 * MOST_RESOLVED + 1


@given(st.data())
def test_a_log_whose_beginning_is_gone_gives_the_same_open_alerts(data: st.DataObject) -> None:
    """Each line of the monitor carries the whole alert, so the last one about each of them is enough."""
    lines, alerts = [], {}
    for wall in range(1, data.draw(st.integers(1, 12))):
        rule = data.draw(st.sampled_from("abc"))
        before = alerts.get(rule) or alert(rule)
        alerts[rule] = msgspec.structs.replace(before, value=float(wall), revision=before.revision + 1, changed=wall)
        lines.append(line(stated(alerts[rule], Did.UPDATED, ""), wall))
    newest = {each["rule"]: each for each in lines}
    first = min((lines.index(each) for each in newest.values()), default=0)
    assert set(book_of(lines[first:]).open) == set(alerts.values()) == set(book_of(lines + lines).open)
