"""`tk.connect()` and `tk.journal()`: a running desk as DataFrames, for notebooks; it reads, nothing here can trade."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from toolkit.adapters.blocking_redis import BlockingBus
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState, read_desk_state
from toolkit.client.home import Home, find_home
from toolkit.client.ladders import ladder_of
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.events import Batch, Event
from toolkit.domain.ledger import Ledger
from toolkit.domain.rungs import Rung, SessionRungs
from toolkit.replica import views
from toolkit.replica.replica import AlarmSeen, DenialSeen, FillHistory, Replica
from toolkit.replica.story import Story, chain_root, story
from toolkit.simulation.book import BOOK_FILE, DeskBook, decode_book

Row = dict[str, object]
TIMES = frozenset({"decided", "sent", "time", "wall", "written"})
"""Columns of nanoseconds since 1970, feed time or wall time, shown as UTC."""

MONEY_OF_RUNGS = (
    "stands", "live", "replay", "backtest", "delay", "spread_impact", "missed", "fees", "signal", "noise",
)  # fmt: skip

BEAT_POLL_SECONDS = 0.01

NO_TIME = np.iinfo(np.int64).min
"""How numpy writes "not a time": of an event that has no such column, beside others that have."""

__all__ = ["AtRest", "Desk", "connect", "journal"]


def connect(home: str | os.PathLike[str] | None = None) -> Desk:
    """The desk of `home`, else of EXECUTION_HOME, else of the nearest parent with config/.

    ConfigError when there is none or when it does not run; TransportError when its journal cannot be read.
    """
    found, state = _running(home)
    return Desk(found, state)


def journal(
    after: int = 0, kind: str | Sequence[str] | None = None, home: str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """Events above number `after`, one a row, indexed by when they were written (UTC).

    Columns: `event` (number), `kind`, `epoch`, `step`, then the fields of the kinds asked for, in the journal's own
    units (ticks, lots, quanta). Without `kind` the fields stand in one column as a dictionary.
    """
    found, state = _running(home)
    wanted = None if kind is None else {kind} if isinstance(kind, str) else set(kind)
    books = Books(home=found, book=state.book)
    rows = list(_event_rows(books.batches(after), after, wanted))
    return _frame(rows, "written", ("event", "kind", "epoch", "step"))


class AtRest(NamedTuple):
    """What a desk holds and earns when `step` of its feed is wholly done and the next one has not begun."""

    step: int
    status: pd.DataFrame
    positions: pd.DataFrame


class Desk:
    """A running desk, as its journal tells it. Each table is read anew; amounts are float64 in human units."""

    def __init__(self, home: Home, state: DeskState) -> None:
        self._home = home
        self._state = state
        self._books = Books(home=home, book=state.book)

    @property
    def name(self) -> str:
        return self._state.name

    @property
    def kind(self) -> str:
        """`paper` or `live`."""
        return self._state.kind

    def status(self) -> pd.DataFrame:
        """One row per strategy: version, stage, enabled, orders, fills, position, result."""
        return _status(self.replica())

    def orders(self, closed: int = 1_000) -> pd.DataFrame:
        """Open orders and the `closed` newest that are over, indexed by the time of the decision (UTC)."""
        return _timed(views.OrderView, views.orders(self.replica(), closed=closed), "decided")

    def positions(self) -> pd.DataFrame:
        """Positions at their last marks, indexed by strategy and instrument."""
        return _positions(self.replica())

    def fills(self) -> pd.DataFrame:
        """Every fill in the journal, indexed by feed time (UTC)."""
        fills = FillHistory()
        for batch in self._books.batches():
            fills.hear(batch)
        ledger = self.replica().ledger
        return _timed(views.FillView, [views.fill_view(ledger, fill) for fill in fills.fills()], "time")

    def limits(self) -> pd.DataFrame:
        """Every limit in force, what of it is used, and the line it stands in."""
        return _table(views.LimitView, views.limits(self.replica(), now=time.time_ns()), "scope", "name", "limit")

    def denials(self) -> pd.DataFrame:
        """The newest orders that were refused by a control: observed, limit, place, and what would pass."""
        return _timed(DenialSeen, self.replica().denials, "wall")

    def alarms(self) -> pd.DataFrame:
        """The newest alarms: unexpected facts, breaks, what could not be resolved."""
        return _timed(AlarmSeen, self.replica().alarms, "wall")

    def divergence(self) -> pd.DataFrame:
        """What each session earned on the desk, in its replay and in a backtest, and why they differ; by feed time.

        `live` (B4), `replay` (B1), `backtest` (B0) and the parts of live less replay (`delay`, `spread_impact`,
        `missed`, `fees`, `signal`) are money; NaN where nothing was measured, and `missing` says why. `remarks` say
        where a session was taken up anew: after a command, a restart, a new version.
        """
        ladder = ladder_of(self._home, self._state.book).sessions()
        return _rungs(ladder, float(views.money(self.replica().ledger, 1)))

    def why(self, order_id: str) -> Story:
        """The whole story of one order. ConfigError when the journal knows none of that id."""
        mentioned = list(self._books.batches(containing=order_id))
        root = chain_root(mentioned, order_id)
        batches = mentioned if root == order_id else list(self._books.batches(containing=root))
        told = story(batches, root, self.replica().ledger)
        if told is None:
            raise ConfigError(f"the journal knows no order {order_id}; desk.orders() lists them")
        return told

    def book(self) -> DeskBook:
        """What the desk trades: `tk.backtest(desk.book(), last_step=desk.step)` ends in the desk's own books.

        ConfigError when the desk has not written it down yet.
        """
        path = self._home.book(self._state.book) / BOOK_FILE
        try:
            return decode_book(path.read_bytes())
        except FileNotFoundError:
            raise ConfigError(f"{path} is not there yet; `execution up` writes it once the desk is open") from None

    @property
    def step(self) -> int:
        """The number of the last step of the feed that is known to be wholly in the books; see `at_rest`."""
        return self.replica().ledger.step

    def at_rest(self, within: float = 30.0) -> AtRest:
        """The books between two steps of a lockstep feed, all figures of one moment.

        `tk.backtest(desk.book(), last_step=rest.step)` gives the same positions and results. TransportError when the
        desk takes one step after the other without a pause (`--speed 0`) for `within` seconds.
        """
        deadline = time.monotonic() + within
        with closing(self._books.bus()) as bus, closing(self._books.journal()) as journal:
            while time.monotonic() < deadline:
                before = _engine(bus)
                replica = self.replica()
                after = _next_beat(bus, before, deadline)
                quiet = before.step == after.step and journal.head().sequence == replica.ledger.sequence
                if quiet and not _is_beyond(replica.ledger, after.step):
                    return AtRest(after.step, _status(replica), _positions(replica))
        raise TransportError(f"{self.name} did not rest between two steps within {within:g} s; slow the feed down")

    def replica(self) -> Replica:
        """The books up to the journal's present end."""
        return self._books.replica()

    def __repr__(self) -> str:
        return f"Desk({self.name!r}, {self.kind})"

    def _repr_html_(self) -> str:
        replica = self.replica()
        ledger = replica.ledger
        colour = "#8a8d91" if self.kind == "paper" else "#c62828"
        facts = f"session {ledger.session or '–'} · step {ledger.step:,} · event {ledger.sequence:,}"
        columns = ("name", "version", "stage", "state", "capital", "orders", "open", "fills", "denied", "position",
                   "pnl", "fees")  # fmt: skip
        rows = "".join(_html_row(row, columns) for row in views.strategies(replica))
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in columns)
        return (
            f"<div><span style='background:{colour};color:white;padding:2px 8px;font-weight:600'>"
            f"{html.escape(self.kind.upper())}</span> <b>{html.escape(self.name)}</b> · {facts} · amounts in "
            f"{html.escape(ledger.base_currency)}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


def _running(home: str | os.PathLike[str] | None) -> tuple[Home, DeskState]:
    found = find_home(home)
    state = read_desk_state(found.processes)
    if state is None or not state.supervisor.is_alive():
        raise ConfigError(f"no desk runs in {found.root}; start it with `execution up -d`, or pass connect(home=…)")
    return found, state


def _html_row(row: views.StrategyView, columns: Sequence[str]) -> str:
    cells = []
    for name in columns:
        value = getattr(row, name)
        number = isinstance(value, int | Decimal)
        text = f"{value:,.2f}" if isinstance(value, Decimal) else "–" if value is None else str(value)
        cells.append(f"<td style='text-align:{'right' if number else 'left'}'>{html.escape(text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _event_rows(batches: Iterable[Batch], after: int, wanted: set[str] | None) -> Iterator[Row]:
    for batch in batches:
        for number, event in enumerate(batch.events, start=batch.first):
            name = type(event).__name__
            if number > after and (wanted is None or name in wanted):
                shown: Row = {"fields": _fields(event)} if wanted is None else _fields(event)
                yield {"written": int(batch.wall), "event": number, "kind": name, "epoch": batch.epoch,
                       "step": batch.step, **shown}  # fmt: skip


def _fields(event: Event) -> Row:
    names = {"kind": "event_kind", "epoch": "event_epoch", "step": "event_step"}
    return {names.get(name, name): _plain(getattr(event, name)) for name in event.__struct_fields__}


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(inside) for inside in value]
    return getattr(value, "value", value)


def _status(replica: Replica) -> pd.DataFrame:
    return _table(views.StrategyView, views.strategies(replica), "name")


def _positions(replica: Replica) -> pd.DataFrame:
    return _table(views.PositionView, views.positions(replica), "strategy", "instrument")


def _engine(bus: BlockingBus) -> Beat:
    beat = bus.beats().get("engine")
    if beat is None:
        raise TransportError("no engine says that it lives; `execution status` says why")
    return beat


def _next_beat(bus: BlockingBus, last: Beat, deadline: float) -> Beat:
    """The engine's next sign of life, so that what was read between the two is of one moment."""
    while (beat := _engine(bus)).wall == last.wall and time.monotonic() < deadline:
        time.sleep(BEAT_POLL_SECONDS)
    return beat


def _is_beyond(ledger: Ledger, step: int) -> bool:
    marks, runners = ledger.marks.values(), ledger.runners.values()
    return any(mark.step > step for mark in marks) or any(runner.step > step for runner in runners)


def _table(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct], *index: str) -> pd.DataFrame:
    frame = pd.DataFrame([_human(row) for row in rows], columns=list(kind.__struct_fields__))
    return frame.set_index(list(index))


