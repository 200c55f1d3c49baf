"""The venue's ledger byte by byte: what a crash can leave of it, what is damage, and how the host recovers from it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from execution.services.venue_host import VenueHost
from execution.services.venue_ledger import Ledger, Opened, Record, Took, number_of, read_ledger
from tests.tools.venue_kit import SECOND, cancel, order, quote, said, settings, step, stock, submit
from toolkit.domain.errors import ConfigError, JournalError, TransportError
from toolkit.domain.orders import Side
from toolkit.domain.requests import QueryOrder, VenueReport
from toolkit.domain.time import WallTime
from toolkit.domain.venue_line import Advance, Advanced, AskReplay, AskState, ReplayDone, Sync, Synced

MESSAGES = (
    Advance(step=step(1, SECOND, quote(1000, 1002))),
    submit(order(1), Side.BUY, 10),
    submit(order(2), Side.BUY, 10, 990),
    submit(order(3), Side.SELL, 10, 1010),
    Advance(step=step(2, 2 * SECOND, quote(980, 981))),
    cancel(order(3)),
    cancel(order(9)),
    Advance(step=step(3, 3 * SECOND, quote(980, 981))),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "venue" / "ledger"


Open = Callable[..., VenueHost]


@pytest.fixture
def open_host(path: Path) -> Iterator[Open]:
    """Opens a host on the ledger, closing the one before as a crash would: without a word."""
    hosts: list[VenueHost] = []

    def crash() -> None:
        while hosts:
            hosts.pop()._ledger.close()

    def open_it(snapshot_every: int = 1000, **changes: Any) -> VenueHost:
        crash()
        walls = iter(range(1, 1_000_000))
        host = VenueHost(
            settings(**changes),
            (stock(),),
            path,
            durable=False,
            wall=lambda: WallTime(next(walls)),
            snapshot_every=snapshot_every,
        )
        hosts.append(host)
        return host

    yield open_it
    crash()


def tell(host: VenueHost, *messages: Any) -> list[VenueReport]:
    """Each message committed by itself."""
    reports: list[VenueReport] = []
    for message in messages:
        raw = msgspec.Raw(msgspec.msgpack.encode(message))
        reports += host.take(1, "engine", message, raw).reports
        host.commit()
    return reports


def test_a_ledger_is_a_whole_number_of_records_at_every_byte(path: Path, open_host: Open, tmp_path: Path) -> None:
    """Cut anywhere it reads as a prefix, and a host on it continues as one that heard just that prefix."""
    tell(open_host(), *MESSAGES)
    whole = path.read_bytes()
    records = list(read_ledger(path))
    assert len(records) == 1 + len(MESSAGES)

    found = set()
    for length in range(len(whole) + 1):
        short = tmp_path / "short"
        short.write_bytes(whole[:length])
        kept = list(read_ledger(short))
        assert kept == records[: len(kept)]
        ledger = Ledger(short, durable=False)
        assert ledger.cut == length - len(short.read_bytes())
        reports = [report for record in kept if isinstance(record.entry, Took) for report in record.entry.reports]
        assert list(ledger.reports(0)) == reports
        assert list(ledger.reports(3)) == reports[3:]
        ledger.close()
        found.add(len(kept))
    assert found == set(range(len(records) + 1))


@pytest.mark.parametrize("heard", range(len(MESSAGES) + 1))
def test_a_host_that_was_killed_after_any_message_goes_on_as_if_nothing_had_been(
    open_host: Open, path: Path, heard: int
) -> None:
    unbroken = tell(open_host(), *MESSAGES)
    path.unlink()
    first = tell(open_host(), *MESSAGES[:heard])
    second = tell(open_host(), *MESSAGES[heard:])
    assert [number_of(report) for report in first + second] == [number_of(report) for report in unbroken]
    assert said(tuple(first + second)) == said(tuple(unbroken))


def test_what_was_not_committed_was_never_there(open_host: Open) -> None:
    host = open_host()
    tell(host, *MESSAGES[:2])
    host.take(1, "engine", MESSAGES[2], msgspec.Raw(msgspec.msgpack.encode(MESSAGES[2])))
    assert open_host().venue.state().open_orders == ()


def test_snapshots_bound_what_a_start_has_to_replay(open_host: Open, path: Path) -> None:
    reports = tell(open_host(snapshot_every=3), *MESSAGES)
    kinds = [type(record.entry) for record in read_ledger(path)]
    assert kinds.count(Opened) == 1 + len(MESSAGES) // 3
    host = open_host()
    answer = host.take(1, "engine", AskReplay(after=0), msgspec.Raw())
    assert answer.own == (*reports, ReplayDone(last_report=len(reports)))


def test_questions_change_nothing_and_are_not_written(open_host: Open, path: Path) -> None:
    host = open_host()
    tell(host, *MESSAGES)
    size = path.stat().st_size
    for question in (AskState(), AskReplay(after=0), Sync(token=1), QueryOrder(venue="paper", order_id=order(1))):
        assert tell(host, question) == []
    tell(host, MESSAGES[0])
    assert path.stat().st_size == size
    assert host.take(1, "engine", Sync(token=4), msgspec.Raw()).own == (Synced(token=4),)
    assert host.take(1, "engine", MESSAGES[0], msgspec.Raw()).own == (Advanced(number=1),)


def test_every_request_is_there_with_line_client_and_epoch(open_host: Open, path: Path) -> None:
    tell(open_host(), *MESSAGES)
    took = [record.entry for record in read_ledger(path) if isinstance(record.entry, Took)]
    assert [msgspec.msgpack.decode(entry.message) for entry in took] == [
        msgspec.msgpack.decode(msgspec.msgpack.encode(message)) for message in MESSAGES
    ]
    assert {(entry.line, entry.client) for entry in took} == {(1, "engine")}


@pytest.mark.parametrize("what", ["flipped", "zeros"])
def test_damage_in_the_middle_is_refused_and_lost_blocks_at_the_end_are_cut(
    open_host: Open, path: Path, what: str
) -> None:
    tell(open_host(), *MESSAGES)
    data = bytearray(path.read_bytes())
    records = list(read_ledger(path))
    if what == "flipped":
        data[20] ^= 0xFF
        path.write_bytes(data)
        with pytest.raises(JournalError, match="damaged at byte 0"):
            open_host()
    else:
        path.write_bytes(bytes(data) + bytes(4096))
        assert open_host().cut == 4096
        assert list(read_ledger(path))[: len(records)] == records


def test_a_flipped_bit_in_the_last_record_is_a_torn_write(open_host: Open, path: Path) -> None:
    tell(open_host(), *MESSAGES)
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    assert open_host().cut > 0


def test_reports_that_a_replay_does_not_give_again_stop_the_start(open_host: Open, path: Path) -> None:
    """As after an upgrade that matches differently, without an orderly stop before."""
    open_host()
    entry = Took(
        wall=WallTime(1),
        line=1,
        client="engine",
        message=msgspec.Raw(msgspec.msgpack.encode(MESSAGES[0])),
        reports=tuple(tell(open_host(), *MESSAGES[:2])),
    )
    open_host().close()
    ledger = Ledger(path, durable=False)
    ledger.append([Record(2, entry)])
    ledger.close()
    with pytest.raises(JournalError, match="does not give what stands there"):
        VenueHost(settings(), (stock(),), path, durable=False, wall=lambda: WallTime(1))


def test_one_process_holds_a_ledger(path: Path) -> None:
    ledger = Ledger(path, durable=True)
    with pytest.raises(ConfigError, match="another process"):
        Ledger(path, durable=True)
    ledger.close()


def test_a_full_disk_leaves_the_ledger_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(path, durable=False)
    entry = Opened(wall=WallTime(1), settings=b"a", instruments=b"b", snapshot=b"c" * 100)
    ledger.append([Record(0, entry)])
    before = path.read_bytes()
    real = os.write
    room = [30]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = min(len(data), room[0])
        room[0] -= count
        return int(real(file, bytes(data[:count])))

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(TransportError, match="No space left"):
        ledger.append([Record(0, entry)])
    assert path.read_bytes() == before
    ledger.close()
