"""Opens what was measured of a book against its replay, for those who look; the replayer alone writes it."""

from __future__ import annotations

from toolkit.adapters.ladder_file import LadderReader
from toolkit.client.home import Home

__all__ = ["LadderReader", "ladder_of"]


def ladder_of(home: Home, book: str) -> LadderReader:
    """Its sessions, and how it stands now."""
    return LadderReader(home.ladder(book))
