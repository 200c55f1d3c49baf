"""What can be wrong with people's own data, in words: where it stands and the mend; nothing is mended here."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from toolkit.research.data_table import Flags, Integers

EXAMPLES: Final = 5


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of fault in one instrument: how often, the first places (file:line or row), and what to do about it.

    On an error nothing trades; a warning is for a person to judge. `times` are ns UTC of all of them, for a picture.
    """

    severity: Severity
    fault: str
    instrument: str
    count: int
    places: tuple[str, ...]
    what: str
    mend: str
    times: tuple[int, ...] = ()

    def __str__(self) -> str:
        more = f" and {self.count - len(self.places):,} more" if self.count > len(self.places) else ""
        return f"{', '.join(self.places)}{more}: {self.instrument}: {self.what}; {self.mend}"


class Rows:
    """Says where the rows of one instrument stand, and tells the flagged ones."""

    def __init__(self, instrument: str, names: tuple[str, ...], files: Integers, lines: Integers) -> None:
        self.instrument = instrument
        self._names, self._files, self._lines = names, files, lines

    def __len__(self) -> int:
        return len(self._lines)

    def only(self, chosen: Flags | Integers) -> Rows:
        """The same for some rows, or in another order."""
        return Rows(self.instrument, self._names, self._files[chosen], self._lines[chosen])

    def place(self, row: int) -> str:
        """`prices.csv:17`, or `row 17` of a frame."""
        name = self._names[int(self._files[row])]
        return f"{name}:{self._lines[row]}" if name else f"row {self._lines[row]}"

    def told(
        self, flags: Flags, times: Integers, severity: Severity, fault: str, what: str, mend: str
    ) -> Iterator[Problem]:
        """One problem of all flagged rows, or none."""
        found = np.flatnonzero(flags)
        if not len(found):
            return
        yield Problem(
            severity=severity, fault=fault, instrument=self.instrument, count=len(found),
            places=tuple(self.place(row) for row in found[:EXAMPLES]), what=what, mend=mend,
            times=tuple(int(time) for time in times[found[:200]]),
        )  # fmt: skip
