"""The page of a backtest: five figures first, then pictures, the rest one click away; it only words what is known."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from toolkit.measures.figure import Figure
from toolkit.research.embedding import Pictures, current_cell, library, notebook, style
from toolkit.research.outcome import Outcome
from toolkit.research.page_parts import (
    Cell,
    figure_card,
    fold,
    number,
    percent,
    percent_of,
    plain,
    signed,
    table_of,
    tone,
)
from toolkit.research.pictures import costs_picture, equity_picture, exposure_picture, price_picture
from toolkit.research.result_costs import DRIFT
from toolkit.research.venue_words import describe_venue

MOST_ROWS: Final = 10


def notebook_page(result: Outcome) -> str:
    """The page as a cell's output; bokeh's own script comes once per notebook."""
    return _page(result, notebook.library(current_cell()))


def glance(result: Outcome) -> str:
    """Header, five figures and the equity curve, for where bokeh's own script is on the page already."""
    pictures = Pictures()
    spot = pictures.place(equity_picture(result))
    return f"{style()}<div class='qd-result'>{_header(result)}{_cards(result)}{spot}</div>{pictures.script()}"


def whole_page(result: Outcome) -> str:
    """The page as a file of its own."""
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(result.setting.title)}</title>"
        "<meta name='viewport' content='width=device-width'><style>:root{color-scheme:light dark}body{margin:24px}"
        f"</style></head><body>{_page(result, library())}</body></html>"
    )


class Picture:
    """One picture of a backtest, for a cell of its own."""

    def __init__(self, result: Outcome, instrument: str | None) -> None:
        self._model = equity_picture(result) if instrument is None else price_picture(result, instrument)

    def _repr_html_(self) -> str:
        pictures = Pictures()
        spot = pictures.place(self._model)
        script = notebook.library(current_cell())
        return f"{style()}{script}<div class='qd-result'>{spot}</div>{pictures.script()}"


def _page(result: Outcome, script: str) -> str:
    pictures = Pictures()
    parts = [
        style(),
        script,
        "<div class='qd-result'>",
        _header(result),
        _cards(result),
        pictures.place(equity_picture(result)),
        _strategies(result),
        _prices(result, pictures),
        _exposure(result, pictures),
        _costs(result, pictures),
        _worst_trades(result),
        _denials(result),
        _figures(result),
        _assumptions(result),
        "</div>",
        pictures.script(),
    ]
    return "".join(parts)


# ---- what one sees first


def _header(result: Outcome) -> str:
    first, last = result.first_time, result.last_time
    data, limits = result.setting.data, result.setting.limits_name
    return (
        f"<header><span class='qd-badge'>BACKTEST</span><h2>{escape(result.setting.title)}</h2>"
        f"<div class='qd-under'>{first:%d %b %Y} – {last:%d %b %Y} · {result.measures.sessions:,} sessions · "
        f"{escape(data.label)} · paper fills · under {escape(limits)}</div></header>"
    )


def _cards(result: Outcome) -> str:
    measured, currency = result.measures, result.currency
    orders = int((result.orders["status"] != "DENIED").sum())
    pnl = float(result.pnl)
    cards = [
        figure_card(
            f"PnL after fees, {currency}", signed(pnl),
            f"{percent(measured.total_return, signed_too=True)} of {float(result.capital):,.0f} capital", tone(pnl),
        ),
        figure_card(
            "Sharpe, a year", number(measured.sharpe), _sharpe_note(measured.sharpe, measured.sharpe_error)
        ),
        figure_card("Deepest drawdown", _depth(result), _fall_note(result)),
        figure_card(
            "Orders → fills", f"{orders:,} → {len(result.fills):,}", f"{len(result.denials):,} refused by our controls",
        ),
        figure_card(
            f"Costs, {currency}", f"{measured.fees:,.2f}",
            f"fees; slippage {signed(measured.slippage_cost)} ({number(measured.slippage)} bp)",
        ),
    ]  # fmt: skip
    return f"<div class='qd-cards'>{''.join(cards)}</div>"


def _sharpe_note(ratio: Figure, error: Figure) -> str:
    if not ratio.is_known:
        return ratio.reason
    low, high = ratio.value - 1.96 * error.value, ratio.value + 1.96 * error.value
    return f"± {error.value:.2f}; 95 % within {plain(low)} … {plain(high)}"


def _depth(result: Outcome) -> str:
    fall = result.measures.drawdown
    return percent(Figure(fall.depth, fall.reason))


