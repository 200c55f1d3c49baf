"""The view `pnl_live`: what strategies earn, by version and by part, and how far that is from replay and backtest."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import isnan, nan
from typing import Final

import numpy as np

from toolkit.dashboards.choice import Choice
from toolkit.dashboards.divergence import divergence_parts
from toolkit.dashboards.drawing import SHADES, lines
from toolkit.dashboards.equity_lines import pnl_columns, pnl_picture
from toolkit.dashboards.face import Face, Number, Picture, Table
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, STATES, money
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN
from toolkit.replica import views
from toolkit.replica.portfolio_use import PortfolioUse

TITLE: Final = "PnL live"
MOST_ROWS: Final = 40


def face(known: Known, choice: Choice) -> Face:
    """Since the book began, as of the last marks: the numbers of `execution status`."""
    rows = tuple(row for row in views.strategies(known.replica) if choice.takes(row.name))
    divergence, deviation = divergence_parts(known, choice)
    return Face(
        numbers=(*_numbers(known, rows, choice), deviation),
        notes=known.notes(),
        parts=(
            pnl_picture(known, choice, beside=True), _parts_picture(known, choice), _drawdown_picture(known, choice),
            _parts(known, rows), *divergence,
        ),
    )  # fmt: skip


# ---- numbers


def _numbers(known: Known, rows: tuple[views.StrategyView, ...], choice: Choice) -> tuple[Number, ...]:
    currency = known.currency
    total = _sum(row.pnl for row in rows)
    fees, realised = _sum(row.fees for row in rows), _sum(row.realised for row in rows)
    open_part = None if total is None or fees is None or realised is None else total - realised + fees
    return (
        Number(value=money(total), words=f"PnL after fees, {currency}, since the book began", how=_tone(total)),
        _today(known, rows, choice),
        Number(value=money(open_part), words=f"of it unrealised, {currency}, at the last marks", how=_tone(open_part)),
        Number(value=money(_turned(fees)), words=f"of it fees, {currency}"),
    )  # fmt: skip


def _today(known: Known, rows: tuple[views.StrategyView, ...], choice: Choice) -> Number:
    """What was won since the session began: the loss that control 20 counts, with its sign turned."""
    words = f"since the session began, {known.currency}, at confirmed prices"
    use = _use(known)
    scopes = [row.name for row in rows] if choice.strategies else [""]
    lost = None if use is None else _sum(use.lost(name, DAILY_LOSS) for name in scopes)
    won = _turned(lost)
    return Number(value=money(won), words=words, how=_tone(won))


def _use(known: Known) -> PortfolioUse | None:
    ledger = known.replica.ledger
    return PortfolioUse(ledger) if known.currency in ledger.currencies else None


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """None where one of them is not known."""
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _turned(value: Decimal | None) -> Decimal | None:
    """What was paid or lost as what it added; nothing stays nothing, without a sign."""
    return value if not value else -value


def _tone(value: Decimal | None) -> str:
    return "" if not value else GOOD if value > 0 else BAD


# ---- parts


def _parts(known: Known, rows: tuple[views.StrategyView, ...]) -> Table:
    use = _use(known)
    fallen = {row.name: _turned(None if use is None else use.lost(row.name, DRAWDOWN)) for row in rows}
    return Table(
        key="parts", title=f"The parts, {known.currency}", wide=True,
        columns=("strategy", "version", "stage", "state", "capital>", "realised>", "unrealised>", "fees>", "PnL>",
                 "of capital>", "below its highest>"),
        rows=tuple(
            (r.name, r.version, r.stage, (r.state, STATES.get(r.state, "")), f"{r.capital:,.0f}", money(r.realised),
             money(_unrealised(r)), money(_turned(r.fees)), (money(r.pnl), _tone(r.pnl)),
             "–" if r.pnl is None or not r.capital else f"{100 * r.pnl / r.capital:+.2f} %",
             (money(fallen[r.name]), ODD if fallen[r.name] else ""))
            for r in rows[:MOST_ROWS]
        ),
        empty="No strategy was ever deployed here.",
    )  # fmt: skip


def _unrealised(row: views.StrategyView) -> Decimal | None:
    """What is left of the result without what trades brought and fees took."""
    if row.pnl is None or row.realised is None or row.fees is None:
        return None
    return row.pnl - row.realised + row.fees


def _parts_picture(known: Known, choice: Choice) -> Picture:
    """Realised, unrealised and fees of all that is chosen, over the span."""
    data = _summed(known, choice)
    some = len(data["time"]) > 1
    named = (("realised", SHADES[0]), ("unrealised", SHADES[1]), ("fees", SHADES[2]))
    return Picture(
        key="over_time", title=f"The parts over time, {known.currency}", data=data,
        draw=lines([(name, name, colour) for name, colour in named], known.currency, form="0,0", zero=True),
        legend=named, empty="" if some else f"Nothing was marked in {choice.span_words}.",
    )  # fmt: skip


def _drawdown_picture(known: Known, choice: Choice) -> Picture:
    data = _summed(known, choice)
    total = np.array(data["pnl"], dtype=np.float64)
    fallen = total - np.fmax.accumulate(total) if len(total) else total
    some = len(total) > 1
    return Picture(
        key="drawdown", title=f"Below the highest of the span, {known.currency}",
        data={"time": data["time"], "fallen": list(fallen)},
        empty="" if some else f"Nothing was marked in {choice.span_words}.",
        draw=lines([("fallen", "below the highest", SHADES[2])], known.currency, form="0,0", zero=True),
    )  # fmt: skip


def _summed(known: Known, choice: Choice) -> dict[str, list[float]]:
    """The sums over the chosen strategies, from where each was marked; before its first mark one counts nothing."""
    names = sorted(name for name in known.tallies.equity.curves if choice.takes(name))
    columns = pnl_columns(known, choice, names, parts=True)
    found: dict[str, list[float]] = {"time": list(columns["time"])}
    for part in ("pnl", "realised", "fees"):
        each = np.array([columns[f"{part}{place}"] for place in range(len(names))], dtype=np.float64)
        summed = np.nansum(each, axis=0) if len(names) else np.empty(0)
        found[part] = [float(value) for value in summed]
    found["fees"] = [-value for value in found["fees"]]
    found["unrealised"] = [
        nan if isnan(pnl) else pnl - realised - fees
        for pnl, realised, fees in zip(found["pnl"], found["realised"], found["fees"], strict=True)
    ]
    return found
