"""How far the running book is from a replay or a backtest of its span, in σ; words where there is none to compare with.

A difference is one of a session of the feed. σ comes from the first sessions, which are then not judged themselves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.drawing import SHADES, colour_of, lines
from toolkit.dashboards.face import Number, Part, Picture, Table
from toolkit.dashboards.known import Known, Reference
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell
from toolkit.domain.time import NANOSECONDS
from toolkit.replica.equity import Point
from toolkit.replica.views import money

BEHIND: Final = 120
"""Sessions that σ comes from."""
WARN: Final = 8.0
FREEZE: Final = 12.0
WIDTH: Final = 2.0
DAY: Final = 86_400 * NANOSECONDS
AGAINST: Final = {"replay": "the replay (B1)", "backtest": "the backtest (B0)"}
NONE: Final = (
    "Nothing to compare with: no replay (B1) and no backtest (B0) of this span is stored. The rollout will bring both; "
    'until then a notebook can hold the desk against one: tk.dashboard("pnl_live", replay=tk.backtest(desk.book())).'
)

Floats = NDArray[np.float64]


class Compared(NamedTuple):
    """One strategy against one other book: its difference a session, in money, with their feed times."""

    reference: Reference
    times: tuple[int, ...]
    apart: Floats

    @property
    def total(self) -> float:
        return float(self.apart.sum())


def divergence_parts(known: Known, choice: Choice) -> tuple[tuple[Part, ...], Number]:
    """Picture and table, and the last of the five numbers."""
    found = [
        compared
        for reference in known.references
        if choice.takes(reference.strategy) and (compared := compare(known, reference)) is not None
    ]
    return (_picture(known, found), _table(known, found)), _number(found)


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
    steps = np.array([after - before for before, after in pairwise(apart)], dtype=np.float64)
    return Compared(reference, tuple(point.time for point in closes[1:]), np.where(np.abs(steps) < 0.005, 0.0, steps))


def _closes(points: Sequence[Point], reference: Reference) -> list[Point]:
    """The last point of each day of the feed that the reference covers, without the day that goes on."""
    inside = [point for point in points if reference.times[0] <= point.time <= reference.times[-1]]
    return [point for point, after in pairwise(inside) if point.time // DAY != after.time // DAY]


# ---- in σ


def sigma_of(compared: Compared) -> float | None:
    """σ of a session's difference, from the first BEHIND of them; None while there are fewer, or while none differs."""
    behind = compared.apart[:BEHIND]
    if len(behind) < BEHIND or not behind.any():
        return None
    return float(behind.std(ddof=1))


def _judged(compared: Compared, sigma: float) -> tuple[Floats, Floats]:
    """Page's sums over what came after σ was found: (better than the reference, worse)."""
    from toolkit.measures.sequential import cusum  # scipy, which only pays where there is something to judge

    chart = cusum(compared.apart[BEHIND:], sigma)
    return chart.up, chart.down


def _number(found: Sequence[Compared]) -> Number:
    if not found:
        return Number(value="–", words="deviation: no replay and no backtest of this span is stored yet")
    worst, words, how = 0.0, "", GOOD
    for compared in found:
        sigma = sigma_of(compared)
        if sigma is not None and len(compared.apart) > BEHIND:
            last = float(compared.apart[-1]) / sigma
            if abs(last) >= abs(worst):
                worst, words = last, f"{compared.reference.strategy} against {AGAINST[compared.reference.against]}"
            sums = max(float(side[-1]) for side in _judged(compared, sigma))
            how = BAD if sums > FREEZE else ODD if sums > WARN and how != BAD else how
    if words:
        return Number(value=f"{worst:+.1f} σ", words=f"last session of {words}", how=how)
    total, sessions = sum(compared.total for compared in found), max(len(compared.apart) for compared in found)
    if not any(compared.apart.any() for compared in found):
        return Number(value="none", words=f"apart in {sessions:,} sessions: equal to the cent", how=GOOD)
    return Number(
        value=f"{total:+,.2f}", words=f"apart in {sessions:,} sessions; σ takes {BEHIND} with differences",
        how=ODD if total else GOOD,
    )  # fmt: skip


def _picture(known: Known, found: Sequence[Compared]) -> Picture:
    judged = [(compared, sigma) for compared in found if (sigma := sigma_of(compared)) is not None]
    title = "Deviation from replay or backtest: Page's sums over sessions, σ"
    if not judged:
        fewest = max((len(compared.apart) for compared in found), default=0)
        empty = NONE if not found else f"σ takes {BEHIND} sessions with differences; there are {fewest:,} sessions."
        return Picture(key="deviation", title=title, data={}, draw=lines((), "σ"), empty=empty)
    compared, sigma = judged[0]
    up, down = _judged(compared, sigma)
    times = list(known.zone.axis(compared.times[BEHIND:]))
    data = {
        "time": times, "better": list(up), "worse": list(down), "warn": [WARN] * len(times),
        "freeze": [FREEZE] * len(times),
    }  # fmt: skip
    named = (("better", colour_of(2)), ("worse", colour_of(0)), ("warn", SHADES[1]), ("freeze", SHADES[2]))
    return Picture(
        key="deviation", title=f"{title}: {compared.reference.strategy} against {AGAINST[compared.reference.against]}",
        data=data, draw=lines([(name, name, colour) for name, colour in named], "σ", form="0.0"), legend=named,
        empty="" if times else "σ is known; the first session after it is not over.",
        below=f"allowance 0.25 σ, warns at {WARN:g}, freezes at {FREEZE:g}; times are the feed's",
    )  # fmt: skip


def _table(known: Known, found: Sequence[Compared]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for compared in found:
        sigma, apart = sigma_of(compared), compared.apart
        beyond = "–" if sigma is None else f"{int((np.abs(apart[BEHIND:]) > WIDTH * sigma).sum()):,}"
        rows.append(
            (compared.reference.strategy, AGAINST[compared.reference.against], f"{len(apart):,}",
             f"{int((apart != 0).sum()):,}", f"{compared.total:+,.2f}",
             "–" if sigma is None else f"{sigma:,.2f}", beyond)
        )  # fmt: skip
    return Table(
        key="divergence", title=f"Against replay and backtest, {known.currency}", wide=True,
        columns=("strategy", "against", "sessions>", "that differ>", "apart>", "σ of a session>", "beyond 2 σ>"),
        rows=tuple(rows), empty="No session can be compared.",
        below=(_false_alarms(),) if rows else (),
    )  # fmt: skip


def _false_alarms() -> str:
    from toolkit.measures.sequential import daily_rule_false_alarms

    return (
        f'The literal rule "beyond 2 σ" fires at least once in 30 sessions with probability '
        f"{daily_rule_false_alarms(30):.2f} though nothing is wrong; the sums above are made for looking every day."
    )
