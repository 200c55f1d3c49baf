"""What was traded at a venue, day by day, for fees that fall with it; what a fill costs then stands in `fees`."""

from __future__ import annotations

from typing import Final

from toolkit.domain.time import FeedTime

DAY: Final = 86_400_000_000_000
DAYS: Final = 30


class Volumes:
    """Value traded by currency and UTC day, in quanta; `days` is all of the state."""

    def __init__(self) -> None:
        self.days: dict[str, dict[int, int]] = {}
        self._counted: dict[str, tuple[int, int]] = {}

    def before(self, currency: str, time: FeedTime) -> int:
        """What the 30 whole days before that of `time` saw: the tier of a day is set at its midnight and then stays."""
        day = int(time) // DAY
        known = self._counted.get(currency)
        if known is not None and known[0] == day:
            return known[1]
        traded = self.days.get(currency, {})
        for old in [one for one in traded if one < day - DAYS]:
            del traded[old]
        total = sum(value for one, value in traded.items() if one < day)
        self._counted[currency] = day, total
        return total

    def note(self, currency: str, value: int, time: FeedTime) -> None:
        """A trade. One that a venue takes back later stays counted."""
        day = int(time) // DAY
        traded = self.days.setdefault(currency, {})
        traded[day] = traded.get(day, 0) + value
