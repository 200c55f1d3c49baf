"""The sample's own clock: weekday sessions from 09:30 to 16:00 in New York, for ever; it never asks what day it is.

Half days and holidays of the real exchange are not imitated: a bar is a full session on the date that it has, and
dates past the last bar are simply the weekdays that follow.
"""

from __future__ import annotations

from datetime import date

from toolkit.domain.time import NANOSECONDS, FeedTime

EPOCH_DAY = date(1970, 1, 1).toordinal()
DAY_SECONDS = 86_400
OPEN_SECOND = 9 * 3_600 + 30 * 60
CLOSE_SECOND = 16 * 3_600


def weekday_after(day: int, count: int) -> int:
    """The ordinal of the `count`-th weekday (Monday to Friday) after the ordinal `day`."""
    weekday = min((day - 1) % 7, 4)
    monday = day - (day - 1) % 7
    weeks, left = divmod(weekday + count, 5)
    return monday + 7 * weeks + left


def new_york_time(day: int, second: int) -> FeedTime:
    """Nanoseconds UTC of a second after local midnight on the ordinal `day`, away from the hour of a change (01–03)."""
    utc = (day - EPOCH_DAY) * DAY_SECONDS + second + _hours_behind(day) * 3_600
    return FeedTime(utc * NANOSECONDS)


def _hours_behind(day: int) -> int:
    """4 in summer, 5 in winter, by the law of 2005 from 2007 on, by that of 1986 before.

    Written out rather than asked of the machine's time zone tables, so that a feed is the same on every machine.
    """
    year = date.fromordinal(day).year
    if year >= 2007:
        start, end = _sunday_from(date(year, 3, 8)), _sunday_from(date(year, 11, 1))
    else:
        start, end = _sunday_from(date(year, 4, 1)), _sunday_from(date(year, 10, 25))
    return 4 if start <= day < end else 5


def _sunday_from(first: date) -> int:
    day = first.toordinal()
    return day + -day % 7
