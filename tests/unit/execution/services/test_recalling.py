"""A venue revises a trade whose order the ledger has forgotten: the journal remembers it."""

from collections.abc import Iterator

import pytest

from execution.services.recalling import is_forgotten, remembered
from tests.tools.core_kit import Core
from toolkit.adapters import codec
from toolkit.adapters.clock import mono_time
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain import events as ev
from toolkit.domain import ledger as module
from toolkit.domain.ports import Sealed
from toolkit.domain.requests import Busted, Canceled, Corrected
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.messages import Recalled


class Codec:
    """The codec as the services know it."""

    schema = codec.SCHEMA
    seal = staticmethod(codec.seal)
    open_batch = staticmethod(codec.open_batch)
    encode_step = staticmethod(codec.encode)


def busted(order_id: str, execution_id: str) -> Busted:
    return Busted(
        venue="paper", report=900, order_id=order_id, execution_id=execution_id, time=FeedTime(0), wall=WallTime(0)
    )


class Archived(list[Sealed]):
    """What the journal's server let go of."""

    def read(self, after: int = 0) -> Iterator[Sealed]:
        return iter(self)


async def records_of(core: Core, archived: int = 0) -> tuple[MemoryJournal, Archived]:
    """A journal with every event of the core, one a batch, and an archive with the first of them."""
    journal = MemoryJournal(MemoryServer(), mono=mono_time)
    archive = Archived()
    lease = await journal.acquire("test")
    assert lease is not None
    head = codec.EMPTY
    for event in core.events:
        batch = codec.seal(
            ev.Batch(
                book="main", schema=codec.SCHEMA, epoch=1, first=head.sequence + 1, previous=head.digest, step=0,
                wall=WallTime(0), events=(event,),
            )
        )  # fmt: skip
        await journal.append(lease, batch, {})
        head = codec.follows(head, batch)
        if batch.last <= archived:
            archive.append(batch)
    return journal, archive


def forgetful(monkeypatch: pytest.MonkeyPatch) -> tuple[Core, ev.OrderFilled]:
    monkeypatch.setattr(module, "CLOSED_ORDERS_KEPT", 3)
    core = Core()
    core.buy(10)
    trade: ev.OrderFilled = core.of(ev.OrderFilled)[0]
    for _ in range(6):
        core.buy(1)
    return core, trade


async def test_a_trade_is_found_by_its_id_and_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    core, trade = forgetful(monkeypatch)
    report = busted(trade.order_id, trade.execution_id)
    assert is_forgotten(core.ledger, report)
    for archived in (0, len(core.events) // 2, len(core.events)):
        found = await remembered(*await records_of(core, archived), Codec(), report)
        assert found == Recalled(report=report, trade=trade)
    core.do(Recalled(report=report, trade=trade))
    assert core.held() == 6


async def test_what_was_corrected_since_is_what_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    core, trade = forgetful(monkeypatch)
    correction = Corrected(
        venue="paper", report=900, order_id=trade.order_id, execution_id=trade.execution_id, price=trade.price,
        quantity=7, fee=2, time=FeedTime(0), wall=WallTime(0),
    )  # fmt: skip
    core.do(await remembered(*await records_of(core), Codec(), correction))
    assert core.held() == 7 + 6
    second = Busted(
        venue="paper", report=901, order_id=trade.order_id, execution_id=trade.execution_id, time=FeedTime(0),
        wall=WallTime(0),
    )  # fmt: skip
    core.do(await remembered(*await records_of(core), Codec(), second))
    assert core.held() == 6
    assert core.ledger.fees["trend"].get("USD", 0) == 0
    third = busted(trade.order_id, trade.execution_id)
    assert await remembered(*await records_of(core), Codec(), third) == third, "it was taken back already"


async def test_a_trade_that_no_journal_has_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    core, trade = forgetful(monkeypatch)
    report = busted(trade.order_id, "???")
    assert await remembered(*await records_of(core), Codec(), report) == report
    core.do(report)
    assert core.alarms() == ["unknown_execution"]


async def test_an_order_that_the_ledger_has_needs_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    core, _ = forgetful(monkeypatch)
    newest = core.of(ev.OrderFilled)[-1]
    assert not is_forgotten(core.ledger, busted(newest.order_id, newest.execution_id))
    ended = Canceled(venue="paper", report=1, order_id="?", time=FeedTime(0), wall=WallTime(0))
    assert not is_forgotten(core.ledger, ended)
