from datetime import UTC, date, datetime

import pytest

from toolkit.adapters.calendars import bells
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import SessionClosed, SessionOpened, Step
from toolkit.domain.time import FeedTime
from toolkit.engine.sessions import Sessions


def told(calendar: str, first: date, last: date) -> list[tuple[str, str, str]]:
    return [
        (datetime.fromtimestamp(int(time) / 1e9, UTC).strftime("%d %H:%M"), type(event).__name__, event.session)
        for time, event in bells(calendar, first, last)
    ]


def test_a_holiday_has_no_bell_and_a_half_day_an_early_one() -> None:
    """Thanksgiving 2013 fell on the 28th of November; on the 29th New York closed at 13:00."""
    assert told("XNYS", date(2013, 11, 27), date(2013, 11, 30)) == [
        ("27 14:30", "SessionOpened", "2013-11-27"),
        ("27 21:00", "SessionClosed", "2013-11-27"),
        ("29 14:30", "SessionOpened", "2013-11-29"),
        ("29 18:00", "SessionClosed", "2013-11-29"),
    ]


def test_bells_follow_summer_time() -> None:
    assert [time for time, *_ in told("XNYS", date(2024, 3, 8), date(2024, 3, 11))] == [
        "08 14:30", "08 21:00", "11 13:30", "11 20:00",
    ]  # fmt: skip


def test_a_market_that_never_closes_opens_as_it_closes() -> None:
    times = [time for time, *_ in told("24/7", date(2024, 1, 6), date(2024, 1, 7))]
    assert times == ["06 00:00", "07 00:00", "07 00:00", "08 00:00"]


def test_the_bells_open_and_close_the_sessions_of_the_engine() -> None:
    sessions = Sessions()
    seen = []
    for number, (time, event) in enumerate(bells("XNYS", date(2013, 11, 29), date(2013, 11, 29)), start=1):
        sessions.take(Step(number=number, time=time, label="x", events=(event,)))
        seen.append((sessions.is_open("XNYS"), sessions.session("XNYS")))
    assert seen == [(True, "2013-11-29"), (False, None)]


def test_calendars_do_not_open_each_other() -> None:
    sessions = Sessions()
    sessions.take(
        Step(number=1, time=FeedTime(5), label="x", events=(SessionOpened(calendar="A", session="2020-01-02"),))
    )
    sessions.take(
        Step(number=2, time=FeedTime(6), label="x", events=(SessionClosed(calendar="B", session="2020-01-02"),))
    )
    assert (sessions.is_open("A"), sessions.is_open("B"), sessions.opened_at("A")) == (True, False, FeedTime(5))


@pytest.mark.parametrize(
    ("calendar", "day"), [("XNEW", date(2024, 1, 2)), ("XNYS", date(1600, 1, 2))], ids=["unknown", "too early"]
)
def test_what_the_package_does_not_know_is_refused(calendar: str, day: date) -> None:
    with pytest.raises(ConfigError, match=f"calendar '{calendar}' from {day} to {day}: "):
        list(bells(calendar, day, day))


def test_a_weekend_has_no_bell() -> None:
    assert told("XNYS", date(2013, 11, 30), date(2013, 12, 1)) == []
