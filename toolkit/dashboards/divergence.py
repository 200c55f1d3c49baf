"""How far the running book is from a replay or a backtest of its span, in σ; words where that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.compared import AGAINST, PARTS, Compared, all_compared, in_money
from toolkit.dashboards.drawing import SHADES, colour_of, lines
from toolkit.dashboards.face import Number, Part, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell
from toolkit.measures.divergence import BEHIND, FEWEST, ORDERS

WARN: Final = 8.0
FREEZE: Final = 12.0
WIDTH: Final = 2.0
WAITS: Final = f"σ takes {BEHIND} sessions, or {ORDERS} orders in {FEWEST} of them"
CAUSES: Final = (
    "The first four are of orders that book and replay both sent, what one alone did is path and signal; data is "
    "replay less backtest."
)
NONE: Final = (
    "Nothing to compare with yet: the replayer says something after the first session that it saw. A notebook can hold "
    'the desk against another book: tk.dashboard("pnl_live", replay=tk.backtest(desk.book())).'
)


def divergence_parts(known: Known, choice: Choice) -> tuple[tuple[Part, ...], Number]:
    """Picture and tables, and the last of the five numbers."""
    found = all_compared(known, choice)
    return (_picture(known, found), _table(known, found), _causes(known, choice)), _number(found)


def _number(found: Sequence[Compared]) -> Number:
    if not found:
        return Number(value="–", words="deviation: no session was held against its replay yet")
    worst, words, how = 0.0, "", GOOD
    for compared in found:
        drifted = compared.drift
        if drifted is not None and drifted.scores:
            last = drifted.scores[-1]
            if abs(last) >= abs(worst):
                worst, words = last, f"{compared.strategy} against {AGAINST[compared.against]}"
            sums = max(drifted.better[-1], drifted.worse[-1])
            how = BAD if sums > FREEZE else ODD if sums > WARN and how != BAD else how
    if words:
        return Number(value=f"{worst:+.1f} σ", words=f"last session of {words}", how=how)
    total, sessions = sum(compared.total for compared in found), max(len(compared.sessions) for compared in found)
    if not any(each.apart for compared in found for each in compared.sessions):
        return Number(value="none", words=f"apart in {sessions:,} sessions: equal to the cent", how=GOOD)
    return Number(
        value=f"{total:+,.2f}", words=f"apart in {sessions:,} sessions; {WAITS}", how=ODD if total else GOOD
    )  # fmt: skip


def _picture(known: Known, found: Sequence[Compared]) -> Picture:
    title = "Deviation from replay or backtest: Page's sums over sessions, σ"
    judged = [(compared, drifted) for compared in found if (drifted := compared.drift) is not None]
    if not judged:
        fewest = max((len(compared.sessions) for compared in found), default=0)
        empty = NONE if not found else f"{WAITS}; there are {fewest:,}."
        return Picture(key="deviation", title=title, data={}, draw=lines((), "σ"), empty=empty)
    compared, drifted = max(judged, key=lambda one: max((*one[1].better[-1:], *one[1].worse[-1:]), default=0.0))
    count = len(drifted.scores)
    times = list(known.zone.axis(compared.times[len(compared.times) - count :]))
    data = {
        "time": times, "better": list(drifted.better), "worse": list(drifted.worse), "warn": [WARN] * count,
        "freeze": [FREEZE] * count,
    }  # fmt: skip
    named = (("better", colour_of(2)), ("worse", colour_of(0)), ("warn", SHADES[1]), ("freeze", SHADES[2]))
    return Picture(
        key="deviation", title=f"{title}: {compared.strategy} against {AGAINST[compared.against]}", data=data,
        draw=lines([(name, name, colour) for name, colour in named], "σ", form="0.0"), legend=named,
        shape=(compared.strategy, compared.against),
        empty="" if times else "σ is known; the first session after it is not over.",
        below=f"the farthest of all; allowance 0.25 σ, warns at {WARN:g}, freezes at {FREEZE:g}; times are the feed's",
    )  # fmt: skip


def _table(known: Known, found: Sequence[Compared]) -> Table:
    return Table(
        key="divergence", title=f"Against replay and backtest, {known.currency}", wide=True,
        columns=(
            "strategy", "against", "sessions>", "that differ>", "apart>", "σ of a session>", "beyond 2 σ>", "drift, σ>",
        ),
        rows=tuple(_row(compared) for compared in found), empty="No session can be compared.",
        below=(*_unmeasured(found), _false_alarms()) if found else (),
    )  # fmt: skip


def _row(compared: Compared) -> tuple[Cell, ...]:
    drifted = compared.drift
    beyond = "–" if drifted is None else f"{sum(abs(score) > WIDTH for score in drifted.scores):,}"
    drift = "–" if drifted is None or not drifted.scores else f"{max(drifted.better[-1], drifted.worse[-1]):.1f}"
    return (
        compared.strategy, AGAINST[compared.against], f"{len(compared.sessions):,}",
        f"{sum(each.apart != 0 for each in compared.sessions):,}", f"{compared.total:+,.2f}",
        "–" if drifted is None else f"{drifted.sigma:,.2f}", beyond, drift,
    )  # fmt: skip


def _unmeasured(found: Sequence[Compared]) -> tuple[str, ...]:
    return tuple(
        f"{each.strategy}: {each.unmeasured:,} sessions since were not held against {AGAINST[each.against]}: {each.why}"
        for each in found
        if each.unmeasured
    )


def _causes(known: Known, choice: Choice) -> Table:
    """Live less replay by part, over all sessions that were measured and the one that goes on."""
    totals: dict[str, list[float]] = {}
    for session in (*known.sessions, *known.going_on):
        for rung in session.rungs:
            if choice.takes(rung.strategy) and rung.replay is not None:
                of_one = totals.setdefault(rung.strategy, [0.0] * (len(PARTS) + 1))
                data = 0 if rung.backtest is None else rung.replay - rung.backtest
                for place, part in enumerate((*(getattr(rung, name) for name in PARTS), data)):
                    of_one[place] += in_money(known, part)
    rows = tuple((name, *(f"{part:+,.2f}" if part else "0.00" for part in totals[name])) for name in sorted(totals))
    return Table(
        key="causes", title=f"Why it differs, {known.currency}", wide=True,
        columns=("strategy", "delay>", "spread, impact>", "missed fills>", "fees>", "path, signal>", "data>"),
        rows=rows, empty="Nothing was measured yet.",
        below=(CAUSES,) if rows else (),
    )  # fmt: skip


def _false_alarms() -> str:
    from toolkit.measures.sequential import daily_rule_false_alarms

    return (
        f'The literal rule "beyond 2 σ" fires at least once in 30 sessions with probability '
        f"{daily_rule_false_alarms(30):.2f} though nothing is wrong; the sums above are made for looking every day."
    )