def _fall_note(result: Outcome) -> str:
    dates = result.measures.drawdown_dates
    if dates is None or not result.measures.drawdown.depth:
        return result.measures.drawdown.reason or "equity never fell"
    back = f"back {dates[2]:%d %b %Y}" if dates[2] is not None else "not recovered"
    return f"{dates[0]:%d %b %Y} – {dates[1]:%d %b %Y}, {back}"


# ---- the rest


def _strategies(result: Outcome) -> str:
    if len(result.strategies) < 2:
        return ""
    heads = ("strategy", "capital", "PnL", "return", "Sharpe", "drawdown", "orders", "fills", "denials", "fees")
    rows: list[list[Cell]] = [
        [
            str(name), f"{row['capital']:,.0f}", (signed(row["pnl"]), tone(row["pnl"])), percent_of(row["return"]),
            plain(row["sharpe"]), percent_of(row["drawdown"]), f"{row['orders']:,.0f}", f"{row['fills']:,.0f}",
            f"{row['denials']:,.0f}", f"{row['fees']:,.2f}",
        ]
        for name, row in result.breakdown.iterrows()
    ]  # fmt: skip
    return fold("By strategy", f"{len(rows)} sub-accounts", table_of(heads, rows, texts=1), is_open=True)


def _prices(result: Outcome, pictures: Pictures) -> str:
    traded = result.fills["instrument"].value_counts()
    parts = []
    for place, (symbol, count) in enumerate(traded.items()):
        picture = pictures.place(price_picture(result, str(symbol)))
        parts.append(fold(f"{symbol} with fills", f"{count:,} fills", picture, is_open=place == 0))
    return "".join(parts)


def _worst_trades(result: Outcome) -> str:
    trades = result.trades
    if trades.empty:
        return fold("Worst round trips", "none has closed", "")
    heads = ("closed", "strategy", "instrument", "side", "quantity", "entry", "exit", "days", "fees", "PnL")
    worst = trades.nsmallest(MOST_ROWS, "pnl")
    rows: list[list[Cell]] = [
        [
            f"{row['time']:%d %b %Y %H:%M}", row["strategy"], row["instrument"], row["side"],
            f"{row['quantity']:,.8g}", f"{row['entry']:,.2f}", f"{row['exit']:,.2f}", f"{row['days']:,.1f}",
            f"{row['fees']:,.2f}", (signed(row["pnl"]), tone(row["pnl"])),
        ]
        for row in worst.reset_index().to_dict("records")
    ]  # fmt: skip
    note = "<p>Paired first in, first out, for display; the books keep cost at average. All: <code>.trades</code></p>"
    hits = f"{percent(result.measures.hit_rate)} of {len(trades):,} earned money"
    return fold("Worst round trips", hits, table_of(heads, rows, texts=4) + note, is_open=True)


def _denials(result: Outcome) -> str:
    denials = result.denials
    if denials.empty:
        return fold("Denials", "no order was refused", "")
    heads = ("control", "strategy", "times", "last seen", "observed", "limit", "where it stands", "what would pass")
    grouped = denials.reset_index().groupby(["control", "name", "strategy", "limit", "source"], sort=False)
    groups = sorted(grouped, key=lambda group: -len(group[1]))
    rows: list[list[Cell]] = []
    for (control, name, strategy, limit, source), group in groups[:MOST_ROWS]:
        last = group.iloc[-1]
        rows.append(
            [
                f"{control} {name}", str(strategy), (f"{len(group):,}", "qd-number"),
                f"{last['time']:%d %b %Y %H:%M}", (last["observed"], "qd-wide"), str(limit), str(source),
                (last["would_pass"], "qd-wide"),
            ]
        )  # fmt: skip
    note = f"<p>Grouped; every one with its time: <code>.denials</code>{_left_over(len(groups))}</p>"
    return fold("Denials", f"{len(denials):,} refused", table_of(heads, rows, texts=len(heads)) + note)


def _left_over(groups: int) -> str:
    return f" ({groups - MOST_ROWS} more kinds)" if groups > MOST_ROWS else ""


def _exposure(result: Outcome, pictures: Pictures) -> str:
    if result.fills.empty:
        return fold("Exposure", "nothing was held", "")
    note = f"mean {percent(result.measures.exposure)} of the capital at the ends of sessions"
    return fold("Exposure", note, pictures.place(exposure_picture(result)))


