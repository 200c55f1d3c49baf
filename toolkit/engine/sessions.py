"""Which trading sessions are open, as the feed itself says; never a calendar of dates and never a clock."""

from __future__ import annotations

from typing import NamedTuple

from toolkit.domain.market import SessionClosed, SessionOpened, Step
from toolkit.domain.time import FeedTime


class OpenSession(NamedTuple):
    """A session that is open: its date (ISO) and since when."""

    session: str
    opened: FeedTime


class Sessions:
    """A fold over SessionOpened and SessionClosed; a calendar of which nothing was heard is closed."""

    def __init__(self) -> None:
        self._open: dict[str, OpenSession] = {}

    def take(self, step: Step) -> None:
        for event in step.events:
            if isinstance(event, SessionOpened):
                self._open[event.calendar] = OpenSession(event.session, step.time)
            elif isinstance(event, SessionClosed):
                self._open.pop(event.calendar, None)

    def is_open(self, calendar: str) -> bool:
        """Whether the calendar is in a session as of the last step."""
        return calendar in self._open

    def session(self, calendar: str) -> str | None:
        """The date of the session that is open, or None."""
        found = self._open.get(calendar)
        return found.session if found else None

    def opened_at(self, calendar: str) -> FeedTime | None:
        """Since when the session is open, or None."""
        found = self._open.get(calendar)
        return found.opened if found else None
