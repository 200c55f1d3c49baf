"""Words, numbers and tables of a page in HTML, the same on every page; it knows no backtest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import isnan

from toolkit.measures.figure import Figure

Cell = str | tuple[str, str]  # text, or text and its classes


def figure_card(name: str, value: str, note: str, tone: str = "") -> str:
    """One of the figures that a page leads with: its name, the figure, a note below."""
    return (
        f"<div class='qd-card'><small>{escape(name)}</small><b class='{tone}'>{escape(value)}</b>"
        f"<span>{escape(note)}</span></div>"
    )


def signed(value: float) -> str:
    """With its sign, a real minus, two decimals."""
    return "–" if isnan(value) else f"{value:+,.2f}".replace("-", "−")


def number(figure: Figure, unit: str = "") -> str:
    """Two decimals, or a dash."""
    return f"{plain(figure.value)}{unit}" if figure.is_known else "–"


def percent(figure: Figure, *, signed_too: bool = False) -> str:
    """A fraction in percent, or a dash."""
    return percent_of(figure.value, signed_too=signed_too)


def percent_of(value: float, *, signed_too: bool = False) -> str:
    """The same of a bare float, NaN for unknown."""
    if isnan(value):
        return "–"
    return (f"{100 * value:+.2f} %" if signed_too else f"{100 * value:.2f} %").replace("-", "−")


def plain(value: float) -> str:
    """Two decimals and a real minus; a dash for NaN."""
    return "–" if isnan(value) else f"{value:,.2f}".replace("-", "−")


def tone(value: float) -> str:
    """The class of a gain or a loss."""
    return "qd-up" if value > 0 else "qd-down" if value < 0 else ""


def fold(name: str, note: str, inside: str, *, is_open: bool = False) -> str:
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
