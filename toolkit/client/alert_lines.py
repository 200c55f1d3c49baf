"""The lines of a desk's operations log that are about alerts, for everyone who looks; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from toolkit.client.books import Books

NEWEST: Final = 20_000
"""Lines that are looked at first. Open alerts are stated again every ten minutes, so that they are among these."""
ALERT: Final = "alert"


class AlertLines:
    """`new` again and again: what there is, then what was added. One thread uses one of these."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._position = ""

    def new(self) -> tuple[Mapping[str, str], ...]:
        """Oldest first. TransportError when the journal server, which keeps the log, is away."""
        journal = self._books.journal()
        try:
            found = list(journal.operations(NEWEST) if not self._position else ())
            while more := journal.operations_after(found[-1][0] if found else self._position or "0-0"):
                found += more
        finally:
            journal.close()
        self._position = found[-1][0] if found else self._position
        return tuple(fields for _, fields in found if fields.get("kind") == ALERT)
