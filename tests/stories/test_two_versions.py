"""Two versions of one strategy in one book: each has a sub-account, and what is said of the strategy binds both."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.tools.core_kit import ANNA, Core, limit, limits
from toolkit.adapters.latch import BOOK, Latch, strategy_scope, venue_scope
from toolkit.domain import commands as cm
from toolkit.domain.orders import TradingState
from toolkit.domain.sub_accounts import is_of, strategy_of, sub_account

CANDIDATE = sub_account("trend", 8)


def both(**more: object) -> Core:
    return Core(strategies=("trend", CANDIDATE, "other"), **more)


def test_each_keeps_its_own_and_together_they_are_the_venue_s() -> None:
    core = both()
    core.buy(10)
    core.sell(3, strategy=CANDIDATE)
    assert (core.held(), core.held(CANDIDATE)) == (10, -3)
    assert core.ledger.pnl("trend") != core.ledger.pnl(CANDIDATE)
    assert core.ledger.venue_positions["paper"] == {"AAPL": 7} == dict(core.venue.state().positions)
    assert core.ledger.capital[CANDIDATE] == core.ledger.capital["trend"]


def test_a_limit_of_the_strategy_binds_each_of_its_versions() -> None:
    core = both(rows=limits(limit("max_order_quantity", "5", "strategy", "trend")))
    for name in ("trend", CANDIDATE):
        core.buy(6, strategy=name)
        assert core.denial().strategy == name
        assert core.denial().control == 3
    core.buy(6, strategy="other")
    assert core.held("other") == 6


def test_stopping_the_strategy_stops_all_of_it_and_stopping_the_version_only_that() -> None:
    core = both()
    for name in ("trend", CANDIDATE, "other"):
        core.buy(2, 9_990, strategy=name)
    core.disable(CANDIDATE)
    assert [order.strategy for order in core.ledger.open_orders()] == ["trend", "other"]
    assert core.ledger.trading_state("trend", "paper")[0] is TradingState.ACTIVE
    core.enable(CANDIDATE)
    core.buy(2, 9_990, strategy=CANDIDATE)
    core.disable("trend")
    assert [order.strategy for order in core.ledger.open_orders()] == ["other"]
    assert core.ledger.trading_state(CANDIDATE, "paper")[0] is TradingState.HALTED
    core.buy(1, strategy=CANDIDATE)
    assert core.denial().control == 24


def test_flattening_the_strategy_flattens_every_version_of_it() -> None:
    core = both()
    core.buy(10)
    core.sell(3, strategy=CANDIDATE)
    core.disable("trend", flatten=True)
    core.quote(9_999, 10_001)
    assert (core.held(), core.held(CANDIDATE)) == (0, 0)
    core.enable()
    assert core.ledger.flattening == {}


def test_killing_the_strategy_kills_every_version_of_it() -> None:
    core = both()
    core.buy(10, strategy=CANDIDATE)
    for name in ("trend", CANDIDATE, "other"):
        core.buy(2, 9_990, strategy=name)
    core.command(cm.Kill(scope="strategy", name="trend", mode=cm.KillMode.FLATTEN, who=ANNA, reason="test"))
    core.quote(9_999, 10_001)
    assert [order.strategy for order in core.ledger.open_orders()] == ["other"]
    assert core.held(CANDIDATE) == 0


def test_a_position_goes_from_the_champion_to_the_candidate() -> None:
    core = both()
    core.buy(10)
    core.command(
        cm.TransferPosition(
            source="trend", target=CANDIDATE, instrument="AAPL", quantity=Decimal(4), price=None, who=ANNA,
            reason="40 % of it",
        )
    )  # fmt: skip
    assert (core.held(), core.held(CANDIDATE)) == (6, 4)


@pytest.mark.parametrize(
    ("shut", "champion", "candidate"),
    [("trend", False, False), (CANDIDATE, True, False), ("other", True, True)],
)
def test_the_latch_of_the_strategy_shuts_each_version(
    tmp_path: Path, shut: str, champion: bool, candidate: bool
) -> None:
    rows = [BOOK, venue_scope("paper"), *map(strategy_scope, ("trend", "other"))]
    latch = Latch.create(tmp_path / "latch", rows)
    assert latch.open_for(CANDIDATE, "paper")
    latch.add([strategy_scope(CANDIDATE)])
    latch.reopen(strategy_scope(CANDIDATE))
    latch.shut(strategy_scope(shut))
    assert (latch.open_for("trend", "paper"), latch.open_for(CANDIDATE, "paper")) == (champion, candidate)
    latch.close()


def test_names_lead_to_their_strategy() -> None:
    assert (CANDIDATE, strategy_of(CANDIDATE), strategy_of("house")) == ("trend@8", "trend", "house")
    assert is_of(CANDIDATE, "trend")
    assert is_of(CANDIDATE, CANDIDATE)
    assert not is_of("trend", CANDIDATE)
    assert not is_of("trendy", "trend")


def test_a_loss_of_the_strategy_takes_back_the_entries_of_every_version_of_it() -> None:
    core = both(rows=limits(limit("max_daily_loss", "100", "strategy", "trend")))
    core.buy(100)
    for name in (CANDIDATE, "other"):
        core.buy(2, 5_000, strategy=name)
    for _ in range(3):
        core.quote(9_499, 9_501)
    assert core.ledger.trading_state(CANDIDATE, "paper")[0] is TradingState.REDUCING
    assert [order.strategy for order in core.ledger.open_orders()] == ["other"]


def test_enabling_one_version_does_not_end_the_flatten_of_a_kill_of_the_whole() -> None:
    """Nobody but who lets go of the kill ends what it began."""
    core = both()
    core.buy(10, strategy=CANDIDATE)
    core.mute = True
    kill = cm.Kill(scope="strategy", name="trend", mode=cm.KillMode.FLATTEN, who=ANNA, reason="a test")
    core.command(kill)
    core.enable(CANDIDATE)
    assert list(core.ledger.flattening) == [CANDIDATE]
    core.hear_withheld()
    core.quote(9_999, 10_001)
    assert (core.held(CANDIDATE), dict(core.ledger.flattening)) == (0, {})
