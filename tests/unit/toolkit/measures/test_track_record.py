"""How long it takes to know anything, as the pages of a rollout promise it, and daily scores that do not panic."""

import numpy as np
import pytest
from scipy.stats import norm

from toolkit.measures.performance import sharpe_ratio, sharpe_standard_error
from toolkit.measures.track_record import (
    anomaly_scores,
    days_to_tell_apart,
    deflated_sharpe,
    drawdown_band,
    minimum_track_record,
    non_inferior,
    psr,
    sharpe_days,
)


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(21)


def test_thirty_days_leave_an_error_of_nearly_three_on_a_sharpe_ratio(draws: np.random.Generator) -> None:
    errors = [sharpe_standard_error(draws.standard_normal(30) * 0.01).value for _ in range(2_000)]
    assert np.mean(errors) == pytest.approx(2.9, abs=0.1)


def test_rejecting_a_ratio_of_zero_takes_682_days_when_it_is_one(draws: np.random.Generator) -> None:
    assert sharpe_days(1.0) == 682
    days = draws.standard_normal((3_000, 682)) * 0.01 + 0.01 / np.sqrt(252)
    rejected = [psr(row).value > 0.95 for row in days]
    assert np.mean(rejected) == pytest.approx(0.5, abs=0.03), "half of the time: the ratio's estimate is around 1 then"


@pytest.mark.parametrize(("correlation", "days"), [(0.0, 3_950), (0.8, 790), (0.95, 200)])
def test_a_difference_of_one_takes_years_unless_both_trade_the_same_days(correlation: float, days: int) -> None:
    assert days_to_tell_apart(1.0, correlation) == pytest.approx(days, rel=0.015)


def test_the_power_of_a_paired_comparison_is_the_one_it_was_planned_for(draws: np.random.Generator) -> None:
    days = days_to_tell_apart(1.0, 0.8)
    shared, own = np.sqrt(0.8), np.sqrt(0.2)
    found = 0
    for _ in range(600):
        both = draws.standard_normal(days)
        first = shared * both + own * draws.standard_normal(days) + 1 / np.sqrt(252)
        second = shared * both + own * draws.standard_normal(days)
        apart = first - second
        found += abs(apart.mean() / apart.std(ddof=1) * np.sqrt(days)) > 1.96
    assert found / 600 == pytest.approx(0.8, abs=0.05)


def test_the_best_of_many_is_deflated(draws: np.random.Generator) -> None:
    """Of 50 variants without any edge the best looks good; deflated it does not."""
    variants = draws.standard_normal((50, 500)) * 0.01
    ratios = np.array([sharpe_ratio(row).value for row in variants])
    best = variants[int(np.argmax(ratios))]
    assert psr(best).value > 0.95
    assert deflated_sharpe(best, ratios, 50).value < 0.9
    assert "fewer than two variants" in deflated_sharpe(best, ratios[:1], 1).reason


def test_a_longer_record_is_needed_for_a_higher_bar(draws: np.random.Generator) -> None:
    returns = draws.standard_normal(500) * 0.01 + 0.001
    low, high = minimum_track_record(returns, 0.0), minimum_track_record(returns, 1.0)
    assert low.value < high.value
    assert "is not above 9" in minimum_track_record(returns, 9.0).reason


def test_non_inferiority_needs_evidence_and_a_margin_that_noise_leaves_room_for(draws: np.random.Generator) -> None:
    differences = draws.standard_normal(400) * 8
    bound, passes = non_inferior(differences, margin=2.0)
    assert passes
    assert bound.value == pytest.approx(differences.mean() - 1.645 * 8 / 20, abs=0.2)
    assert non_inferior(differences, margin=0.1)[1] is False
    unknown, passes = non_inferior(np.array([1.0, 2.0]), margin=2.0)
    assert (passes, "fewer than 10" in unknown.reason) == (False, True)


def test_non_inferiority_passes_what_is_worse_by_the_margin_as_seldom_as_alpha_says(draws: np.random.Generator) -> None:
    passed = [non_inferior(draws.standard_normal(300) * 8 - 2.0, margin=2.0)[1] for _ in range(2_000)]
    assert np.mean(passed) == pytest.approx(0.05, abs=0.02)


def test_few_records_fall_below_the_band_of_what_they_come_from(draws: np.random.Generator) -> None:
    def path() -> np.ndarray:
        return draws.standard_normal(250) * 0.01 + 0.0004

    band, reason = drawdown_band(path(), 60, resamples=1_000)
    assert reason == ""
    assert np.all(np.diff(band) <= 0), "the deepest fall so far only deepens"
    below = 0
    for _ in range(400):
        equity = np.concatenate(([1.0], 1 + np.cumsum(path()[:60])))
        deepest = (equity / np.maximum.accumulate(equity) - 1).min()
        below += deepest < band[-1]
    assert below / 400 < 0.12
    assert drawdown_band(np.zeros(5), 10)[1] == "fewer than 20 periods"


def test_the_band_of_a_horizon_beyond_the_backtest_favours_no_part_of_it() -> None:
    """Half of the record falls and half rises: 40 of 60 periods must not come from the half that stands first."""
    falling, rising = -np.ones(20) * 0.01, np.ones(20) * 0.01
    first, _ = drawdown_band(np.concatenate((falling, rising)), 60, level=0.5)
    second, _ = drawdown_band(np.concatenate((rising, falling)), 60, level=0.5)
    assert first[-1] == pytest.approx(second[-1], rel=0.1)


def test_what_no_record_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="never found to be above 0"):
        sharpe_days(0.0)
    with pytest.raises(ValueError, match="never told apart"):
        days_to_tell_apart(0.0)


def test_a_day_out_of_the_ordinary_scores_high_and_does_not_hide_the_next_one(draws: np.random.Generator) -> None:
    figures = np.concatenate([draws.standard_normal(60), [9.0, 9.0], draws.standard_normal(5)])
    scores = anomaly_scores(figures)
    assert np.isnan(scores[:20]).all()
    assert min(scores[60], scores[61]) > 5
    assert np.abs(scores[62:]).max() < 4
    assert np.nanmean(np.abs(scores[20:60]) > 3) < 0.1
    assert np.isnan(anomaly_scores(np.ones(40))).all(), "what never varied has no scale"


def test_scores_of_normal_days_are_about_normal(draws: np.random.Generator) -> None:
    scores = anomaly_scores(draws.standard_normal(4_000))[60:]
    assert np.std(scores) == pytest.approx(1.0, abs=0.1)
    assert np.mean(np.abs(scores) > 2) == pytest.approx(2 * norm.sf(2), abs=0.02)
