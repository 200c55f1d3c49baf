"""The archive for those who seldom need it: Parquet is loaded with the first batch that is read, never before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from toolkit.domain.ports import Sealed


class ArchivedHistory:
    """What the journal's server no longer holds of one book, in a folder that may be missing."""

    def __init__(self, folder: Path, book: str) -> None:
        self._folder = folder
        self._book = book

    def read(self, after: int = 0) -> Iterator[Sealed]:
        """Every archived batch with events above `after`, in order; JournalError when a part is missing or damaged."""
        from toolkit.adapters.journal_archive import JournalArchive  # pyarrow: 60 MB that an engine can do without

        return JournalArchive(self._folder, self._book).read(after)
