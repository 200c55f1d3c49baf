"""What was asked for of late is forgotten by age and by nothing else; where no more fits, control 13 denies."""

import pytest

from tests.tools.core_kit import Core, limit, limits
from toolkit.domain import recent as module
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Side
from toolkit.domain.recent import asked_for, longest_window, note
from toolkit.domain.time import NANOSECONDS, FeedTime


def test_other_orders_push_nothing_out_within_the_window() -> None:
    core = Core(rows=limits(duplicate_window="3600"))
    core.buy(10, 9_000)
    for quantity in range(11, 111):
        core.buy(quantity, 9_000)
    sent = len(core.orders_received())
    core.buy(10, 9_000)
    assert (core.denial().control, len(core.orders_received())) == (13, sent)
    assert Ledger.from_bytes(core.ledger.to_bytes()).digest() == core.shadow.digest() == core.ledger.digest()


def test_the_longest_window_of_all_rows_is_kept() -> None:
    rows = limits(limit("duplicate_window", "60", "strategy", "trend"), duplicate_window="5")
    assert longest_window(rows) == Core(rows=rows).ledger.duplicate_window == 60 * NANOSECONDS
    assert longest_window(()) == 0
    assert longest_window(limits(duplicate_window="1e999999")) == module.LONGEST_WINDOW * NANOSECONDS < 2**63


def test_what_is_out_of_the_window_goes() -> None:
    kept: module.Recent = {}
    for second in range(1_000):
        note(kept, asked_for("AAPL", Side.BUY, second + 1, None), FeedTime(second * NANOSECONDS), 10 * NANOSECONDS)
    assert 10 <= len(kept) <= 10 + 64
    assert list(kept.values()) == sorted(kept.values())


def test_more_than_can_be_compared_with_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECENT", 3)
    core = Core(rows=limits(duplicate_window="60"))
    for quantity in (1, 2, 3, 4):
        core.buy(quantity, 9_000)
    assert len(core.orders_received()) == 3
    assert (core.denial().control, core.denial().observed) == (13, "3 other orders within the window")
    core.quote(9_999, 10_001, seconds=60)
    core.buy(4, 9_000)
    assert len(core.orders_received()) == 4


def test_a_journal_without_the_control_cannot_grow_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECENT", 3)
    kept: module.Recent = {}
    for quantity in range(1, 9):
        note(kept, asked_for("AAPL", Side.BUY, quantity, None), FeedTime(0), NANOSECONDS)
    assert [asked[1] for asked in kept] == [6, 7, 8]
