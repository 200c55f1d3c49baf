"""Against a replay the running book is judged session by session; with nothing to compare with, words say so."""

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tools.folded_desk import Journal
from tests.tools.known_desk import known_of
from toolkit.client.desk_state import DriftRule
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.compared import DAY, compare, in_money
from toolkit.dashboards.divergence import NONE, divergence_parts
from toolkit.dashboards.equity_lines import pnl_picture
from toolkit.dashboards.face import Picture, Table
from toolkit.dashboards.known import Known, Reference
from toolkit.dashboards.looks import BAD, GOOD, ODD
from toolkit.domain.rungs import Rung, SessionRungs
from toolkit.measures.divergence import BEHIND, FEWEST
from toolkit.replica.equity import Curve, Point

Floats = NDArray[np.float64]
QUANTUM = 100
WALL = 1_000
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
    assert f"σ is not known yet: it takes {BEHIND} sessions" in picture.empty
    assert "σ is not known yet: it takes" in number.words
    assert not number.how, "who does not know how much is much says neither good nor bad"


def test_without_anything_to_compare_with_words_say_so() -> None:
    (picture, table, _), number = divergence_parts(known_of(Journal(1)), CHOICE)
    assert isinstance(picture, Picture)
    assert picture.empty == NONE
    assert number.value == "–"
    assert isinstance(table, Table)
    assert not table.rows


# ---- as the desk measured it


def desk_that_measured(apart: Sequence[int | None], **last: object) -> Known:
    """Sessions of one strategy, each so many quanta apart from its replay, None where it was not replayed."""
    sessions = []
    for day, each in enumerate(apart, 1):
        known = {"missing": "it raised"} if each is None else {"live": each, "replay": 0, "backtest": 0, "fees": each}
        rung = Rung(strategy="trend", version="v1", orders=20, noise=40.0, **known)
        sessions.append(SessionRungs(session=f"day {day}", step=day, time=day * DAY, wall=WALL + day, rungs=(rung,)))
    journal = Journal(1)
    journal.act(30)
    return known_of(journal, sessions=tuple(sessions), **last)


def test_a_desk_that_is_equal_to_its_replay_says_so_and_has_a_σ_all_the_same() -> None:
    (picture, table, causes), number = divergence_parts(desk_that_measured([0] * (FEWEST + 3)), CHOICE)
    assert (number.value, number.how) == ("none", GOOD)
    assert isinstance(picture, Picture)
    assert picture.data["worse"] == [0.0] * 3
    assert isinstance(table, Table)
    assert [row[:4] for row in table.rows] == [("trend", "the replay (B1)", str(FEWEST + 3), "0")]
    assert "the same in every session: trend" in table.below[0]
    assert isinstance(causes, Table)
    assert causes.rows == (("trend", *["0.00"] * 6),)


def test_what_drifts_is_the_number_of_the_page_and_its_cause_stands_below() -> None:
    (picture, table, causes), number = divergence_parts(desk_that_measured([0] * FEWEST + [-90, -90, None]), CHOICE)
    assert number.how == BAD
    assert number.words == "drift of trend against the replay (B1); warned at 8"
    assert isinstance(picture, Picture)
    assert picture.data["worse"][-1] > 12
    assert isinstance(table, Table)
    assert any("1 sessions since were not held against the replay (B1): it raised" in words for words in table.below)
    assert isinstance(causes, Table)
    assert float(causes.rows[0][4]) < 0


def test_a_page_goes_by_the_rule_that_people_are_told_by() -> None:
    apart = [0] * FEWEST + [-90, -90]
    wide = DriftRule(warn=60, freeze=70, width=60, is_daily=False)
    (picture, _, _), number = divergence_parts(desk_that_measured(apart, drift_rule=wide), CHOICE)
    assert number.how == GOOD
    assert isinstance(picture, Picture)
    assert (picture.data["warn"][-1], picture.data["freeze"][-1]) == (60, 70)
    assert "warns at 60, freezes at 70" in picture.below
    daily = DriftRule(warn=60, freeze=70, width=3, is_daily=True)
    (picture, table, _), number = divergence_parts(desk_that_measured(apart, drift_rule=daily), CHOICE)
    assert (number.how, number.words) == (ODD, "last session of trend against the replay (B1); told beyond 3")
    assert isinstance(picture, Picture)
    assert "single sessions beyond 3 σ are told (daily_z)" in picture.below
    assert isinstance(table, Table)
    assert "beyond 3 σ>" in table.columns
    frozen = DriftRule(is_daily=True)
    assert divergence_parts(desk_that_measured(apart, drift_rule=frozen), CHOICE)[1].words.endswith("frozen at 12")


def test_the_replay_runs_beside_the_equity() -> None:
    known = desk_that_measured([0] * 3 + [-90])
    name = next(iter(known.tallies.equity.curves))
    sessions = tuple(
        msgspec.structs.replace(each, rungs=(msgspec.structs.replace(each.rungs[0], strategy=name),))
        for each in known.sessions
    )
    picture = pnl_picture(dataclasses.replace(known, sessions=sessions), CHOICE, beside=True)
    place = next(key for key in picture.data if key.startswith("replay")).removeprefix("replay")
    live, replay = picture.data[f"pnl{place}"], picture.data[f"replay{place}"]
    assert replay[-1] - live[-1] == pytest.approx(in_money(known, 90))
    assert not [key for key in picture.data if key.startswith("backtest")], "which is the same"
