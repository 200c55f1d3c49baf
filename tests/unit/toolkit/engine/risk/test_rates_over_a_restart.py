"""Controls 5 and 6 over a restart: another engine counts what the last one sent, by whichever clock goes on."""

import pytest

from tests.tools.core_kit import Core, limit, limits
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, SessionOpened
from toolkit.domain.ports import Lease
from toolkit.domain.time import MonoTime
from toolkit.engine.engine import Engine


def restarted(core: Core) -> None:
    core.engine = Engine(Ledger.from_bytes(core.ledger.to_bytes()), core.engine._settings, core.controls)
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=MonoTime(2**62)), "here", 2))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-05"), seconds=0)
    core.quote(9_999, 10_001, seconds=0)


@pytest.mark.parametrize("mode", FeedMode)
def test_a_restart_is_no_way_around_a_rate(mode: FeedMode) -> None:
    core = Core(rows=limits(limit("message_rate", "3", "strategy", "trend")), mode=mode)
    for price in range(3):
        core.buy(1, 9_000 + price)
    restarted(core)
    core.buy(1, 9_100)
    assert core.denial().control == 5
    core.wait(1)
    core.buy(1, 9_200)
    assert len(core.orders_received()) == 4


@pytest.mark.parametrize("mode", FeedMode)
def test_nor_around_a_throttle_of_one_in_many_seconds(mode: FeedMode) -> None:
    core = Core(mode=mode)
    core.throttle_venue("0.01")
    core.buy(1, 9_000)
    restarted(core)
    core.wait(60)
    core.buy(1, 9_100)
    assert core.denial().control == 5
    core.wait(40)
    core.buy(1, 9_200)
    assert len(core.orders_received()) == 2


def test_what_was_refused_or_is_held_in_the_engine_takes_nothing_of_it() -> None:
    core = Core(rows=limits(limit("message_rate", "3", "strategy", "trend"), max_order_quantity="5"))
    for _ in range(3):
        core.buy(6)
    core.wait(2)
    restarted(core)
    core.buy(1, 9_100)
    assert len(core.orders_received()) == 1
