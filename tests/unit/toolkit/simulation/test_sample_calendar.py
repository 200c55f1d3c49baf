from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from toolkit.simulation.sample_calendar import NANOSECONDS, OPEN_SECOND, new_york_time, weekday_after


def test_the_written_out_rule_of_new_york_equals_the_time_zone_tables() -> None:
    zone = ZoneInfo("America/New_York")
    for day in range(date(1990, 1, 1).toordinal(), date(2037, 1, 1).toordinal()):
        bell = datetime.fromordinal(day).replace(hour=9, minute=30, tzinfo=zone)
        assert int(new_york_time(day, OPEN_SECOND)) == int(bell.timestamp()) * NANOSECONDS


def test_dates_count_on_over_weekdays_alone() -> None:
    start = date(2013, 3, 1)
    assert start.strftime("%A") == "Friday"
    weekdays = [day for n in range(1, 60) if (day := start + timedelta(days=n)).isoweekday() < 6]
    counted = [date.fromordinal(weekday_after(start.toordinal(), count)) for count in range(1, len(weekdays) + 1)]
    assert counted == weekdays


def test_from_any_day_the_next_weekday_is_later_and_never_a_weekend() -> None:
    for day in range(734_000, 734_014):
        following = [weekday_after(day, count) for count in range(1, 12)]
        assert following == sorted(set(following))
        assert following[0] > day
        assert all(date.fromordinal(found).isoweekday() < 6 for found in following)


def test_the_bell_is_half_past_nine_in_winter_and_summer() -> None:
    def bell(day: date) -> datetime:
        return datetime.fromtimestamp(int(new_york_time(day.toordinal(), OPEN_SECOND)) / NANOSECONDS, UTC)

    assert bell(date(2013, 1, 2)).hour == 14
    assert bell(date(2012, 7, 2)).hour == 13
