"""How far a book has drifted from its replay, in σ, from one difference a session: numbers in, numbers out.

It loads neither scipy nor numpy: the process that keeps it up to date stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import median, stdev
from typing import Final, NamedTuple

import msgspec

from toolkit.domain.rungs import Drift, Rung, SessionRungs

BEHIND: Final = 120
"""Sessions that σ comes from ..."""
ORDERS: Final = 200
FEWEST: Final = 20
"""... or fewer with so many orders, but never below this."""
ALLOWANCE: Final = 0.25
"""k of Page's sums: half of the shift, in σ, that should be found."""
WAITS: Final = f"σ takes {BEHIND} sessions, or {ORDERS} orders in {FEWEST} of them; {{:,}} were measured"


class Session(NamedTuple):
    """Live less the other book, in any unit of money. `noise` is what half a spread on each of its orders costs."""

    apart: float
    orders: int = 0
    noise: float = 0.0


class Drifted(NamedTuple):
    """Page's sums after each session that came behind those that σ comes from, and the session's own score."""

    sigma: float
    behind: int
    scores: tuple[float, ...]
    better: tuple[float, ...]
    worse: tuple[float, ...]


def drift(sessions: Sequence[Session], since: int = 0) -> Drifted | None:
    """σ from the first sessions, the sums over the rest from `since` on (Page 1954); None while σ is not known.

    σ is their standard deviation, and never below what half the spread of their median order would make of a session
    with as many orders: what always was equal to the cent would else be a million σ away at the first cent.
    """
    behind = behind_of(sessions)
    if behind is None:
        return None
    sigma = _sigma(sessions[:behind])
    if not sigma:
        return None
    scores = tuple(each.apart / sigma for each in sessions[max(behind, since) :])
    return Drifted(sigma, behind, scores, page_sums(scores), page_sums([-score for score in scores]))


def behind_of(sessions: Sequence[Session]) -> int | None:
    """How many of the first sessions σ comes from; None while there are too few."""
    orders = 0
    for count, each in enumerate(sessions, 1):
        orders += each.orders
        if count >= BEHIND or (count >= FEWEST and orders >= ORDERS):
            return count
    return None


def page_sums(scores: Sequence[float], allowance: float = ALLOWANCE) -> tuple[float, ...]:
    """`C_t = max(0, C_{t−1} + z_t − k)` after each score."""
    total, found = 0.0, []
    for score in scores:
        total = max(0.0, total + score - allowance)
        found.append(total)
    return tuple(found)


def _sigma(sessions: Sequence[Session]) -> float:
    traded = [each for each in sessions if each.orders]
    spread = stdev(each.apart for each in sessions)
    if not traded:
        return spread
    of_order = median(each.noise / each.orders for each in traded)
    return max(spread, of_order * sqrt(sum(each.orders for each in traded) / len(traded)))


# ---- of stored sessions


def added(before: Rung | None, rung: Rung) -> Rung:
    """Two stretches of one session as one; what was not measured counts for nothing, and keeps its reason."""
    if before is None:
        return rung
    summed = {
        name: getattr(before, name) + getattr(rung, name)
        for name in ("delay", "spread_impact", "missed", "fees", "signal", "orders", "noise")
    }
    both = {name: _plus(getattr(before, name), getattr(rung, name)) for name in ("live", "replay", "backtest")}
    return msgspec.structs.replace(rung, **summed, **both, missing="" if both["replay"] is not None else rung.missing)


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


def drifts_of(sessions: Sequence[SessionRungs]) -> tuple[Drift, ...]:
    """Each strategy against its replay, and against a backtest where there is one."""
    names = sorted({rung.strategy for session in sessions for rung in session.rungs})
    found = (drift_of(sessions, name, against) for name in names for against in ("replay", "backtest"))
    return tuple(each for each in found if each is not None)


class Held(NamedTuple):
    """Which of a strategy's rungs (by place) were held against another book, and how far apart they were, in quanta.

    `since` is the first of them that the newest version earned; `unmeasured` rungs came behind the last.
    """

    places: tuple[int, ...]
    apart: tuple[int, ...]
    since: int
    unmeasured: int


def held_against(rungs: Sequence[Rung], against: str) -> Held | None:
    """None where none of them was. `replay` is B4 − B1, `backtest` B1 − B0.

    A new version starts with sums of 0; what σ is, its strategy has shown already.
    """
    apart = {place: found for place, rung in enumerate(rungs) if (found := apart_of(rung, against)) is not None}
    places = tuple(apart)
    if not places:
        return None
    version = rungs[places[-1]].version
    since = next((count for count in range(len(places), 0, -1) if rungs[places[count - 1]].version != version), 0)
    return Held(places, tuple(apart.values()), since, len(rungs) - 1 - places[-1])


def drift_of(sessions: Sequence[SessionRungs], strategy: str, against: str) -> Drift | None:
    """None where it was never held against that."""
    rungs = [rung for session in sessions for rung in session.rungs if rung.strategy == strategy]
    held = held_against(rungs, against)
    if held is None:
        return None
    measured = [
        Session(float(apart), rungs[place].orders, rungs[place].noise)
        for place, apart in zip(held.places, held.apart, strict=True)
    ]
    found = drift(measured, held.since)
    told = Drift(strategy=strategy, against=against, sessions=len(measured), unmeasured=held.unmeasured)
    if found is None:
        why = "no order was sent and nothing differed" if behind_of(measured) else WAITS.format(len(measured))
        return msgspec.structs.replace(told, why=why)
    return msgspec.structs.replace(
        told, sigma=found.sigma, behind=found.behind,
        last=None if held.unmeasured else measured[-1].apart / found.sigma,
        better=found.better[-1] if found.better else 0.0, worse=found.worse[-1] if found.worse else 0.0,
        why=rungs[-1].missing,
    )  # fmt: skip


def apart_of(rung: Rung, against: str) -> int | None:
    """Live less replay, or replay less backtest, in quanta; None where it was not measured."""
    one, other = (rung.live, rung.replay) if against == "replay" else (rung.replay, rung.backtest)
    return None if one is None or other is None else one - other
