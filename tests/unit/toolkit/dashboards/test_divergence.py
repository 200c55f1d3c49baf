"""Against a replay the running book is judged session by session; with nothing to compare with, words say so."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tools.folded_desk import Journal
from tests.tools.known_desk import known_of
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.compared import DAY, compare
from toolkit.dashboards.divergence import NONE, divergence_parts
from toolkit.dashboards.face import Picture, Table
from toolkit.dashboards.known import Known, Reference
from toolkit.dashboards.looks import BAD, GOOD
from toolkit.measures.divergence import BEHIND
from toolkit.replica.equity import Curve, Point

Floats = NDArray[np.float64]
QUANTUM = 100
CHOICE = Choice(view="pnl_live", span="all")


def known_with(live: Floats, reference: Floats) -> Known:
    """One strategy that earned `live` in each session, and the reference that earned `reference`."""
    points = [
        Point(day + 1, day * DAY, round(total * QUANTUM), 0, 0) for day, total in enumerate(np.cumsum(live), start=1)
    ]
    times = tuple(point.time for point in points)
    against = Reference(against="replay", strategy="trend", times=times, pnl=tuple(map(float, np.cumsum(reference))))
    journal = Journal(1)
    journal.act(30)
    known = known_of(journal, references=(against,))
    known.tallies.equity.curves["trend"] = Curve(points)
    return known


def test_an_equal_replay_is_equal_to_the_cent() -> None:
    earned = np.round(np.random.default_rng(1).normal(0, 50, 300), 2)
    (_, table, _), number = divergence_parts(known_with(earned, earned), CHOICE)
    assert (number.value, number.how) == ("none", GOOD)
    assert isinstance(table, Table)
    assert table.rows[0][3] == "0"


@pytest.mark.parametrize(("shift", "how"), [(0.0, GOOD), (-10.0, BAD)])
def test_what_drifts_by_a_σ_a_session_passes_the_boundary_and_noise_does_not(shift: float, how: str) -> None:
    noise = np.random.default_rng(3).normal(0, 10, BEHIND + 40)
    noise[BEHIND:] += shift
    known = known_with(np.round(noise, 2), np.zeros(len(noise)))
    (picture, _, _), number = divergence_parts(known, CHOICE)
    assert number.how == how
    assert number.value.endswith("σ")
    assert isinstance(picture, Picture)
    assert (max(picture.data["worse"]) > 12) == (shift < 0)
    found = compare(known, known.references[0])
    assert found is not None
    assert found.drift is not None
    assert found.drift.sigma == pytest.approx(10, rel=0.2)


def test_too_few_sessions_have_no_σ() -> None:
    (picture, _, _), number = divergence_parts(known_with(np.ones(20), np.zeros(20)), CHOICE)
    assert isinstance(picture, Picture)
    assert f"σ takes {BEHIND} sessions" in picture.empty
    assert "σ takes" in number.words


def test_without_anything_to_compare_with_words_say_so() -> None:
    (picture, table, _), number = divergence_parts(known_of(Journal(1)), CHOICE)
    assert isinstance(picture, Picture)
    assert picture.empty == NONE
    assert number.value == "–"
    assert isinstance(table, Table)
    assert not table.rows
