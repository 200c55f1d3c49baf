from pathlib import Path

import pytest

from toolkit.adapters.lifeboat import Lifeboat
from toolkit.domain.errors import TransportError
from toolkit.domain.requests import CancelOrder
from toolkit.domain.time import FeedTime, MonoTime, WallTime


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(
        venue="paper", order_id=order_id, strategy="trend", instrument="AAPL",
        time=FeedTime(1), epoch=2, send_by=MonoTime(3),
    )  # fmt: skip


def test_cancels_are_found_by_the_next_process_in_the_order_they_left(tmp_path: Path) -> None:
    lifeboat = Lifeboat(tmp_path / "lifeboat")
    lifeboat.record(cancel("A"), WallTime(10), "the journal is gone")
    lifeboat.record(cancel("B"), WallTime(11), "the journal is gone")
    lifeboat.close()
    found = Lifeboat(tmp_path / "lifeboat")
    assert [(item.cancel, item.wall, item.cause) for item in found.cancels] == [
        (cancel("A"), 10, "the journal is gone"),
        (cancel("B"), 11, "the journal is gone"),
    ]
    found.close()


def test_what_was_imported_is_gone(tmp_path: Path) -> None:
    lifeboat = Lifeboat(tmp_path / "lifeboat")
    lifeboat.record(cancel("A"), WallTime(10), "")
    lifeboat.empty()
    assert lifeboat.cancels == ()
    lifeboat.record(cancel("B"), WallTime(11), "")
    lifeboat.close()
    found = Lifeboat(tmp_path / "lifeboat")
    assert [item.cancel.order_id for item in found.cancels] == ["B"]
    found.close()


def test_a_cancel_that_was_cut_off_while_it_was_written_did_not_leave(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat"
    lifeboat = Lifeboat(path)
    for name in "AB":
        lifeboat.record(cancel(name), WallTime(10), "")
    lifeboat.close()
    path.write_bytes(path.read_bytes()[:-1])
    found = Lifeboat(path)
    assert [item.cancel.order_id for item in found.cancels] == ["A"]
    found.close()


def test_a_standby_sees_what_was_recorded_after_it_started(tmp_path: Path) -> None:
    standby = Lifeboat(tmp_path / "lifeboat")
    assert standby.cancels == ()
    first = Lifeboat(tmp_path / "lifeboat")
    first.record(cancel("A"), WallTime(10), "the journal is gone")
    assert [item.cancel.order_id for item in standby.cancels] == ["A"]
    standby.empty()
    assert Lifeboat(tmp_path / "lifeboat").cancels == ()
    first.close()
    standby.close()


def test_one_person_at_a_time_closes_positions_past_the_engine(tmp_path: Path) -> None:
    first, second = Lifeboat(tmp_path / "lifeboat"), Lifeboat(tmp_path / "lifeboat")
    with first.in_hand():
        assert second.is_in_hand()
        with pytest.raises(TransportError, match="somebody else closes positions"), second.in_hand():
            pass
    assert not second.is_in_hand()
    with second.in_hand():
        pass
