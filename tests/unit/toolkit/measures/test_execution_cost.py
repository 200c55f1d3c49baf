"""Cost of execution against numbers worked by hand, and identities that hold for any fills."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.measures import execution_cost as cost
from toolkit.measures.performance import Floats

ONE = np.array([1.0])


def prices(count: int = 4) -> st.SearchStrategy[Floats]:
    return arrays(np.float64, count, elements=st.floats(1, 1_000))


def test_perolds_example_by_part() -> None:
    """Decided to buy 1,000 at 50.00; sent at 50.10, 700 bought at 50.25 with 14 of fees, the rest ended at 51.00."""
    found = cost.shortfall(
        side=ONE, wanted=ONE * 1_000, filled=ONE * 700, paid=ONE * 50.25, fees=ONE * 14,
        decided=ONE * 50.00, sent=ONE * 50.10, ended=ONE * 51.00,
    )  # fmt: skip
    parts = [float(part[0]) for part in found]
    assert parts == pytest.approx([70.0, 105.0, 14.0, 300.0])
    assert found.total[0] == pytest.approx(489.0)
    assert found.basis_points(ONE * 50_000)[0] == pytest.approx(97.8)


@given(
    arrays(np.float64, 4, elements=st.sampled_from([1.0, -1.0])), arrays(np.float64, 4, elements=st.floats(0, 100)),
    arrays(np.float64, 4, elements=st.floats(0, 1)), prices(), prices(), prices(), prices(),
)  # fmt: skip
def test_the_parts_are_paper_less_real(
    side: Floats, wanted: Floats, share: Floats, paid: Floats, decided: Floats, sent: Floats, ended: Floats
) -> None:
    """Perold's definition: what the decision would have earned at its price, less what it did, marked at the end."""
    filled = wanted * share
    found = cost.shortfall(side, wanted, filled, paid, np.zeros(4), decided, sent, ended)
    paper, real = side * wanted * (ended - decided), side * filled * (ended - paid)
    assert found.total == pytest.approx(paper - real, abs=1e-6)


def test_an_order_that_never_filled_stays_in_as_missed() -> None:
    found = cost.shortfall(-ONE, ONE * 10, ONE * 0, ONE * np.nan, ONE * 0, ONE * 20, ONE * np.nan, ONE * 19)
    assert [float(part[0]) for part in found] == [0.0, 0.0, 0.0, 10.0]


def test_effective_spread_is_realised_spread_and_impact() -> None:
    """Bought at 100.05 with the middle at 100.00, which stood at 100.02 afterwards."""
    side, price, middle, later = ONE, ONE * 100.05, ONE * 100.0, ONE * 100.02
    effective = cost.effective_spread(side, price, middle)
    assert effective[0] == pytest.approx(10.0)
    parts = cost.realised_spread(side, price, middle, later) + cost.price_impact(side, middle, later)
    assert effective == pytest.approx(parts)


def test_slippage_is_positive_when_it_is_worse_and_unknown_without_a_middle() -> None:
    side = np.array([1.0, -1.0, 1.0])
    found = cost.arrival_slippage(side, np.array([101.0, 99.0, 10.0]), np.array([100.0, 100.0, np.nan]))
    assert found[:2] == pytest.approx([100.0, 100.0])
    assert np.isnan(found[2])


def test_markouts_look_at_the_quote_that_stood_then_and_never_past_the_recording() -> None:
    quote_time, middle = np.array([0.0, 5.0, 10.0, 70.0]), np.array([100.0, 101.0, 99.0, 98.0])
    found = cost.markouts(np.array([1.0, -1.0]), np.array([100.0, 100.0]), np.array([0.0, 4.5]), quote_time, middle)
    assert found["1 s"] == pytest.approx([0.0, -100.0])
    assert found["10 s"] == pytest.approx([-100.0, 100.0])
    assert found["1 min"] == pytest.approx([-100.0, 100.0])
    assert np.isnan(found["5 min"]).all()


def test_fill_ratios_count_orders_and_quantity() -> None:
    found = cost.fill_ratio(np.array([10.0, 10.0, 80.0, 20.0]), np.array([10.0, 5.0, 0.0, 20.0]))
    assert (found.by_order.value, found.wholly.value) == (0.75, 0.5)
    assert found.by_quantity.value == pytest.approx(35 / 120)
    assert cost.fill_ratio(np.array([]), np.array([])).by_order.reason == "no order was sent"


def test_waiting_times_count_those_that_never_filled() -> None:
    """Of 4 orders two filled, after 1 and 3 s, two were cancelled after 2 and 9 s. Leaving these out would say 1 s."""
    seconds, filled = np.array([1.0, 2.0, 3.0, 9.0]), np.array([True, False, True, False])
    assert cost.time_to_fill(seconds, filled).value == 3.0
    assert cost.time_to_fill(seconds, filled, share=0.25).value == 1.0
    assert "fewer than 90%" in cost.time_to_fill(seconds, filled, share=0.9).reason


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 100)))
def test_when_all_fill_the_median_wait_is_the_median(seconds: Floats) -> None:
    found = cost.time_to_fill(seconds, np.ones(len(seconds), dtype=bool))
    assert found.value == pytest.approx(np.sort(seconds)[int(np.ceil(len(seconds) / 2)) - 1])


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 100)), st.randoms(use_true_random=False))
def test_shares_that_are_asked_for_together_are_those_asked_for_one_by_one(seconds: Floats, chance: Random) -> None:
    filled, shares = np.array([chance.random() < 0.7 for _ in seconds]), (0.02, 0.25, 0.5, 0.98)
    order = np.lexsort((~filled, seconds))
    still = np.cumprod([1 - filled[place] / (len(order) - passed) for passed, place in enumerate(order)])
    for share, found in zip(shares, cost.times_to_fill(seconds, filled, shares), strict=True):
        reached = np.flatnonzero(still <= 1 - share + 1e-12)
        assert found.is_known == bool(len(reached))
        assert not len(reached) or found.value == seconds[order[reached[0]]]


def test_hops_add_up_over_the_stations_that_are_known() -> None:
    stations = {"tick": ONE * 0, "decision": ONE * 2, "send": ONE * 7, "fill": ONE * 12}
    assert {name: float(hop[0]) for name, hop in cost.hop_latencies(stations).items()} == {
        "tick→decision": 2.0, "decision→send": 5.0, "send→fill": 5.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="no station is called fil"):
        cost.hop_latencies({"fil": ONE})


def test_a_percentile_that_so_few_cannot_show_is_unknown() -> None:
    median, tail, far = cost.percentiles(np.arange(30.0))
    assert (median.value, tail.value) == pytest.approx((14.5, 27.55))
    assert far.reason == "30 observations, p99 takes 100"
    assert cost.percentiles(np.arange(10.0), (0.9,))[0].is_known, "p90 takes 10"