def _timed(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct], column: str) -> pd.DataFrame:
    return _frame([_human(row) for row in rows], column, kind.__struct_fields__)


def _rungs(sessions: Sequence[SessionRungs], quantum: float) -> pd.DataFrame:
    rows: list[Row] = []
    for session in sessions:
        for rung in session.rungs:
            told = msgspec.structs.asdict(rung)
            money = {name: np.nan if told[name] is None else told[name] * quantum for name in MONEY_OF_RUNGS}
            remarks = "; ".join(session.remarks)
            rows.append({"time": session.time, "session": session.session, **told, **money, "remarks": remarks})
    return _frame(rows, "time", ("session", *Rung.__struct_fields__, "remarks"))


def _frame(rows: Sequence[Row], time: str, columns: Sequence[str]) -> pd.DataFrame:
    """Rows under a UTC index; an empty table has the index and its columns all the same."""
    frame = pd.DataFrame(rows, columns=None if rows else list(dict.fromkeys((time, *columns))))
    for name in TIMES & set(frame.columns):
        exact = np.array([row.get(name, NO_TIME) for row in rows], dtype="int64")  # a column with holes holds floats
        frame[name] = pd.to_datetime(exact.view("datetime64[ns]"), utc=True)
    return frame.set_index(time)


def _human(row: msgspec.Struct) -> Row:
    """Decimals as float64: statistics are made of these, never books."""
    return {name: _number(getattr(row, name)) for name in row.__struct_fields__}


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return getattr(value, "name", value) if not isinstance(value, int) else value
