"""How far the running book is from a replay or a backtest of its span, in σ; words where that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from toolkit.client.desk_state import DriftRule
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.compared import AGAINST, PARTS, Compared, all_compared, in_money
from toolkit.dashboards.drawing import SHADES, colour_of, lines
from toolkit.dashboards.face import Number, Part, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, Cell
from toolkit.measures.divergence import BEHIND, FEWEST, ORDERS

WAITS: Final = f"it takes {BEHIND} sessions, or {ORDERS} orders in {FEWEST} of them"
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
    return (_picture(known, found), _table(known, found), _causes(known, choice)), _number(found, known.drift_rule)


def _number(found: Sequence[Compared], rule: DriftRule) -> Number:
    if not found:
        return Number(value="–", words="deviation: no session was held against its replay yet")
    farthest = max(found, key=lambda compared: compared.sum)
    words = f"{farthest.strategy} against {AGAINST[farthest.against]}"
    if farthest.sum > (rule.freeze if rule.is_daily else rule.warn):
        how = BAD if farthest.sum > rule.freeze else ODD
        told = f"frozen at {rule.freeze:g}" if rule.is_daily else f"warned at {rule.warn:g}"
        return Number(value=f"{farthest.sum:.1f} σ", words=f"drift of {words}; {told}", how=how)
    scored = [compared for compared in found if compared.drift is not None and compared.drift.scores]
    if scored and any(compared.differs for compared in scored):
        last = max(scored, key=lambda compared: abs(_last(compared)))
        words = f"last session of {last.strategy} against {AGAINST[last.against]}"
        if rule.is_daily and abs(_last(last)) > rule.width:
            return Number(value=f"{_last(last):+.1f} σ", words=f"{words}; told beyond {rule.width:g}", how=ODD)
        return Number(value=f"{_last(last):+.1f} σ", words=words, how=GOOD)
    total, sessions = sum(compared.total for compared in found), max(len(compared.sessions) for compared in found)
    if not any(compared.differs for compared in found):
        return Number(value="none", words=f"apart in {sessions:,} sessions: equal to the cent", how=GOOD)
    return Number(value=f"{total:+,.2f}", words=f"apart in {sessions:,} sessions; σ is not known yet: {WAITS}")


def _last(compared: Compared) -> float:
    return 0.0 if compared.drift is None or not compared.drift.scores else compared.drift.scores[-1]


def _picture(known: Known, found: Sequence[Compared]) -> Picture:
    title = "Deviation from replay or backtest: Page's sums over sessions, σ"
    compared = max(found, key=lambda each: (each.drift is not None, each.sum), default=None)
    drifted = None if compared is None else compared.drift
    if compared is None or drifted is None:
        fewest = max((len(compared.sessions) for compared in found), default=0)
        empty = NONE if not found else f"σ is not known yet: {WAITS}; there are {fewest:,}."
        return Picture(key="deviation", title=title, data={}, draw=lines((), "σ"), empty=empty)
    count, rule = len(drifted.scores), known.drift_rule
    times = list(known.zone.axis(compared.times[len(compared.times) - count :]))
    data = {
        "time": times, "better": list(drifted.better), "worse": list(drifted.worse), "warn": [rule.warn] * count,
        "freeze": [rule.freeze] * count,
    }  # fmt: skip
    named = (("better", colour_of(2)), ("worse", colour_of(1)), ("warn", SHADES[1]), ("freeze", SHADES[2]))
    return Picture(
        key="deviation", title=f"{title}: {compared.strategy} against {AGAINST[compared.against]}", data=data,
        draw=lines([(name, name, colour) for name, colour in named], "σ", form="0.0"), legend=named,
        shape=(compared.strategy, compared.against),
        empty="" if times else "σ is known; the first session after it is not over.",
        below=f"the farthest of all; allowance 0.25 σ, {_told(rule)}; times are the feed's",
    )  # fmt: skip


def _table(known: Known, found: Sequence[Compared]) -> Table:
    return Table(
        key="divergence", title=f"Against replay and backtest, {known.currency}", wide=True,
        columns=(
            "strategy", "against", "sessions>", "that differ>", "apart>", "σ of a session>",
            f"beyond {known.drift_rule.width:g} σ>", "drift, σ>",
        ),
        rows=tuple(_row(compared, known.drift_rule) for compared in found if not _is_the_replay(compared)),
        empty="No session can be compared.",
        below=(*_same(found), *_unmeasured(found), _false_alarms()) if found else (),
    )  # fmt: skip


def _is_the_replay(compared: Compared) -> bool:
    return compared.against == "backtest" and not compared.differs


def _same(found: Sequence[Compared]) -> tuple[str, ...]:
    names = [compared.strategy for compared in found if _is_the_replay(compared)]
    return (f"On the data of a backtest (B0) it is the same in every session: {', '.join(names)}.",) if names else ()


def _told(rule: DriftRule) -> str:
    if rule.is_daily:
        return f"single sessions beyond {rule.width:g} σ are told (daily_z), these sums freeze at {rule.freeze:g}"
    return f"warns at {rule.warn:g}, freezes at {rule.freeze:g}"


def _row(compared: Compared, rule: DriftRule) -> tuple[Cell, ...]:
    drifted = compared.drift
    beyond = "–" if drifted is None else f"{sum(abs(score) > rule.width for score in drifted.scores):,}"
    return (
        compared.strategy, AGAINST[compared.against], f"{len(compared.sessions):,}",
        f"{sum(each.apart != 0 for each in compared.sessions):,}", f"{compared.total:+,.2f}",
        "–" if drifted is None else f"{drifted.sigma:,.2f}", beyond, "–" if drifted is None else f"{compared.sum:.1f}",
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
