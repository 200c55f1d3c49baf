"""σ from the first sessions, Page's sums over the rest; a session that was not measured counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.domain.rungs import Rung, SessionRungs
from toolkit.measures.divergence import BEHIND, FEWEST, Session, added, behind_of, drift, drift_of, page_sums
from toolkit.measures.sequential import cusum


def test_the_sums_are_those_of_the_chart() -> None:
    scores = np.random.default_rng(5).normal(0.1, 1, 500)
    chart = cusum(scores, 1.0)
    assert page_sums(list(scores)) == pytest.approx(list(chart.up))
    assert page_sums(list(-scores)) == pytest.approx(list(chart.down))


def test_what_was_always_equal_has_the_σ_of_half_a_spread() -> None:
    quiet = [Session(0.0, orders=4, noise=8.0)] * BEHIND
    found = drift([*quiet, Session(-40.0, orders=4, noise=8.0)])
    assert found is not None
    assert found.sigma == pytest.approx(2.0 * 4**0.5)
    assert found.worse[-1] == pytest.approx(10 - 0.25)
    assert not any(found.worse[:-1])


@pytest.mark.parametrize(("orders", "count"), [(0, BEHIND), (1, BEHIND), (2, 100), (1_000, FEWEST)])
def test_σ_takes_sessions_or_orders(orders: int, count: int) -> None:
    assert behind_of([Session(1.0, orders)] * 200) == count
    assert behind_of([Session(1.0, orders)] * (count - 1)) is None


def rung(apart: int | None, version: str = "v1") -> Rung:
    known = {} if apart is None else {"live": apart, "replay": 0}
    return Rung(strategy="trend", version=version, orders=20, noise=40.0, missing="" if known else "gone", **known)


def days(*rungs: Rung) -> list[SessionRungs]:
    return [
        SessionRungs(session=str(day), step=day, time=day, wall=day, rungs=(each,)) for day, each in enumerate(rungs)
    ]


def test_what_could_not_be_replayed_leaves_the_sums_and_is_counted() -> None:
    known = [rung(0)] * FEWEST + [rung(-90)]
    before, after = drift_of(days(*known), "trend", "replay"), drift_of(days(*known, rung(None)), "trend", "replay")
    assert before is not None
    assert after is not None
    assert before.worse == after.worse == pytest.approx(90 / (2 * 20**0.5) - 0.25)
    assert (after.last, after.unmeasured, after.why) == (None, 1, "gone")
    assert drift_of(days(*known), "trend", "backtest") is None


def test_a_new_version_begins_with_sums_of_0_and_the_same_σ() -> None:
    known = [rung(0)] * FEWEST + [rung(-90)] * 3
    old, new = drift_of(days(*known), "trend", "replay"), drift_of(days(*known, rung(0, "v2")), "trend", "replay")
    assert old is not None
    assert new is not None
    assert old.worse is not None
    assert old.worse > 12
    assert (new.worse, new.sigma) == (0.0, old.sigma)


def test_stretches_of_a_session_add_up() -> None:
    both = added(rung(-90), rung(-10))
    assert (both.live, both.replay, both.orders, both.missing) == (-100, 0, 40, "")
    assert added(rung(-90), rung(None)).live == -90
