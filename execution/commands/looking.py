"""`execution orders`, `positions`, `why`, `logs`: what the books say, in people's units."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from execution.commands.desk import Stop, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import DIM, banner, clock, heading, money, paint, say, say_json, table
from execution.home import Home
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState
from toolkit.domain.errors import TransportError
from toolkit.replica import views
from toolkit.replica.story import Story, chain_root, story


def orders(given: Path | None, *, strategy: str | None, closed: int, as_json: bool) -> Exit:
    """Every open order, and the newest that are over."""
    state, books = _open(given)
    rows = [row for row in views.orders(books.replica(), closed=closed) if strategy in (None, row.strategy)]
    if as_json:
        say_json(rows)
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · orders"))
    stops = any(row.stop is not None for row in rows)
    columns = ("decided", "order", "strategy", "instrument", "side", "type", "tif", "class", "quantity>", "filled>",
               "price>", *(("stop>", "held at") if stops else ()), "average>", "status")  # fmt: skip
    body = [
        (clock(row.decided), row.order_id, row.strategy, row.instrument, row.side, row.order_type, row.time_in_force,
         row.order_class, row.quantity, row.filled, row.price,
         *((row.stop, row.held or None) if stops else ()), row.average, row.status)
        for row in rows
    ]  # fmt: skip
    say(table(columns, body))
    return Exit.DONE


def positions(given: Path | None, *, strategy: str | None, as_json: bool) -> Exit:
    """Every position with its result at the last mark."""
    state, books = _open(given)
    replica = books.replica()
    rows = [row for row in views.positions(replica) if strategy in (None, row.strategy)]
    if as_json:
        say_json(rows)
        return Exit.DONE
    say(
        banner(
            state.kind, f"desk {state.name} · positions at their last marks, session {replica.ledger.session or '–'}"
        )
    )
    columns = ("strategy", "instrument", "quantity>", "average>", "mark>", "value>", "realised>", "unrealised>", "")
    body = [
        (row.strategy, row.instrument, row.quantity, row.average, row.mark, money(row.value), money(row.realised, True),
         money(row.unrealised, True), row.currency)
        for row in rows
    ]  # fmt: skip
    say(table(columns, body))
    return Exit.DONE


def why(given: Path | None, order_id: str, *, as_json: bool) -> Exit:
    """The whole story of one order, from any id of its replace chain."""
    state, books = _open(given)
    told = tell(books, order_id.upper())
    if told is None:
        raise Stop(Exit.USAGE, f"the journal knows no order {order_id}; `execution orders --closed 20` lists them")
    if as_json:
        say_json(told)
        return Exit.DONE
    say(banner(state.kind, f"{told.order_id}  {told.headline}"))
    if len(told.ids) > 1:
        say(f"  replace chain: {' → '.join(told.ids)}")
    first = told.lines[0].wall
    rows = [
        (clock(line.wall), f"{(line.wall - first) / 1e6:+,.3f} ms", line.what, line.detail, line.number or None)
        for line in told.lines
    ]
    say(table(("time", "since>", "what", "", "event>"), rows))
    return Exit.DONE


def tell(books: Books, order_id: str) -> Story | None:
    """Read the journal for one order; twice when the id is a later one of a replace chain."""
    mentioned = list(books.batches(containing=order_id))
    root = chain_root(mentioned, order_id)
    batches = mentioned if root == order_id else list(books.batches(containing=root))
    return story(batches, root, books.replica().ledger)


def logs(given: Path | None, process: str | None, *, count: int, as_json: bool) -> Exit:
    """The operations log, and with a process its own log file too."""
    home = the_home(given)
    state = the_state(home)
    entries, problem = _operations(home, state, count)
    if process is not None:
        entries = [entry for entry in entries if process in (entry.get("process"), entry.get("name"))]
    lines = _file_lines(home, process, count) if process is not None else []
    if as_json:
        say_json({"operations": entries, "log": lines, "problem": problem})
        return Exit.FAILED if problem else Exit.DONE
    say(banner(state.kind, f"desk {state.name} · operations log"))
    say(f"  {problem}" if problem else table(("time", "process", "what", "detail"), map(_operation_row, entries)))
    if process is not None:
        say(f"\n{heading(f'{home.log(process)}')}")
        say("\n".join(f"  {line}" for line in lines) or paint("  empty", DIM))
    else:
        names = sorted(path.stem for path in home.logs.glob("*.log"))
        say(paint(f"\n  a process's own log: execution logs NAME  ({', '.join(names)})", DIM))
    return Exit.FAILED if problem else Exit.DONE


def _operations(home: Home, state: DeskState, count: int) -> tuple[list[dict[str, str]], str]:
    try:
        journal = Books(home=home, book=state.book).journal()
    except TransportError as problem:
        if not state.supervisor.is_alive():
            return [], "the desk does not run; `execution up` starts it, and this log is on its journal server"
        return [], str(problem)
    try:
        return [{"position": position, **fields} for position, fields in journal.operations(count)], ""
    finally:
        journal.close()


def _operation_row(entry: dict[str, str]) -> tuple[str, ...]:
    rest = {name: text for name, text in entry.items() if name not in ("position", "kind", "process", "wall")}
    detail = ", ".join(f"{name} {text}" for name, text in rest.items() if text)
    return clock(int(entry.get("wall", "0"))), entry.get("process", ""), entry.get("kind", ""), detail


def _file_lines(home: Home, process: str, count: int) -> list[str]:
    path = home.log(process)
    if not path.exists():
        names = ", ".join(sorted(found.stem for found in home.logs.glob("*.log"))) or "none"
        raise Stop(Exit.USAGE, f"no log of {process!r}; there are {names}")
    with path.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=count)]


def _open(given: Path | None) -> tuple[DeskState, Books]:
    home = the_home(given)
    state = the_state(home)
    if not state.supervisor.is_alive():
        raise Stop(
            Exit.NOT_RUNNING, f"desk {state.name} does not run, its journal server neither; start: `execution up`"
        )
    return state, Books(home=home, book=state.book)
