"""Which span of time a view shows, as its address says it: so long, up to a moment; and which one an incident needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from toolkit.domain.time import NANOSECONDS

SPANS: Final[Mapping[str, int]] = {
    "15min": 15 * 60, "1h": 3_600, "4h": 4 * 3_600, "1d": 86_400, "7d": 7 * 86_400, "all": 0,
}  # fmt: skip
"""How far back a view looks, in seconds; 0: as far as anything is kept."""
MINUTE: Final = 60 * NANOSECONDS
BEFORE: Final = 5 * MINUTE
"""How much is shown of what came before an incident, and of what came after one that is over."""
GOES_ON: Final = 30 * MINUTE
"""How much room is left to one that is not over."""
LAST: Final = 2**32
"""Seconds since 1970. A clock of another zone cannot tell all moments that can be written."""
FORM: Final = "%Y-%m-%dT%H:%M:%SZ"


def written(moment: int) -> str:
    """A moment (UTC ns) as an address has it, to the second."""
    return f"{datetime.fromtimestamp(moment // NANOSECONDS, UTC):{FORM}}"


def read(text: str) -> int:
    """The same the other way; 0 for what is none, or one that no desk has seen or will see."""
    try:
        seconds = int(datetime.strptime(text, FORM).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0
    return seconds * NANOSECONDS if 0 < seconds < LAST else 0


def around(since: int, wall: int, *, is_over: bool) -> tuple[str, int]:
    """The shortest span that shows an incident with what led to it, and the moment (UTC ns) up to which it goes.

    Of one that is not over that moment is yet to come: until then the page goes on. Whole minutes, so that a link does
    not change with each second.
    """
    until = -(-(wall + (BEFORE if is_over else GOES_ON)) // MINUTE) * MINUTE
    wanted = until - since + BEFORE
    return next((name for name, seconds in SPANS.items() if seconds * NANOSECONDS >= wanted), "all"), until
