"""Times as people of a desk read them: in one zone, which every page names; inside they are UTC nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from toolkit.domain.errors import ConfigError
from toolkit.domain.time import NANOSECONDS

HOUR = 3600 * NANOSECONDS


class Zone:
    """One time zone by its name, such as `Europe/Berlin`; without a name the machine's own, as the command line has it.

    ConfigError for a name that this machine does not know.
    """

    def __init__(self, name: str = "") -> None:
        self._info = _info(name) if name else None
        self.name = name

    def at(self, wall: int) -> datetime:
        """A moment on the desk's clock."""
        return datetime.fromtimestamp(wall / NANOSECONDS, UTC).astimezone(self._info)

    def label(self, wall: int) -> str:
        """`Europe/Berlin, UTC+01:00`, as it is at that moment."""
        moment = self.at(wall)
        offset = f"UTC{moment:%z}"[:6] + ":" + f"{moment:%z}"[3:5]
        name = self.name or moment.tzname() or ""
        if offset == "UTC+00:00":
            return "UTC" if name in ("", "UTC", "Etc/UTC") else f"{name}, UTC"
        return f"{name}, {offset}" if name and not name.startswith(("+", "-")) else offset

    def clock(self, wall: int, now: int) -> str:
        """The time of day, with the day where it is another one than now's; a dash for never."""
        if not wall:
            return "–"
        moment = self.at(wall)
        return f"{moment:%H:%M:%S}" if moment.date() == self.at(now).date() else f"{moment:%d %b %H:%M:%S}"

    def axis(self, walls: Iterable[int]) -> NDArray[np.float64]:
        """Milliseconds for a time axis, which knows no zones: what it shows as UTC is the desk's clock."""
        return np.fromiter(((wall + _offset(self._info, wall // HOUR)) / 1e6 for wall in walls), np.float64)


@lru_cache(maxsize=4_096)
def _offset(info: tzinfo | None, hour: int) -> int:
    moment = datetime.fromtimestamp(hour * 3600, UTC).astimezone(info)
    shift = moment.utcoffset()
    return 0 if shift is None else int(shift.total_seconds()) * NANOSECONDS


def _info(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"time zone {name!r} is not known here; write one such as Europe/Berlin, or none") from None
