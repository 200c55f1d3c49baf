"""What `doctor` asks of servers, registry, latch and venues; it judges little and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from toolkit.adapters.latch import Latch
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.server_binary import find_server, server_version
from toolkit.adapters.server_checks import Durability, check_journal_server
from toolkit.adapters.versions import content_digest
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState
from toolkit.client.home import Home
from toolkit.client.stopping import venue_state
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.ledger import Ledger

if TYPE_CHECKING:
    from toolkit.adapters.journal_archive import JournalArchive


PATIENCE = 2.0
OLD_METRICS_SECONDS = 10.0
COLLECTED = "quarterdeck_collected_timestamp_seconds"


def server_binary() -> str:
    """Which server would be started. ConfigError when there is none."""
    binary = find_server()
    version = ".".join(map(str, server_version(binary) or ()))
    return f"{binary} {version}"


class Server(NamedTuple):
    """What a server says of itself; `full` is the part of its memory that is taken, 0.0 where it cannot tell."""

    name: str
    said: str
    full: float


def servers(books: Books) -> Iterator[Server]:
    """Each server of a desk. TransportError when one is away."""
    for role, line in ((ServerRole.JOURNAL, books.journal()), (ServerRole.BUS, books.bus())):
        begun = time.perf_counter()
        said = line.information("memory")
        took = (time.perf_counter() - begun) * 1000
        line.close()
        full = memory_taken(said)
        words = f"answers in {took:.1f} ms, {said.get('used_memory_human', '?').strip()} in memory"
        yield Server(f"{role.value} server", f"{words}, {full:.0%} of what it may take" if full else words, full)


def memory_taken(said: Mapping[str, str]) -> float:
    """The part of a server's memory that is taken, by its INFO: of its `maxmemory`, without one of the machine."""
    used, most = int(said.get("used_memory", 0)), int(said.get("maxmemory", 0))
    room = most or int(said.get("total_system_memory", 0))
    return used / room if room else 0.0


def check_durability(books: Books, wanted: str) -> None:
    """ConfigError with every reason why the journal server breaks the promise of its class."""
    check_journal_server(books.address(ServerRole.JOURNAL), Durability(wanted))


def changed_versions(home: Home) -> list[str]:
    """Deployed versions whose files are gone or are not those that were promoted."""
    state_books = [path for path in home.var.glob("*/snapshots") if path.is_dir()]
    if not state_books:
        return []
    found = []
    for folder in state_books:
        ledger = _ledger(home, folder.parent.name)
        for strategy, deployed in ledger.deployments.items():
            path = home.registry / strategy / f"v{deployed.version}"
            if not path.is_dir():
                found.append(f"{strategy} v{deployed.version} is deployed, but {path} is gone")
            elif content_digest(path) != deployed.digest:
                found.append(f"{path} was changed since it was promoted")
    return found


def archive_of(home: Home, book: str) -> JournalArchive:
    """The archive of a book; its folder may be missing yet."""
    from toolkit.adapters.journal_archive import JournalArchive  # pyarrow: half a second that most commands can save

    return JournalArchive(home.archive(book), book)


def shut_latches(home: Home, book: str) -> list[str] | None:
    """The scopes that are shut; None when the latch is missing or unreadable."""
    rows = Latch(home.book(book) / "latch").rows()
    return [scope for scope, is_open in rows.items() if not is_open] if rows else None


def seconds_ahead(home: Home, state: DeskState) -> float:
    """By how much the newest thing that was written is ahead of this machine's clock."""
    try:
        written = int(Books(home=home, book=state.book).replica_without_server().wall)
    except ExecutionError:
        return 0.0
    return max(0.0, (written - time.time_ns()) / 1e9)


def venues(home: Home, state: DeskState) -> Iterator[tuple[str, str, bool]]:
    """Venue, what it says, and whether that is a problem."""
    for name, socket in emergency.venue_sockets(home, state.venues).items():
        begun = time.perf_counter()
        try:
            found = venue_state(socket)
        except TransportError as problem:
            yield name, str(problem), True
            continue
        took = (time.perf_counter() - begun) * 1000
        yield name, f"answers in {took:.1f} ms, {len(found.open_orders)} open orders, step {found.step:,}", False


def metrics_age(address: str) -> float | None:
    """How many seconds ago the metrics of a page were collected; None where it does not answer or has none."""
    from http.client import HTTPException
    from urllib.request import ProxyHandler, build_opener

    try:
        with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE) as page:
            rows = page.read().decode().splitlines()
    except (OSError, HTTPException, ValueError):
        return None
    stamp = next((float(row.split()[1]) for row in rows if row.startswith(f"{COLLECTED} ")), None)
    return None if stamp is None else max(0.0, time.time() - stamp)


def _ledger(home: Home, book: str) -> Ledger:
    try:
        return Books(home=home, book=book).replica_without_server().ledger
    except ExecutionError:
        return Ledger()
