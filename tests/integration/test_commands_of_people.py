"""What people say gets through: beside others, with a clock that was set back, past a venue that takes no cancel."""

import time
from pathlib import Path

import pytest

from tests.servers import Server
from toolkit.adapters.blocking_redis import BlockingJournal
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.client import commands, emergency
from toolkit.client.home import Home
from toolkit.domain.commands import EnableStrategy
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import VenueOrder

pytestmark = pytest.mark.integration

ENABLE = EnableStrategy(strategy="trend", who=commands.person("cli"), reason="a test")


def test_a_clock_that_was_set_back_keeps_no_command_out(
    journal_server: Server, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = BlockingJournal(journal_server.address("operator"), book)
    before = commands._send(journal, ENABLE)
    an_hour_ago = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)
    assert commands._send(journal, ENABLE).incarnation == before.incarnation + 1
    journal.close()


def test_a_cancel_that_cannot_be_asked_for_stops_no_other_and_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    orders = [("paper", resting("DSK0000100000001")), ("paper", resting("DSK0000100000002"))]
    told = emergency.cancel_all(home, "paper", {"paper": tmp_path / "nobody"}, orders, "a test")
    assert [line.partition(" could not")[0] for line in told] == ["DSK0000100000001, DSK0000100000002"]
    boat = Lifeboat(home.book("paper") / "lifeboat")
    assert [each.cancel.order_id for each in boat.cancels] == ["DSK0000100000001", "DSK0000100000002"]
    boat.close()


def resting(order_id: str) -> VenueOrder:
    return VenueOrder(
        order_id=order_id, venue_order_id="V1", instrument="IBM", side=Side.BUY, quantity=1, filled=0, price=100,
        order_class=OrderClass.ENTRY,
    )  # fmt: skip
