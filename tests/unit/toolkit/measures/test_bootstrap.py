"""The stationary bootstrap: blocks as Politis and Romano describe them, intervals that cover what they say."""

import numpy as np
import pytest

from toolkit.measures.bootstrap import (
    Interval,
    mean_block,
    mean_interval,
    period_intervals,
    sharpe_difference_interval,
    stationary_indices,
)
from toolkit.measures.performance import annual_return, annual_volatility, max_drawdown, sharpe_ratio


def test_blocks_follow_on_wrap_around_and_are_geometric_with_their_mean() -> None:
    places = stationary_indices(50, 8.0, 4_000, np.random.default_rng(1))
    assert places.shape == (4_000, 50)
    assert (places.min(), places.max()) == (0, 49)
    follows = (np.diff(places, axis=1) % 50) == 1
    # It goes on with 1 − 1/L, and a new start follows by chance in 1/n of the cases.
    assert follows.mean() == pytest.approx(1 - 1 / 8 + 1 / 8 / 50, abs=0.003)


def test_every_place_is_drawn_equally_often() -> None:
    counts = np.bincount(stationary_indices(20, 3.0, 20_000, np.random.default_rng(2)).ravel(), minlength=20)
    assert counts / counts.sum() == pytest.approx(np.full(20, 0.05), abs=0.001)


def test_rows_that_are_longer_than_the_series_favour_no_place() -> None:
    places = stationary_indices(30, 3.0, 20_000, np.random.default_rng(2), length=20)
    assert places.shape == (20_000, 30)
    counts = np.bincount(places.ravel(), minlength=20)
    assert counts / counts.sum() == pytest.approx(np.full(20, 0.05), abs=0.001)


def test_blocks_of_one_are_the_ordinary_bootstrap() -> None:
    values = np.random.default_rng(3).normal(size=400)
    found = mean_interval(values, block=1.0, resamples=4_000)
    width = 2 * 1.96 * values.std() / np.sqrt(400)
    assert found.high - found.low == pytest.approx(width, rel=0.06)


def test_a_dependent_series_gets_the_wider_interval_that_it_needs() -> None:
    """AR(1) with 0.5: the variance of the mean is three times that of independent values."""
    values = autoregressive(np.random.default_rng(4), 0.5, 3_000)
    wide, narrow = (mean_interval(values, resamples=1_000, block=block) for block in (None, 1.0))
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)
    assert ratio == pytest.approx(np.sqrt(3), rel=0.15)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draws = np.random.default_rng(5)
    found = [mean_interval(autoregressive(draws, 0.3, 200), resamples=300, seed=one) for one in range(200)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.87 <= covered <= 0.98


def test_the_sharpe_difference_is_that_of_the_measures_and_pairing_cancels_what_both_share() -> None:
    draws = np.random.default_rng(6)
    shared = draws.normal(0.001, 0.01, 250)
    first, second = (shared + draws.normal(0, 0.001, 250) for _ in range(2))
    found = sharpe_difference_interval(first, second, resamples=500)
    alone = sharpe_difference_interval(first, draws.permutation(second), resamples=500)
    assert found.value == pytest.approx(sharpe_ratio(first).value - sharpe_ratio(second).value)
    assert found.high - found.low < 0.4 * (alone.high - alone.low)


def test_the_same_seed_is_the_same_interval() -> None:
    values = np.random.default_rng(7).normal(size=100)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3) != mean_interval(values, seed=4)


def test_what_cannot_be_known_says_why() -> None:
    assert mean_interval(np.ones(19)).reason == "fewer than 20 periods"
    assert mean_interval(np.array([np.nan, *range(30)])).reason == "a value is not known in every period"
    assert sharpe_difference_interval(np.ones(30), np.ones(30)).reason == "the returns do not vary"


@pytest.mark.parametrize(("low", "high", "apart"), [(0.1, 0.4, True), (-0.4, -0.1, True), (-0.1, 0.4, False)])
def test_an_interval_on_one_side_of_zero_tells_apart(low: float, high: float, apart: bool) -> None:
    assert Interval((low + high) / 2, low, high, 0.95, 0.5).excludes_zero is apart


def test_blocks_grow_with_the_cube_root() -> None:
    assert [mean_block(count) for count in (1, 27, 1_000)] == [1, 3, 10]


def autoregressive(draws: np.random.Generator, memory: float, count: int) -> np.ndarray:
    noise, values = draws.normal(size=count + 50), np.zeros(count + 50)
    for place in range(1, len(values)):
        values[place] = memory * values[place - 1] + noise[place]
    return values[50:]


def test_the_figures_of_one_series_are_those_of_the_measures_and_their_intervals_cover_the_truth() -> None:
    draws = np.random.default_rng(8)
    returns = draws.normal(0.0005, 0.01, 250)
    found = period_intervals(returns)
    assert found["sharpe"].value == pytest.approx(sharpe_ratio(returns).value)
    assert found["annual_return"].value == pytest.approx(annual_return(returns).value)
    assert found["volatility"].value == pytest.approx(annual_volatility(returns).value)
    assert found["drawdown"].value == pytest.approx(max_drawdown(np.append(1, 1 + returns.cumsum())).depth)
    covered = [
        (one := period_intervals(draws.normal(0.0005, 0.01, 250), resamples=200)["sharpe"]).low
        <= 0.05 * np.sqrt(252)
        <= one.high
        for _ in range(150)
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_equity_that_only_rises_has_no_drawdown_in_any_order() -> None:
    found = period_intervals(np.linspace(0.001, 0.002, 40))["drawdown"]
    assert (found.value, found.low, found.high) == (0, 0, 0)