def _costs(result: Outcome, pictures: Pictures) -> str:
    costs = result.costs
    if costs.empty:
        return fold("Costs by part", "nothing traded", "")
    drifts = bool((costs[DRIFT].abs() >= 0.005).any())
    heads = ("", "traded", "fees", "spread", "delay", "impact", "all", "bp of traded", *(["fee drift"] * drifts))
    rows: list[list[Cell]] = [
        [
            str(name), f"{row['traded']:,.2f}", f"{row['fees']:,.2f}", signed(row["spread"]),
            signed(row["delay"]), signed(row["impact"]), signed(row["total"]), plain(row["basis_points"]),
            *([signed(row[DRIFT])] * drifts),
        ]
        for name, row in costs.iterrows()
    ]  # fmt: skip
    told = (
        "<p>Above 0 is a cost. Spread: from the middle of the quote that an order was decided on to its near side; "
        "what rested and was filled as a maker counts here whole, usually as a gain. Delay: what the middle moved "
        "until the trade. Impact: what it then cost beyond the spread, for eating into the book.</p>"
    )
    if drifts:
        told += (
            "<p>Fee drift, in no sum: what fees in another asset cost by its last mark beyond what they were worth "
            "when they were charged, while the books still owe the asset itself.</p>"
        )
    total, points = (float(value) for value in costs[["total", "basis_points"]].to_numpy()[-1])
    note = f"{signed(total)} {result.currency}, {plain(points)} bp of what was traded"
    return fold("Costs by part", note, pictures.place(costs_picture(result)) + table_of(heads, rows, texts=1) + told)


def _figures(result: Outcome) -> str:
    measured, currency, within = result.measures, result.currency, result.intervals

    def likely(name: str) -> str:
        found = within[name]
        low, high = (percent_of(edge) if name != "sharpe" else plain(edge) for edge in (found.low, found.high))
        return f"{low} … {high}" if found.is_known else found.reason

    rows: list[list[Cell]] = [
        ["Return on capital", percent(measured.total_return, signed_too=True), "", "PnL / capital, not compounded"],
        [
            "Return, a year", percent(measured.annual_return, signed_too=True), likely("annual_return"),
            "mean session return × 252",
        ],
        [
            "Volatility, a year", percent(measured.volatility), likely("volatility"),
            "standard deviation of session returns × √252",
        ],
        [
            "Sharpe, a year", number(measured.sharpe), likely("sharpe"),
            f"mean / standard deviation × √252; standard error {number(measured.sharpe_error)} (Mertens 2002)",
        ],
        ["Deepest drawdown", _depth(result), likely("drawdown"), _fall_note(result)],
        ["Hit rate", percent(measured.hit_rate), likely("hit_rate"), "round trips that earned more than their fees"],
        ["Turnover, a year", number(measured.turnover, "×"), "", "value traded / 2 / capital"],
        ["Exposure", percent(measured.exposure), "", "mean of Σ|position| at the ends of sessions / capital"],
        [f"Value traded, {currency}", f"{measured.traded:,.2f}", "", "both sides"],
        [f"Fees, {currency}", f"{measured.fees:,.2f}", "", "as the paper venue charged them"],
        [
            f"Slippage, {currency}", signed(measured.slippage_cost), "",
            f"{number(measured.slippage)} bp of value: fills against the middle that each order was decided on",
        ],
    ]  # fmt: skip
    told = (
        "<p>Intervals: sessions drawn again in blocks (stationary bootstrap, Politis and Romano 1994); of the hit rate "
        "Wilson's (1927). They tell what chance alone does to a figure, not whether the next year is like this one.</p>"
    )
    table = table_of(("", "", "95 % within", ""), rows, texts=1, wide=3)
    return fold("All figures", "with intervals and formulas", table + told)


def _assumptions(result: Outcome) -> str:
    setting, venue = result.setting, result.setting.venue
    strategies = [
        [one.name, _parameters(one.values), ", ".join(one.instruments), f"{float(one.capital):,.0f}"]
        for one in setting.strategies
    ]
    limits = "; ".join(dict.fromkeys(f"{row.limit} {_value(row.value)}" for row in setting.spec.limits if not row.name))
    steps_a_second = result.steps / result.seconds if result.seconds else 0.0
    text = (
        f"<p>Fills: {escape(setting.venue_name)}, {escape(describe_venue(venue))}.</p>"
        f"<p>Limits: {escape(setting.limits_name)}. {escape(limits)}.</p>"
        f"<p>Decided, checked and booked by the desk's own engine, step by step; marked at the last good quote. "
        f"{result.steps:,} steps in {result.seconds:.2f} s ({steps_a_second:,.0f} a second). "
        f"Books <code>{result.digest[:12]}</code>: the same input ends in the same digest.</p>"
    )
    heads = ("strategy", "parameters", "instruments", "capital")
    note = f"{setting.limits_name} · {setting.venue_name}"
    return fold("Assumptions", note, table_of(heads, strategies, texts=3) + text)


def _parameters(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items()) or "none"


def _value(text: str) -> str:
    return f"{int(text):,}" if text.isdecimal() else text
