"""The ladder adds up to the last half quantum, whatever the fills are; and each part is what its name says."""

from hypothesis import given
from hypothesis import strategies as st

from toolkit.measures.ladder import (
    Divergence,
    Execution,
    OrderPair,
    PairedFill,
    Rungs,
    cash_of,
    divergence,
    execution,
    execution_of,
)

PRICE = st.integers(1, 10**9)
FILLS = st.lists(st.builds(PairedFill, st.integers(1, 1_000), PRICE, PRICE, st.integers(-500, 10_000)), max_size=6).map(
    tuple
)
PAIRS = st.builds(OrderPair, st.sampled_from([1, -1]), st.integers(1, 10_000), FILLS, FILLS, PRICE)


@given(PAIRS)
def test_the_parts_of_one_order_are_what_live_and_its_twin_differ_by(pair: OrderPair) -> None:
    live, twin = cash_of(pair)
    assert execution_of(pair).total == live - twin


@given(st.lists(PAIRS, max_size=8))
def test_orders_add_up(pairs: list[OrderPair]) -> None:
    assert execution(pairs).total == sum(live - twin for live, twin in map(cash_of, pairs))


@given(*(st.integers(-(10**15), 10**15) for _ in range(5)))
def test_the_four_parts_are_live_less_backtest(live: int, twin: int, double: int, replay: int, backtest: int) -> None:
    assert divergence(Rungs(live, twin, double, replay, backtest)).total == live - backtest


@given(FILLS, st.sampled_from([1, -1]), PRICE)
def test_a_twin_that_fills_alike_differs_by_nothing(fills: tuple[PairedFill, ...], side: int, ended: int) -> None:
    assert execution_of(OrderPair(side, 100, fills, fills, ended)) == Execution()


def test_a_later_fill_is_delay_and_a_wider_one_is_spread() -> None:
    """In half ticks: the twin buys at 100.5 with the middle at 100, live later at 103 with the middle at 102."""
    twin, live = PairedFill(10, 201, 200), PairedFill(10, 206, 204)
    found = execution_of(OrderPair(1, 1, (live,), (twin,), ended=210))
    assert found == Execution(delay=-40, spread_impact=-10)


def test_what_live_missed_is_valued_at_the_end() -> None:
    """The twin bought 10 at 100; live got 6 of them at the same price, and the middle went to 105."""
    found = execution_of(OrderPair(1, 1, (PairedFill(6, 200, 199),), (PairedFill(10, 200, 199),), ended=210))
    assert found == Execution(missed=-40)


def test_a_sale_counts_the_other_way_and_fees_by_themselves() -> None:
    found = execution_of(OrderPair(-1, 1, (PairedFill(1, 198, 200, fee=3),), (PairedFill(1, 199, 200, fee=1),), 200))
    assert found == Execution(spread_impact=-1, fees=-4)


def test_a_cause_that_is_found_by_one_rung_stands_in_its_part() -> None:
    same_signals = divergence(Rungs(live=90, twin=100, double=100, replay=100, backtest=100))
    assert same_signals == Divergence(execution=-10, path_and_signal=0, plumbing=0, data=0)
    other_data = divergence(Rungs(live=100, twin=100, double=100, replay=100, backtest=120))
    assert other_data == Divergence(execution=0, path_and_signal=0, plumbing=0, data=-20)
