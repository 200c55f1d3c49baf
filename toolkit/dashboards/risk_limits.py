"""The view `risk_limits`: what the book may lose and owes, each limit with its use and last denial, doubts, breaks."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.drawing import MOST_BARS, SHADES, bar_data, bars, colour_of
from toolkit.dashboards.face import Face, Number, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.limit_use import LimitShare, amount, limit_shares, limit_words
from toolkit.dashboards.looks import BAD, GOOD, ODD, ago, money
from toolkit.domain.time import WallTime
from toolkit.replica import views
from toolkit.replica.portfolio_use import PortfolioUse
from toolkit.replica.protection import unprotected
from toolkit.replica.reconciliation import ReconciliationView, reconciliation
from toolkit.research.picture_parts import UP

TITLE: Final = "Risk and limits"
MOST_ROWS: Final = 60
MOST_DENIALS: Final = 20
MOST_UNUSED: Final = 400
BOOK: Final = "book"


def face(known: Known, choice: Choice) -> Face:
    """Exposure first, then what bounds it."""
    shares = tuple(each for each in limit_shares(known) if _is_of(each, choice))
    ledger = known.replica.ledger
    use = PortfolioUse(ledger, known.replica.value_at_risk) if known.currency in ledger.currencies else None
    agreement = reconciliation(known.replica.ledger, WallTime(known.wall))
    return Face(
        numbers=_numbers(known, use, shares, agreement),
        notes=known.notes(),
        parts=(
            _use_picture(shares), _exposure_picture(known, choice), _limits(shares), _unused(shares),
            _positions(known, choice),
            _denials(known, choice), _doubts(agreement), _breaks(agreement), _unprotected(known, choice),
        ),
    )  # fmt: skip


def _is_of(share: LimitShare, choice: Choice) -> bool:
    return share.row.scope != "strategy" or share.row.name in ("", "*") or choice.takes(share.row.name)


# ---- five numbers


def _numbers(
    known: Known, use: PortfolioUse | None, shares: tuple[LimitShare, ...], agreement: ReconciliationView
) -> tuple[Number, ...]:
    currency, unresolved = known.currency, len(agreement.doubts) + len(agreement.breaks)
    return (
        _of_book(use, shares, "max_leverage", "leverage: gross exposure of the capital", "×"),
        _of_book(use, shares, "max_var", f"value at risk, {currency}, after the last order", ""),
        _of_book(use, shares, "max_gross", f"gross exposure, {currency}, worst case of what works", ""),
        _of_book(use, shares, "max_net", f"net exposure, {currency}, worst case of what works", ""),
        Number(
            value=f"{unresolved}", words=f"doubts and breaks: {len(agreement.doubts)} and {len(agreement.breaks)}",
            how=BAD if unresolved else GOOD,
        ),
    )  # fmt: skip


def _of_book(use: PortfolioUse | None, shares: tuple[LimitShare, ...], limit: str, words: str, unit: str) -> Number:
    """How much is used over the whole book, and how near that is to the limit where there is one."""
    used = use.used(BOOK, "", limit) if use is not None else ""
    row = next((each for each in shares if (each.row.scope, each.row.limit) == (BOOK, limit)), None)
    near = "no limit of the book" if row is None else f"{row.words} of {amount(row.row.value)}"
    if not used or used.startswith("?"):
        return Number(value="–", words=f"{words}; {used.strip('? ()') or 'nothing was ordered yet'}")
    shown = amount(used.split(maxsplit=1)[0])
    return Number(value=f"{shown}{unit}", words=f"{words}; {near}", how="" if row is None else row.how)


# ---- pictures


def _use_picture(shares: tuple[LimitShare, ...]) -> Picture:
    colours = {GOOD: UP, ODD: SHADES[1], BAD: SHADES[2], "": UP}
    used = [each for each in shares if each.share][:MOST_BARS]
    rows = [
        (f"{limit_words(each.row.limit)} · {each.of}", 100 * (each.share or 0.0), each.words, colours[each.how])
        for each in used
    ]
    return Picture(
        key="use", title="Limits in use, % of what is in force", data=bar_data(rows), shape=(len(rows),),
        draw=bars("%", limit=100.0), empty="" if rows else "Nothing is used of any limit.",
    )  # fmt: skip


def _exposure_picture(known: Known, choice: Choice) -> Picture:
    values: dict[str, Decimal] = {}
    for row in views.positions(known.replica):
        if row.value is not None and row.quantity and choice.takes(row.strategy):
            rate = known.replica.ledger.rate(row.currency)
            if rate is not None:
                worth = row.value * _in_base(known, row.currency, rate)
                values[row.instrument] = values.get(row.instrument, Decimal(0)) + worth
    found = sorted(values.items(), key=lambda item: -abs(item[1]))[:MOST_BARS]
    rows = [
        (f"{name} {side}", float(abs(value)), f"{abs(value):,.0f}", colour)
        for name, value in found
        for side, colour in [("long", colour_of(0)) if value > 0 else ("short", colour_of(1))]
    ]
    return Picture(
        key="exposure", title=f"Net position by instrument at the last mark, {known.currency}", data=bar_data(rows),
        shape=(len(rows),), draw=bars(known.currency, form="0,0"), empty="" if rows else "Nothing is held.",
    )  # fmt: skip


def _in_base(known: Known, currency: str, rate: Decimal) -> Decimal:
    """What one unit of a currency is worth in the base currency; the ledger's rates are of quanta."""
    currencies, base = known.replica.ledger.currencies, known.replica.ledger.base_currency
    return rate * currencies[base].quantum / currencies[currency].quantum


