"""What people read: aligned, signed where it matters, and never without PAPER or LIVE."""

from decimal import Decimal

import pytest

from execution.commands.output import ago, banner, money, table

SECOND = 1_000_000_000


def test_the_banner_comes_first_and_says_which() -> None:
    assert banner("paper", "desk demo") == " PAPER  desk demo"
    assert banner("live", "desk demo") == " LIVE  desk demo"


def test_numbers_stand_to_the_right_and_names_to_the_left() -> None:
    assert table(("name", "orders>"), [("trend", 1200), ("quoting", 7)]).splitlines() == [
        "  name     orders",
        "  trend     1,200",
        "  quoting       7",
    ]


def test_nothing_is_said_and_not_left_out() -> None:
    assert table(("name",), []) == "  none"
    assert table(("price>",), [(None,)]).splitlines()[-1].strip() == "–"


def test_money_is_signed_where_it_is_a_result() -> None:
    assert (money(Decimal("-1234.5"), signed=True), money(Decimal("7")), money(None)) == ("-1,234.50", "7.00", "–")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h 0 min"), (172_800, "2 d")],
)
def test_how_long_ago(seconds: int, shown: str) -> None:
    now = 10**18
    assert ago(now - seconds * SECOND, now) == shown
    assert ago(0, now) == "–"
