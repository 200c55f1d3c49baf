"""`journal verify` and heads that others keep: a rewritten journal meets them wrongly, or never."""

import pytest

from execution.commands.recording import check_all_met, check_heads
from tests.tools.journal_kit import chain, end_of
from toolkit.domain.errors import JournalError
from toolkit.domain.ports import Head

BATCHES = chain(4, size=2)


def check(kept: dict[str, dict[int, Head]]) -> None:
    for batch in BATCHES:
        check_heads(kept, batch)
    check_all_met(kept)


def test_heads_of_this_journal_are_met() -> None:
    check({"the archive": {8: end_of(BATCHES[3])}, "anchors.txt": {2: end_of(BATCHES[0]), 8: end_of(BATCHES[3])}})


def test_another_hash_is_told_with_who_keeps_it() -> None:
    with pytest.raises(JournalError, match="in the archive: one of the two was rewritten"):
        check({"the archive": {4: Head(4, b"another")}})


@pytest.mark.parametrize("event", [3, 10], ids=["batches cut otherwise", "its end is lost"])
def test_an_archive_that_the_journal_never_meets_is_no_whole_journal(event: int) -> None:
    with pytest.raises(JournalError, match=f"the archive: no batch of the journal ends with event {event}"):
        check({"the archive": {event: Head(event, b"another")}})
