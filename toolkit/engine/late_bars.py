"""Bars of sessions that are over, each held until its instrument can be traded again; it calls no hook."""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.domain.market import Quote, SessionOpened, Step
from toolkit.engine.strategy_market import Bar


class LateBars:
    """A session's bar is finished by the bell that ends trading, when nobody can act: it is told at the next open.

    That is the first good quote of its instrument in the next open session. What waits follows from the feed alone, so
    a warm-up rebuilds it. `calendars` is symbol → calendar.
    """

    def __init__(self, calendars: Mapping[str, str]) -> None:
        self._calendars = dict(calendars)
        self.waiting: dict[str, list[Bar]] = {}
        self._open: set[str] = set()

    def keep(self, bar: Bar) -> None:
        """Hold a bar whose session has just closed."""
        self.waiting.setdefault(bar.instrument, []).append(bar)

    def close(self, calendar: str) -> None:
        """A session of this calendar is over."""
        self._open.discard(calendar)

    def take(self, step: Step) -> dict[str, list[Bar]]:
        """The bars that may be told with this step, by symbol; they are held no longer."""
        told: dict[str, list[Bar]] = {}
        for event in step.events:
            if type(event) is Quote:
                waiting = event.instrument in self.waiting and self._calendars[event.instrument] in self._open
                if waiting and 0 < event.bid < event.ask:
                    told[event.instrument] = self.waiting.pop(event.instrument)
            elif isinstance(event, SessionOpened):
                self._open.add(event.calendar)
        return told
