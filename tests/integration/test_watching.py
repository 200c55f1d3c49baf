"""Who looks on has the journal's own folds: over gaps, over a server that comes back, over one that lost its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from execution.services.judging import Judgement
from tests.tools.folded_desk import Journal, folded
from tests.tools.watched_core import WatchedCore, shipped
from toolkit.adapters import keys
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.clock import mono_time
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_access import ServerRole
from toolkit.client import watching
from toolkit.client.home import Home
from toolkit.client.watching import Again, Watching
from toolkit.domain.errors import TransportError
from toolkit.domain.ports import Lease, Sealed
from toolkit.domain.time import NANOSECONDS, MonoTime, WallTime
from toolkit.monitoring.collecting import collect
from toolkit.simulation.surprises import RejectOrders

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def written() -> Journal:
    journal = Journal(17)
    journal.act(400)
    return journal


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def servers(home: Home) -> Iterator[EmbeddedServers]:
    servers = EmbeddedServers(home.run, home.servers, home.logs, books=("paper",), strategies=())
    servers.start()
    yield servers
    servers.stop()


class Engine:
    """Appends what is given to the journal, as an engine would."""

    def __init__(self, servers: EmbeddedServers) -> None:
        address = servers.address(ServerRole.JOURNAL, "engine")
        self.journal = RedisJournal(
            address, "paper", mono=mono_time, lease_seconds=300.0, margin_seconds=0.5, reply_seconds=60.0
        )
        self._lease: Lease | None = None

    async def write(self, batches: Sequence[Sealed]) -> None:
        if self._lease is None:
            self._lease = await self.journal.acquire("test")
            assert self._lease is not None
        for batch in batches:
            await self.journal.append(self._lease, batch, {})


@pytest.fixture
async def engine(servers: EmbeddedServers) -> AsyncIterator[Engine]:
    engine = Engine(servers)
    yield engine
    await engine.journal.close()


@pytest.fixture
def watch(home: Home) -> Iterator[Callable[..., Watching]]:
    opened: list[Watching] = []

    def watch(**options: Any) -> Watching:
        opened.append(Watching(home, "paper", user="monitor", **options))
        return opened[-1]

    yield watch
    for each in opened:
        each.close()


def read_all(watching: Watching) -> None:
    while watching.advance():
        pass


def assert_is_all_of(watching: Watching, written: Journal) -> None:
    replica, tallies = folded(written)
    assert watching.replica.ledger.digest() == replica.ledger.digest()
    assert watching.tallies == tallies
    assert watching.read_at_end


async def test_it_folds_what_is_there_and_then_what_comes(
    engine: Engine, watch: Callable[..., Watching], written: Journal
) -> None:
    half = len(written.sealed) // 2
    await engine.write(written.sealed[:half])
    watching = watch()
    read_all(watching)
    assert watching.replica.ledger.sequence == written.sealed[half - 1].last
    await engine.write(written.sealed[half:])
    read_all(watching)
    assert_is_all_of(watching, written)


async def test_what_one_stores_the_next_one_begins_with(
    engine: Engine, watch: Callable[..., Watching], written: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "KEEP_EVERY", 100)
    half = len(written.sealed) // 2
    await engine.write(written.sealed[:half])
    read_all(watch(keeps=True))
    await engine.write(written.sealed[half:])
    later = watch()
    assert later.advance() == written.sealed[-1].last
    assert_is_all_of(later, written)
    assert later.tallies.since == 1


async def test_a_monitor_that_starts_anew_sees_what_one_that_was_always_there_sees(
    engine: Engine, watch: Callable[..., Watching]
) -> None:
    core = WatchedCore()
    for number in range(40):
        if number in (15, 20):
            core.venue.process(RejectOrders(count=1))
        core.quote(9_999, 10_001)
        core.buy(10)
        core.run(30, every=5)
    await engine.write(core.journal)
    judgement, facts, wall = Judgement(shipped().plan.rules), core.facts(), WallTime(core.wall)
    mono = MonoTime(core.mono)
    seen: list[WallTime] = []

    def look(moment: WallTime) -> None:
        seen.append(moment)
        judgement.look_again(lambda: collect(started.replica, started.tallies, facts, moment), moment)

    started = watch(again=Again(wall - 900 * NANOSECONDS, look))
    read_all(started)
    assert started.replica.ledger.digest() == core.replica.ledger.digest()
    assert wall - 900 * NANOSECONDS <= seen[0] < seen[-1] <= wall
    measured = collect(started.replica, started.tallies, facts, wall)
    assert {firing.rule.name for firing in judgement.look(measured, wall, mono)} == {"venue_rejects"}
    assert [alert.rule for alert in core.alerts.book.open] == ["venue_rejects"]
    assert Judgement(shipped().plan.rules).look(measured, wall, mono) == (), "without it, nothing has grown yet"


async def test_who_looks_again_begins_with_what_was_stored_before(
    engine: Engine, watch: Callable[..., Watching], written: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "KEEP_EVERY", 100)
    monkeypatch.setattr(watching, "WHOLE", 0)  # nobody counts from the first event
    quarter = len(written.sealed) // 4
    for begin in (0, quarter, 2 * quarter):
        await engine.write(written.sealed[begin : begin + quarter])
        read_all(watch(keeps=True))
    await engine.write(written.sealed[3 * quarter :])
    since = written.batches[2 * quarter][0].wall
    seen: list[WallTime] = []
    later = watch(again=Again(since, seen.append))
    read_all(later)
    assert_is_all_of(later, written)
    assert seen == [batch.wall for batch, _ in written.batches if batch.wall >= since]


async def test_without_the_first_events_it_counts_beside_the_books_that_are_stored(
    engine: Engine, watch: Callable[..., Watching], home: Home, written: Journal
) -> None:
    half = len(written.sealed) // 2
    await engine.write(written.sealed[:half])
    early = watch()
    read_all(early)
    early._books.keep(early.replica)
    await engine.write(written.sealed[half:])
    await engine.journal.trim(written.sealed[half - 1].last)
    watching = watch()
    read_all(watching)
    assert watching.replica.ledger.digest() == folded(written)[0].ledger.digest()
    assert watching.tallies.since == written.sealed[half - 1].last + 1
    assert set(watching.tallies.unanswered) <= {order.chain[0] for order in watching.replica.ledger.open_orders()}


async def test_a_server_that_lost_its_end_is_read_anew(
    engine: Engine, watch: Callable[..., Watching], servers: EmbeddedServers, written: Journal
) -> None:
    """As of a disk that took less than was said: what was folded of the rest never happened."""
    half = len(written.sealed) // 2
    await engine.write(written.sealed)
    watching = watch()
    read_all(watching)
    kept = written.sealed[half - 1]
    with BlockingLine(servers.address(ServerRole.JOURNAL, "engine")) as line:
        for batch in written.sealed[half:]:
            line.ask("XDEL", keys.journal("paper"), f"{batch.last}-0")
        line.ask("HSET", keys.head("paper"), "sequence", kept.last, "digest", kept.digest)
    watching.close()  # as when a server dies
    read_all(watching)
    assert watching.replica.ledger.sequence == kept.last
    assert watching.replica.ledger.batch_digest == kept.digest
    assert watching.tallies.sequence == kept.last


async def test_a_server_that_is_away_leaves_the_last_state_and_is_taken_up_again(
    engine: Engine, watch: Callable[..., Watching], servers: EmbeddedServers, written: Journal
) -> None:
    await engine.write(written.sealed)
    watching = watch()
    read_all(watching)
    servers.stop()
    with pytest.raises(TransportError):
        watching.advance()
    assert watching.replica.ledger.sequence == written.sealed[-1].last
    assert not watching.read_at_end
    servers.start()
    read_all(watching)
    assert_is_all_of(watching, written)
    assert watching.reloads == 1
