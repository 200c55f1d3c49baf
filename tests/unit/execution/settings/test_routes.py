"""`routes` and `breakers` of config/venues.yaml are read exactly, or refused with line, value and the nearest name."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from execution.settings import read_settings
from toolkit.domain.errors import ConfigError
from toolkit.engine.router_settings import Preference

RULES = """
routes:
  - venues: [second, paper]
    instruments: [AAPL]
    strategies: [trend]
    stages: [LIVE_10]
    minimum_quantity: 100
    prefer: fees
  - {venues: [second], instruments: [IBM]}
aggregation: {window_ms: 50}
budgets:
  paper: {key: main, messages: 100, per_seconds: 1, processes: 3, reserve: 10, share: 5, block: 10}
  second: {messages: 50, per_seconds: 0.5, processes: 2, reserve: 5, share: 5, block: 4}
"""


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    """The shipped desk with a second venue like the first."""
    shutil.copytree(repository / "config", tmp_path / "config")
    path = tmp_path / "config/venues.yaml"
    head, _, rest = path.read_text().partition("  paper:\n")
    venue, _, breakers = rest.partition("\n# Control 23")
    path.write_text(f"{head}  paper:\n{venue}  second:\n{venue}\n# Control 23{breakers}{RULES}")
    return tmp_path


def edit(home: Path, old: str, new: str) -> str:
    """Change the last place in the file that reads so (the first may be in a comment); what reading it says then."""
    path = home / "config/venues.yaml"
    before, found, after = path.read_text().rpartition(old)
    assert found
    path.write_text(before + new + after)
    with pytest.raises(ConfigError) as caught:
        read_settings(home)
    return str(caught.value)


def test_a_rule_says_what_it_is_about_and_where_it_stands(home: Path) -> None:
    first, second = read_settings(home).router.rules
    lines = (home / "config/venues.yaml").read_text().splitlines()
    assert first.source == f"config/venues.yaml:{lines.index('  - venues: [second, paper]') + 1}"
    assert (first.venues, first.prefer) == (("second", "paper"), Preference.FEES)
    assert (first.instruments, first.strategies, first.stages) == ({"AAPL"}, {"trend"}, {"LIVE_10"})
    assert (first.minimum_quantity, first.maximum_quantity) == (Decimal(100), None)
    assert (second.instruments, second.prefer) == ({"IBM"}, Preference.ORDER)


def test_a_venue_trades_its_own_instruments_and_those_that_rules_send_there(home: Path) -> None:
    settings = read_settings(home)
    assert [each.symbol for each in settings.traded_at("second")] == ["AAPL", "IBM"]
    assert settings.traded_at("paper") == settings.instruments


def test_the_shipped_breaker_is_in_nanoseconds_with_its_line(home: Path) -> None:
    breaker = read_settings(home).router.breakers["paper"]
    assert (breaker.rejects, breaker.open_for, breaker.late_after) == (10, 30 * 10**9, 2 * 10**9)
    assert breaker.source.startswith("config/venues.yaml:")


def test_a_venue_can_be_without_breakers_on_purpose_and_one_that_is_left_out_is_not(home: Path) -> None:
    assert read_settings(home).router.without_breakers == frozenset()
    path = home / "config/venues.yaml"
    path.write_text(path.read_text().replace("breakers:\n", "breakers:\n  second: off\n"))
    router = read_settings(home).router
    assert (router.without_breakers, set(router.breakers)) == ({"second"}, {"paper"})


def test_the_window_of_aggregation_is_in_nanoseconds_and_0_where_nothing_is_said(home: Path, repository: Path) -> None:
    assert read_settings(home).router.join_within == 50_000_000
    assert read_settings(repository).router.join_within == 0


def test_a_budget_says_what_the_venue_allows_and_how_it_is_divided(home: Path) -> None:
    budgets = read_settings(home).budgets
    assert (budgets["paper"].key, budgets["paper"].pool, budgets["paper"].window) == ("main", 55, 10**9)
    assert (budgets["second"].key, budgets["second"].pool, budgets["second"].window) == ("second", 30, 5 * 10**8)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[second, paper]", "[secnd, paper]", "second"),
        ("instruments: [AAPL]", "instruments: [APPL]", "AAPL"),
        ("strategies: [trend]", "strategies: [trnd]", "trend"),
        ("stages: [LIVE_10]", "stages: [LIVE_20]", "LIVE_10"),
        ("prefer: fees", "prefer: fee", "fees"),
        ("minimum_quantity: 100", "minimum_quantity: 100\n    maximum_quantity: 99", "maximum_quantity"),
        ("minimum_quantity: 100", "minimum: 100", "minimum_quantity"),
        ("[second, paper]", "[paper, paper]", "each venue once"),
        ("venues: [second, paper]", "venues: []", "venues"),
        ("breakers:\n  paper:", "breakers:\n  papr:", "paper"),
        ("open_seconds: 30", "open_second: 30", "open_seconds"),
        ("breakers:\n", "breakers:\n  second:\n", "or off for a venue"),
        ("breakers:\n", "breakers:\n  second: on\n", "second"),
        ("second: {messages: 50", "secnd: {messages: 50", "second"),
        ("messages: 50", "key: main, messages: 50", "give both the same numbers"),
        ("messages: 100", "messages: 44", "is more than 44 messages"),
        ("window_ms: 50", "window: 50", "window_ms"),
        ("window_ms: 50", "window_ms: 0", "greater than 0"),
        ("reserve: 10,", "reserves: 10,", "reserve"),
    ],
)
def test_a_mistake_is_refused_with_the_nearest_name(home: Path, old: str, new: str, says: str) -> None:
    told = edit(home, old, new)
    assert says in told
    assert told.startswith("config/venues.yaml:")
