"""Alerts on the command line: found by id, by its beginning or by rule; a slip is answered with the nearest name."""

from __future__ import annotations

import pytest

from execution.commands.alerts import _named, _seconds, show_open
from execution.commands.desk import Stop
from toolkit.monitoring.alert_book import Alert, AlertState, Did, book_of, stated

TREND, MEAN = (("strategy", "trend"),), (("strategy", "mean"),)


def alert(identifier: str, rule: str, **changes: object) -> dict[str, str]:
    fields = {"severity": "warning", "since": 1, "opened": 1, "changed": 1, "revision": 1}
    made = Alert(id=identifier, rule=rule, **{**fields, **changes})  # the fields are those of an alert
    return {**stated(made, Did.OPENED, ""), "kind": "alert", "wall": "1"}


BOOK = book_of(
    [
        alert("AAA222", "late_order", scope=TREND), alert("AAB333", "late_order", scope=MEAN), alert("CCC444", "disk"),
        alert("DDD555", "clock", state=AlertState.RESOLVED, resolved=2),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [("AAA222", {"AAA222"}), ("c", {"CCC444"}), ("aab", {"AAB333"}), ("late_order", {"AAA222", "AAB333"})],
)
def test_an_alert_is_named_by_id_by_its_beginning_or_by_rule(name: str, found: set[str]) -> None:
    assert {each.id for each in _named(BOOK, name)} == found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AA", "begins AAA222, AAB333; type one more letter"),
        ("DDD555", r"\(clock\) is over since"),
        ("late_ordr", "did you mean 'late_order'"),
        ("AAZ999", "no alert 'AAZ999'"),
    ],
)
def test_a_slip_is_answered_with_what_there_is(name: str, words: str) -> None:
    with pytest.raises(Stop, match=words):
        _named(BOOK, name)


def test_status_names_what_is_open_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    show_open(BOOK)
    shown = capsys.readouterr().out
    assert [each for each in ("AAA222", "AAB333", "CCC444", "DDD555") if each in shown] == [
        "AAA222",
        "AAB333",
        "CCC444",
    ]
    show_open(book_of([]))
    assert capsys.readouterr().out == ""


def test_where_nothing_fires_that_is_said() -> None:
    with pytest.raises(Stop, match="nothing fires"):
        _named(book_of([]), "AAA222")


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1_800), ("2h", 7_200), ("1.5d", 129_600), ("45s", 45)])
def test_a_silence_lasts_as_long_as_said(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "forever", "8d", "0m", "-1h", "2 weeks"])
def test_a_silence_has_an_end(text: str) -> None:
    with pytest.raises(Stop, match="silence"):
        _seconds(text)
