"""A view before it is a page or a cell of a notebook: five numbers, notes, tables, pictures; it knows no desk."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from toolkit.dashboards.looks import Cell

FIVE: Final = 5
Data = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Number:
    """One of the five: the figure, what it is of, and how it is meant (good, bad, odd)."""

    value: str
    words: str
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns that end in ">" are of numbers. `empty` says in words that there is nothing; `below` stands under it.

    `links` are addresses of the first column, row by row. A `compact` one stays a table on a narrow screen, a `folded`
    one opens on a click.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    below: tuple[str, ...] = ()
    wide: bool = False
    links: tuple[str, ...] = ()
    compact: bool = False
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    """`draw` makes a figure of a source that holds `data`; another `shape` is another figure, other data are not.

    `empty` says in words why there is nothing to draw; columns of times are in the desk's clock (ms). The `legend` are
    words and colours.
    """

    key: str
    title: str
    data: Data
    draw: Callable[[ColumnDataSource], figure]
    shape: tuple[object, ...] = ()
    empty: str = ""
    below: str = ""
    wide: bool = False
    legend: tuple[tuple[str, str], ...] = ()


Part = Table | Picture


@dataclass(frozen=True, kw_only=True)
class Face:
    """One view of one choice. `notes` are (words, how): what is not as it should be, before anything else."""

    numbers: tuple[Number, ...]
    parts: tuple[Part, ...]
    notes: tuple[tuple[str, str], ...] = field(default=())

    def part(self, key: str) -> Part | None:
        return next((part for part in self.parts if part.key == key), None)


def as_csv(part: Part) -> str:
    """A table as it is shown, numbers without their separators; a picture's columns."""
    out = io.StringIO()
    writer = csv.writer(out)
    if isinstance(part, Picture):
        writer.writerow(part.data)
        writer.writerows(zip(*part.data.values(), strict=True))
        return out.getvalue()
    writer.writerow(column.removesuffix(">") for column in part.columns)
    numeric = [column.endswith(">") for column in part.columns]
    for row in part.rows:
        writer.writerow(_plain(cell, of_number) for cell, of_number in zip(row, numeric, strict=True))
    return out.getvalue()


def _plain(cell: Cell, numeric: bool) -> str:
    text = cell[0] if isinstance(cell, tuple) else cell
    if text is None or text == "–":
        return ""
    shown = str(text)
    if numeric:
        return shown.replace(",", "").replace("−", "-")
    return f"'{shown}" if shown[:1] in ("=", "@", "\t", "\r") else shown  # no spreadsheet takes a text for a formula
