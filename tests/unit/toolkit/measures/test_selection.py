"""The luck of choosing, held against the worked example of its paper and against simulation."""

import numpy as np
import pytest

from toolkit.measures.figure import Figure, unknown
from toolkit.measures.selection import expected_best_sharpe, probabilistic_sharpe

DAYS = 250


def paper_error() -> Figure:
    """Standard error of the example: 1,250 days, skewness −3, kurtosis 10."""
    ratio = 2.5 / np.sqrt(DAYS)
    inside = 1 + 3 * ratio + (10 - 1) / 4 * ratio**2
    return Figure(float(np.sqrt(DAYS * inside / 1249)))


def test_the_worked_example_of_the_paper() -> None:
    """Bailey and López de Prado (2014): SR 2.5, the best of 100 with variance 1/2, is real with 0.9004."""
    spread = np.array([-1.0, 1.0]) * np.sqrt(0.5) / np.sqrt(2)
    assert np.var(spread, ddof=1) == pytest.approx(0.5)
    luck = expected_best_sharpe(spread, 100)
    assert luck.value / np.sqrt(DAYS) == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic_sharpe(Figure(2.5), paper_error(), luck).value == pytest.approx(0.9004, abs=5e-4)


def test_the_best_of_many_without_skill_is_what_it_says() -> None:
    ratios = np.random.default_rng(3).normal(0, 0.7, size=(2_000, 50))
    expected = np.mean([expected_best_sharpe(row, 50).value for row in ratios])
    assert expected == pytest.approx(float(ratios.max(axis=1).mean()), rel=0.02)


def test_what_cannot_be_known_has_a_reason() -> None:
    assert expected_best_sharpe(np.array([1.0]), 1).reason == "fewer than two variants"
    assert expected_best_sharpe(np.array([1.0, np.nan]), 5).reason == "fewer than two variants"
    assert probabilistic_sharpe(Figure(1.0), Figure(0.5), unknown("too few")).reason == "too few"
