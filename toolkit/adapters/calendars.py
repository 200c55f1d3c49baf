"""Session bells of real exchanges from `exchange_calendars`, for feeds that have none of their own; no rule of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.time import FeedTime

MARGIN = timedelta(days=14)  # the package refuses a span without a session

Bell = tuple[FeedTime, SessionOpened | SessionClosed]


def bells(calendar: str, first: date, last: date) -> Iterator[Bell]:
    """The bells of each session dated `first` to `last`, holidays and half days as the exchange has them.

    `calendar` is a name that `exchange_calendars` knows, for instance XNYS or 24/7. A lunch break is no bell.
    ConfigError for an unknown name or dates that the package does not reach.
    """
    import exchange_calendars  # brings pandas: late, for whoever asks

    try:
        start, end = ((first - MARGIN).isoformat(), (last + MARGIN).isoformat())
        known = exchange_calendars.get_calendar(calendar, start=start, end=end)
    except (exchange_calendars.errors.CalendarError, ValueError) as problem:
        raise ConfigError(f"calendar {calendar!r} from {first} to {last}: {problem}") from problem
    schedule = known.schedule.loc[first.isoformat() : last.isoformat(), ["open", "close"]]
    for label, opened, closed in schedule.itertuples():
        session = label.date().isoformat()
        yield FeedTime(opened.value), SessionOpened(calendar=calendar, session=session)
        yield FeedTime(closed.value), SessionClosed(calendar=calendar, session=session)
