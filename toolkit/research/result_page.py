"""The page of a backtest: five figures first, then pictures, the rest one click away; it only words what is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isnan
from typing import Final

from toolkit.measures.figure import Figure
from toolkit.research.embedding import Pictures, current_cell, library, notebook, style
from toolkit.research.outcome import Outcome
from toolkit.research.pictures import equity_picture, price_picture

MOST_ROWS: Final = 10

Cell = str | tuple[str, str]  # text, or text and its classes


def notebook_page(result: Outcome) -> str:
    """The page as a cell's output; bokeh's own script comes once per notebook."""
    return _page(result, notebook.library(current_cell()))


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
            f"{percent(measured.total_return, signed_too=True)} of {float(result.capital):,.0f} capital", _tone(pnl),
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


def figure_card(name: str, value: str, note: str, tone: str = "") -> str:
    """One of the figures that a page leads with: its name, the figure, a note below."""
    return (
        f"<div class='qd-card'><small>{escape(name)}</small><b class='{tone}'>{escape(value)}</b>"
        f"<span>{escape(note)}</span></div>"
    )


def _sharpe_note(ratio: Figure, error: Figure) -> str:
    if not ratio.is_known:
        return ratio.reason
    low, high = ratio.value - 1.96 * error.value, ratio.value + 1.96 * error.value
    return f"± {error.value:.2f}; 95 % within {_plain(low)} … {_plain(high)}"


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
            str(name), f"{row['capital']:,.0f}", (signed(row["pnl"]), _tone(row["pnl"])), _percent(row["return"]),
            _plain(row["sharpe"]), _percent(row["drawdown"]), f"{row['orders']:,.0f}", f"{row['fills']:,.0f}",
            f"{row['denials']:,.0f}", f"{row['fees']:,.2f}",
        ]
        for name, row in result.breakdown.iterrows()
    ]  # fmt: skip
    return _fold("By strategy", f"{len(rows)} sub-accounts", table_of(heads, rows, texts=1), is_open=True)


def _prices(result: Outcome, pictures: Pictures) -> str:
    traded = result.fills["instrument"].value_counts()
    parts = []
    for place, (symbol, count) in enumerate(traded.items()):
        picture = pictures.place(price_picture(result, str(symbol)))
        parts.append(_fold(f"{symbol} with fills", f"{count:,} fills", picture, is_open=place == 0))
    return "".join(parts)


def _worst_trades(result: Outcome) -> str:
    trades = result.trades
    if trades.empty:
        return _fold("Worst round trips", "none has closed", "")
    heads = ("closed", "strategy", "instrument", "side", "quantity", "entry", "exit", "days", "fees", "PnL")
    worst = trades.nsmallest(MOST_ROWS, "pnl")
    rows: list[list[Cell]] = [
        [
            f"{row['time']:%d %b %Y %H:%M}", row["strategy"], row["instrument"], row["side"],
            f"{row['quantity']:,.8g}", f"{row['entry']:,.2f}", f"{row['exit']:,.2f}", f"{row['days']:,.1f}",
            f"{row['fees']:,.2f}", (signed(row["pnl"]), _tone(row["pnl"])),
        ]
        for row in worst.reset_index().to_dict("records")
    ]  # fmt: skip
    note = "<p>Paired first in, first out, for display; the books keep cost at average. All: <code>.trades</code></p>"
    hits = f"{percent(result.measures.hit_rate)} of {len(trades):,} earned money"
    return _fold("Worst round trips", hits, table_of(heads, rows, texts=4) + note, is_open=True)


def _denials(result: Outcome) -> str:
    denials = result.denials
    if denials.empty:
        return _fold("Denials", "no order was refused", "")
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
    return _fold("Denials", f"{len(denials):,} refused", table_of(heads, rows, texts=len(heads)) + note)


def _left_over(groups: int) -> str:
    return f" ({groups - MOST_ROWS} more kinds)" if groups > MOST_ROWS else ""


def _figures(result: Outcome) -> str:
    measured, currency = result.measures, result.currency
    rows: list[list[Cell]] = [
        ["Return on capital", percent(measured.total_return, signed_too=True), "PnL / capital, not compounded"],
        ["Return, a year", percent(measured.annual_return, signed_too=True), "mean session return × 252"],
        ["Volatility, a year", percent(measured.volatility), "standard deviation of session returns × √252"],
        ["Sharpe, a year", number(measured.sharpe), _sharpe_note(measured.sharpe, measured.sharpe_error)],
        ["Deepest drawdown", _depth(result), _fall_note(result)],
        ["Hit rate", percent(measured.hit_rate), "round trips that earned more than their fees"],
        ["Turnover, a year", number(measured.turnover, "×"), "value traded / 2 / capital"],
        ["Exposure", percent(measured.exposure), "mean of Σ|position| at the ends of sessions / capital"],
        [f"Value traded, {currency}", f"{measured.traded:,.2f}", "both sides"],
        [f"Fees, {currency}", f"{measured.fees:,.2f}", "as the paper venue charged them"],
        [
            f"Slippage, {currency}", signed(measured.slippage_cost),
            f"{number(measured.slippage)} bp of value: fills against the middle that each order was decided on",
        ],
    ]  # fmt: skip
    return _fold("All figures", "with their formulas", table_of(("", "", ""), rows, texts=1, wide=2))


def _assumptions(result: Outcome) -> str:
    setting, venue = result.setting, result.setting.venue
    strategies = [
        [one.name, _parameters(one.values), ", ".join(one.instruments), f"{float(one.capital):,.0f}"]
        for one in setting.strategies
    ]
    limits = "; ".join(dict.fromkeys(f"{row.limit} {_value(row.value)}" for row in setting.spec.limits if not row.name))
    steps_a_second = result.steps / result.seconds if result.seconds else 0.0
    text = (
        f"<p>Fills: {escape(setting.venue_name)}, seed {venue.seed}, latency {venue.submit_latency / 1e6:g} ms, "
        f"{'all' if venue.unlimited_size else f'{venue.participation_percent} %'} of the displayed size, "
        f"{venue.rejects_per_million / 1e4:g} % rejected, taker fee {venue.fees.taker_basis_points} bp + "
        f"{venue.fees.taker_per_unit} a unit.</p>"
        f"<p>Limits: {escape(setting.limits_name)}. {escape(limits)}.</p>"
        f"<p>Decided, checked and booked by the desk's own engine, step by step; marked at the last good quote. "
        f"{result.steps:,} steps in {result.seconds:.2f} s ({steps_a_second:,.0f} a second). "
        f"Books <code>{result.digest[:12]}</code>: the same input ends in the same digest.</p>"
    )
    heads = ("strategy", "parameters", "instruments", "capital")
    note = f"{setting.limits_name} · {setting.venue_name}"
    return _fold("Assumptions", note, table_of(heads, strategies, texts=3) + text)


def _parameters(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items()) or "none"


def _value(text: str) -> str:
    return f"{int(text):,}" if text.isdecimal() else text


# ---- words and tables


def signed(value: float) -> str:
    """With its sign, a real minus, two decimals."""
    return "–" if isnan(value) else f"{value:+,.2f}".replace("-", "−")


def number(figure: Figure, unit: str = "") -> str:
    """Two decimals, or a dash."""
    return f"{_plain(figure.value)}{unit}" if figure.is_known else "–"


def percent(figure: Figure, *, signed_too: bool = False) -> str:
    """A fraction in percent, or a dash."""
    return _percent(figure.value, signed_too=signed_too)


def _percent(value: float, *, signed_too: bool = False) -> str:
    if isnan(value):
        return "–"
    return (f"{100 * value:+.2f} %" if signed_too else f"{100 * value:.2f} %").replace("-", "−")


def _plain(value: float) -> str:
    return "–" if isnan(value) else f"{value:,.2f}".replace("-", "−")


def _tone(value: float) -> str:
    return "qd-up" if value > 0 else "qd-down" if value < 0 else ""


def _fold(name: str, note: str, inside: str, *, is_open: bool = False) -> str:
    """A section that opens on a click."""
    return (
        f"<details{' open' if is_open else ''}><summary>{escape(name)}<span>{escape(note)}</span></summary>"
        f"{inside}</details>"
    )


def table_of(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, texts: int, wide: int | None = None) -> str:
    """A table whose first `texts` columns are words and the others numbers; column `wide` may break its lines."""

    def shown(tag: str, place: int, cell: Cell) -> str:
        text, classes = (cell, "") if isinstance(cell, str) else cell
        if place == wide:
            classes += " qd-wide"
        elif place >= texts:
            classes += " qd-number"
        return f"<{tag} class='{classes.strip()}'>{escape(text)}</{tag}>"

    def line(tag: str, cells: Sequence[Cell]) -> str:
        return f"<tr>{''.join(shown(tag, place, cell) for place, cell in enumerate(cells))}</tr>"

    head = f"<thead>{line('th', heads)}</thead>" if any(heads) else ""
    body = "".join(line("td", row) for row in rows)
    return f"<div class='qd-scroll'><table>{head}<tbody>{body}</tbody></table></div>"
