"""Returns, risk and drawdown against golden values of other libraries, and NaN with a reason instead of nonsense."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.measures import performance
from toolkit.measures.figure import Figure, unknown

RETURNS = np.array([0.01, -0.02, 0.015, 0.003, -0.007, 0.012, 0.0, -0.004, 0.02, -0.011])


def test_sharpe_and_volatility_are_those_of_empyrical_and_quantstats() -> None:
    assert performance.sharpe_ratio(RETURNS).value == pytest.approx(2.2655997357466426, rel=1e-12)
    assert performance.annual_volatility(RETURNS).value == pytest.approx(0.20021188775894402, rel=1e-12)


def test_the_standard_error_is_the_one_in_the_probabilistic_sharpe_ratio() -> None:
    """PSR = Φ(SR/error): with moments over n, and one period's ratio over √(n − 1), by hand."""
    ratio = RETURNS.mean() / RETURNS.std(ddof=1)
    centred = RETURNS - RETURNS.mean()
    skewness = (centred**3).mean() / RETURNS.std() ** 3
    kurtosis = (centred**4).mean() / RETURNS.std() ** 4
    by_hand = np.sqrt(252 * (1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2) / 9)
    assert performance.sharpe_standard_error(RETURNS).value == pytest.approx(by_hand, rel=1e-12)


def test_the_standard_error_is_what_repeating_the_experiment_shows() -> None:
    draws = np.random.default_rng(7).standard_t(5, size=(4_000, 120)) * 0.01 + 0.0005
    ratios = [performance.sharpe_ratio(row).value for row in draws]
    errors = [performance.sharpe_standard_error(row).value for row in draws]
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.05)


def test_returns_are_changes_of_pnl_over_the_capital_and_add_up() -> None:
    pnl = np.array([0.0, 100.0, 50.0, 250.0])
    returns = performance.period_returns(pnl, 1_000.0)
    assert returns.tolist() == [0.1, -0.05, 0.2]
    assert performance.total_return(250.0, 1_000.0) == Figure(0.25)
    assert performance.annual_return(returns, periods=3).value == pytest.approx(0.25)


def test_the_deepest_fall_with_its_dates() -> None:
    found = performance.max_drawdown(np.array([100.0, 110.0, 99.0, 105.0, 88.0, 109.0, 110.0, 80.0 + 30.0]))
    assert found.depth == pytest.approx(88 / 110 - 1)
    assert (found.peak, found.trough, found.recovered, found.reason) == (1, 4, 6, "")


def test_a_fall_that_lasts_has_not_recovered_and_none_is_none() -> None:
    assert performance.max_drawdown(np.array([100.0, 90.0, 95.0])).recovered is None
    assert performance.max_drawdown(np.array([100.0, 101.0])).depth == 0.0


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (performance.sharpe_ratio(np.array([0.01])), "fewer than two periods"),
        (performance.sharpe_ratio(np.array([0.01, 0.01, 0.01])), "the returns do not vary"),
        (performance.sharpe_ratio(np.full(9, 0.1 + 1e-17)), "the returns do not vary"),
        (performance.sharpe_standard_error(np.zeros(5)), "the returns do not vary"),
        (performance.sharpe_ratio(np.array([0.01, np.nan])), "a return is not known"),
        (performance.annual_volatility(np.array([])), "fewer than two periods"),
        (performance.annual_return(np.array([])), "no period has ended"),
        (performance.total_return(5.0, 0.0), "the capital is not above 0"),
    ],
)
def test_what_cannot_be_known_is_nan_with_a_reason(figure: Figure, reason: str) -> None:
    assert not figure.is_known
    assert figure.reason == reason


@pytest.mark.parametrize(
    ("equity", "reason"),
    [
        ([], "no equity"),
        ([100.0, float("nan")], "equity is not known at every mark"),
        ([0.0, 5.0], "not begin above 0"),
    ],
)
def test_a_drawdown_that_cannot_be_known_says_why(equity: list[float], reason: str) -> None:
    found = performance.max_drawdown(np.array(equity))
    assert np.isnan(found.depth)
    assert reason in found.reason


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(1, 1e6)))
def test_no_fall_is_deeper_than_the_deepest(equity: np.ndarray) -> None:
    found = performance.max_drawdown(equity)
    assert found.depth == performance.drawdowns(equity).min() <= 0
    assert found.peak <= found.trough
    assert equity[found.peak] == equity[: found.trough + 1].max()


def test_unknown_is_not_equal_to_a_number() -> None:
    assert not unknown("why").is_known
    assert Figure(0.0).is_known