# ---- tables


def _limits(shares: tuple[LimitShare, ...]) -> Table:
    used = [each for each in shares if each.share or each.row.denied]
    return Table(
        key="limits", title="Limits in use, and what was denied for their sake", wide=True,
        columns=("control>", "limit", "of", "in force>", "used>", "share>", "last denial", "set in"),
        rows=tuple(
            (each.row.control, limit_words(each.row.limit), each.of, each.in_force, each.used,
             (each.words, each.how),
             (f"{ago(each.row.denied)} ago: {each.row.why}", ODD) if each.row.denied else "–", each.row.source)
            for each in used[:MOST_ROWS]
        ),
        empty="Nothing is used of any limit, and nothing was denied for one's sake.",
        below=(f"and {len(used) - MOST_ROWS} more: `execution limits list`",) if len(used) > MOST_ROWS else (),
    )  # fmt: skip


def _unused(shares: tuple[LimitShare, ...]) -> Table:
    unused = [each for each in shares if not each.share and not each.row.denied]
    return Table(
        key="unused", title=f"{len(unused)} more limits in force, of which nothing is used", wide=True, folded=True,
        columns=("control>", "limit", "of", "in force>", "set in"),
        rows=tuple(
            (each.row.control, limit_words(each.row.limit), each.of, each.in_force, each.row.source)
            for each in sorted(unused, key=lambda each: each.row.control)[:MOST_UNUSED]
        ),
        empty="There are no others." if shares else "No limit is in force: nothing may be entered.",
    )  # fmt: skip


def _positions(known: Known, choice: Choice) -> Table:
    rows = [row for row in views.positions(known.replica) if row.quantity and choice.takes(row.strategy)]
    return Table(
        key="positions", title="Positions at their last marks", wide=True,
        columns=("strategy", "instrument", "held>", "average>", "mark>", "worth>", "unrealised>", "realised>", "in"),
        rows=tuple(
            (r.strategy, r.instrument, f"{r.quantity:+f}", r.average, r.mark, money(r.value), money(r.unrealised),
             money(r.realised), r.currency)
            for r in rows[:MOST_ROWS]
        ),
        empty="Nothing is held.",
        below=(f"and {len(rows) - MOST_ROWS} more: `execution positions`",) if len(rows) > MOST_ROWS else (),
    )  # fmt: skip


def _denials(known: Known, choice: Choice) -> Table:
    found = [row for row in known.replica.denials if choice.takes(row.strategy) and known.covers(choice, int(row.wall))]
    return Table(
        key="denials", title="Last denials", wide=True,
        columns=("when>", "strategy", "instrument", "control>", "observed", "limit", "would pass", "set in"),
        rows=tuple(
            (known.zone.clock(int(r.wall), known.wall), r.strategy, r.instrument, r.control, r.observed, r.limit or "–",
             r.would_pass or "–", r.source or "–")
            for r in reversed(found[-MOST_DENIALS:])
        ),
        empty=f"No control denied anything in {choice.span_words}.",
        below=(f"the newest of {len(found):,}",) if len(found) > MOST_DENIALS else (),
    )  # fmt: skip


def _doubts(agreement: ReconciliationView) -> Table:
    return Table(
        key="doubts", title="Doubts", columns=("order", "strategy", "venue", "may trade", "doubt", "age>"),
        rows=tuple(
            (r.order_id, r.strategy, r.venue, f"{r.side} {r.at_risk} {r.instrument}", (r.doubt, BAD),
             f"{r.age_seconds} s")
            for r in agreement.doubts[:MOST_ROWS]
        ),
        empty="Nothing is in doubt.",
    )  # fmt: skip


def _breaks(agreement: ReconciliationView) -> Table:
    return Table(
        key="breaks", title="Breaks", columns=("venue", "kind", "subject", "ours>", "venue's>", "holds", "since>"),
        rows=tuple(
            (r.venue, r.kind, r.subject, r.ours, (str(r.theirs), BAD), r.held, ago(r.since))
            for r in agreement.breaks[:MOST_ROWS]
        ),
        empty="Books and venues agree.", below=tuple(r.detail for r in agreement.breaks[:MOST_ROWS]),
    )  # fmt: skip


def _unprotected(known: Known, choice: Choice) -> Table:
    return Table(
        key="unprotected", title="Positions without protection",
        columns=("strategy", "instrument", "held>", "protected>"),
        rows=tuple(
            (r.strategy, r.instrument, f"{r.quantity:+f}",
             (f"{r.covered:f}{' by the engine alone' if r.in_engine else ''}" if r.covered else "none", ODD))
            for r in unprotected(known.replica.ledger)[:MOST_ROWS] if choice.takes(r.strategy)
        ),
        empty="Every position has a protective order, or nothing is held.",
    )  # fmt: skip
