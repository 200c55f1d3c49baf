"""Each strategy against its replay and its backtest, session by session: as the desk measured it, or a notebook."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.known import Known, Reference
from toolkit.domain.rungs import Rung
from toolkit.domain.time import NANOSECONDS
from toolkit.measures.divergence import Drifted, Session, apart_of, drift, held_against
from toolkit.replica.equity import Point
from toolkit.replica.views import money

DAY: Final = 86_400 * NANOSECONDS
AGAINST: Final = {"replay": "the replay (B1)", "backtest": "the backtest (B0)"}
PARTS: Final = ("delay", "spread_impact", "missed", "fees", "signal")


class Compared(NamedTuple):
    """One strategy against one other book: a difference for each session, in money, with its times (ns).

    `drift` is None while σ is not known; `unmeasured` sessions followed the last of them, and `why`.
    """

    strategy: str
    against: str
    times: tuple[int, ...]
    sessions: tuple[Session, ...]
    drift: Drifted | None
    unmeasured: int = 0
    why: str = ""

    @property
    def total(self) -> float:
        return sum(each.apart for each in self.sessions)

    @property
    def differs(self) -> bool:
        return any(each.apart for each in self.sessions)

    @property
    def sum(self) -> float:
        """The larger of Page's sums as they stand, 0 while there are none."""
        drifted = self.drift
        return 0.0 if drifted is None else max((*drifted.better[-1:], *drifted.worse[-1:]), default=0.0)


def all_compared(known: Known, choice: Choice) -> list[Compared]:
    """What a notebook gave, else what the desk's replayer measured."""
    if known.references:
        given = (compare(known, each) for each in known.references if choice.takes(each.strategy))
        return [each for each in given if each is not None]
    return [each for each in measured(known) if choice.takes(each.strategy)]


def measured(known: Known) -> Iterator[Compared]:
    """Of the desk's own sessions; what could not be replayed is not among them."""
    names = sorted({rung.strategy for session in known.sessions for rung in session.rungs})
    for name in names:
        rungs = [(session.time, rung) for session in known.sessions for rung in session.rungs if rung.strategy == name]
        for against in AGAINST:
            if (found := _of(known, name, against, rungs)) is not None:
                yield found


def _of(known: Known, name: str, against: str, timed: Sequence[tuple[int, Rung]]) -> Compared | None:
    rungs = [rung for _, rung in timed]
    held = held_against(rungs, against)
    if held is None:
        return None
    sessions = tuple(
        Session(in_money(known, apart), rungs[place].orders, in_money(known, rungs[place].noise))
        for place, apart in zip(held.places, held.apart, strict=True)
    )
    times = tuple(timed[place][0] for place in held.places)
    drifted = drift(sessions, held.since)
    return Compared(name, against, times, sessions, drifted, held.unmeasured, rungs[-1].missing)


def in_money(known: Known, quanta: float) -> float:
    """Parts may lie between two quanta."""
    return quanta * float(money(known.replica.ledger, 1))


def apart_by(known: Known, name: str, against: str) -> tuple[list[int], list[float]]:
    """When (our clock) live had come apart from another book by how much in all, in money, up to now."""
    walls, totals, total = [0], [0.0], 0.0
    for session in (*known.sessions, *known.going_on):
        for rung in session.rungs:
            if rung.strategy != name:
                continue
            steps = [apart_of(rung, one) for one in (("replay",) if against == "replay" else AGAINST)]
            total += sum(in_money(known, step) for step in steps if step is not None)
            walls.append(session.wall)
            totals.append(total)
    return walls, totals


# ---- against a book that a notebook gave


def compare(known: Known, reference: Reference) -> Compared | None:
    """Session by session; None where the two have no two sessions in common."""
    curve = known.tallies.equity.curves.get(reference.strategy)
    closes = [] if curve is None or not reference.times else _closes(curve.points, reference)
    if len(closes) < 3:
        return None
    ledger = known.replica.ledger
    apart = [
        float(money(ledger, point.pnl)) - reference.pnl[bisect_right(reference.times, point.time) - 1]
        for point in closes
    ]
    steps = [after - before for before, after in pairwise(apart)]
    sessions = tuple(Session(0.0 if abs(step) < 0.005 else step) for step in steps)
    times = tuple(point.time for point in closes[1:])
    return Compared(reference.strategy, reference.against, times, sessions, drift(sessions))


def _closes(points: Sequence[Point], reference: Reference) -> list[Point]:
    """The last point of each day of the feed that the reference covers, without the day that goes on."""
    inside = [point for point in points if reference.times[0] <= point.time <= reference.times[-1]]
    return [point for point, after in pairwise(inside) if point.time // DAY != after.time // DAY]
