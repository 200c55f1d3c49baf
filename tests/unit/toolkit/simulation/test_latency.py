"""Latency distributions against numbers done by hand, and that a draw is the same on every machine."""

from decimal import Decimal
from math import exp, log
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.venue_kit import order
from toolkit.domain.errors import ConfigError
from toolkit.simulation.draws import Purpose
from toolkit.simulation.latency import QUANTILES, drawn_latency, latency_at, normal_quantile
from toolkit.simulation.paper_settings import LogNormal, Uniform

MILLISECOND = 1_000_000


def test_an_int_is_always_the_same() -> None:
    assert {drawn_latency(50, seed, order(1), Purpose.SUBMIT_LATENCY, 0) for seed in range(20)} == {50}


def test_uniform_takes_every_value_from_low_to_high_and_no_other() -> None:
    few = Uniform(low=10, high=13)
    assert [latency_at(few, number) for number in range(6)] == [10, 11, 12, 13, 10, 11]


def test_lognormal_by_hand() -> None:
    latency = LogNormal(median=20 * MILLISECOND, p99=150 * MILLISECOND)
    # The quantile next above one half is z = 0.000019: exp(ln(7.5) / 2.326348 * 0.000019) = 1.00001646
    assert latency_at(latency, QUANTILES // 2) == pytest.approx(20_000_329, abs=2)
    # 64,880 of 65,536 is 0.990005: z = 2.3265, so about 150 ms
    assert latency_at(latency, 64_880) == pytest.approx(150 * MILLISECOND, rel=1e-3)
    # n = 55,137 is 0.841331, one standard deviation: 20 ms * 7.5 ** (0.999945 / 2.326348) = 47.55 ms
    assert latency_at(latency, 55_137) == pytest.approx(20e6 * exp(log(7.5) * 0.999945 / 2.326348), rel=1e-6)


def test_median_and_99th_percentile_are_those_that_were_written_down() -> None:
    latency = LogNormal(median=20 * MILLISECOND, p99=150 * MILLISECOND)
    drawn = sorted(latency_at(latency, n) for n in range(0, QUANTILES, 16))
    below_median = sum(one < 20 * MILLISECOND for one in drawn) / len(drawn)
    below_p99 = sum(one < 150 * MILLISECOND for one in drawn) / len(drawn)
    assert below_median == pytest.approx(0.5, abs=0.001)
    assert below_p99 == pytest.approx(0.99, abs=0.001)


def test_no_quantile_lies_so_near_to_a_rounding_boundary_that_another_machines_logarithm_could_move_it() -> None:
    """`inv_cdf` is good to some 1e-15; here every one of them keeps more than that from the half of a millionth."""
    normal = NormalDist()
    nearest = min(
        abs((z * 1e6) % 1 - 0.5) * 1e-6
        for n in range(QUANTILES // 2, QUANTILES)
        for z in [normal.inv_cdf((n + 0.5) / QUANTILES)]
    )
    assert nearest > 1e-13
    assert normal_quantile(0) == -normal_quantile(QUANTILES - 1) == Decimal("-4.324919")


@given(st.integers(1, 10**9), st.integers(0, 10**10), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_lognormal_is_positive_and_grows_with_its_quantile(median: int, more: int, one: int, other: int) -> None:
    latency = LogNormal(median=median, p99=median + more)
    low, high = sorted((one % QUANTILES, other % QUANTILES))
    assert 0 <= latency_at(latency, low) <= latency_at(latency, high)


def test_draws_hang_on_the_order_the_purpose_and_the_try_alone() -> None:
    latency = Uniform(low=0, high=10**9)

    def drawn(number: int, purpose: Purpose, k: int) -> int:
        return drawn_latency(latency, 7, order(number), purpose, k)

    assert drawn(1, Purpose.SUBMIT_LATENCY, 0) == drawn(1, Purpose.SUBMIT_LATENCY, 0)
    several = [(1, Purpose.SUBMIT_LATENCY, 0), (2, Purpose.SUBMIT_LATENCY, 0), (1, Purpose.CANCEL_LATENCY, 0),
               (1, Purpose.SUBMIT_LATENCY, 1)]  # fmt: skip
    assert len({drawn(*one) for one in several}) == 4


@pytest.mark.parametrize(("low", "high"), [(-1, 5), (6, 5)])
def test_a_uniform_that_cannot_be_is_refused(low: int, high: int) -> None:
    with pytest.raises(ConfigError, match="low <= high"):
        Uniform(low=low, high=high)


@pytest.mark.parametrize(("median", "p99"), [(0, 5), (6, 5)])
def test_a_lognormal_that_cannot_be_is_refused(median: int, p99: int) -> None:
    with pytest.raises(ConfigError, match="median <= p99"):
        LogNormal(median=median, p99=p99)
