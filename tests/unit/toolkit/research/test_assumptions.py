"""What a backtest assumes by itself: the shipped venue, and limits that leave no control unset."""

from pathlib import Path

import pytest

from execution.settings import read_settings
from toolkit.domain.errors import ConfigError
from toolkit.engine.risk.limits import OPTIONAL, REQUIRED, LimitTable
from toolkit.research.assumptions import GIVEN, RESEARCH_LIMITS, research_limits, research_venue
from toolkit.simulation.sample_feed import USD, sample_instruments


def test_the_research_venue_is_the_shipped_one(repository: Path) -> None:
    assert research_venue() == read_settings(repository).venues["paper"]


def test_single_settings_of_the_venue_can_be_changed_by_name() -> None:
    assert research_venue(slippage_ticks=2).slippage_ticks == 2
    with pytest.raises(ConfigError, match="no setting 'slipage_ticks'; did you mean 'slippage_ticks'"):
        research_venue(slipage_ticks=2)
    with pytest.raises(ConfigError, match="slippage_ticks is -1"):
        research_venue(slippage_ticks=-1)


EMPTY = (
    "unset",
    "excluded_by",
    "venue_excluded_by",
    "restricted_by",
    "located",
    "collar_ticks",
    "no_buys",
    "no_sells",
    "clock_skew",
)


def test_every_limit_is_set_for_every_strategy_and_instrument() -> None:
    rows = research_limits()
    assert {row.limit for row in rows} == {*REQUIRED, *OPTIONAL} - {
        "restricted",
        "located",
        "price_collar_ticks",
        "max_clock_skew",
        "var_sessions",
    }
    assert {row.source for row in rows} == {RESEARCH_LIMITS}
    (instrument,) = sample_instruments(("IBM",))
    table = LimitTable(rows, USD.quantum)
    found = table.for_order("anything", instrument)
    assert found.unset == ""
    assert all(getattr(found, name) for name in found.__struct_fields__ if name not in EMPTY)
    assert found.excluded_by is None
    assert table.rate("strategy", "anything") is not None
    assert table.rate("venue", "paper") is not None


def test_a_limit_can_be_tightened_and_says_where_it_stands() -> None:
    rows = research_limits({"max_position": 500, "permitted": ["MSFT", "IBM"]})
    changed = {row.limit: (row.value, row.source) for row in rows if row.source != RESEARCH_LIMITS}
    assert changed == {"max_position": ("500", GIVEN), "permitted": ("IBM,MSFT", GIVEN)}


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"max_postion": 1}, "no limit 'max_postion'; did you mean 'max_position'"),
        ({"max_position": "many"}, "max_position is 'many'; give a number"),
        ({"max_position": float("nan")}, "max_position is nan; give a number from 0 on"),
        ({"max_position": -1}, "max_position is -1; give a number from 0 on"),
        ({"permitted": 7}, r"permitted is 7; give a list of names, or '\*'"),
    ],
)
def test_what_is_no_limit_is_refused_with_the_mend(limits: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        research_limits(limits)
