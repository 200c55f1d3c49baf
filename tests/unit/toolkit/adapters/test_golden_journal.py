"""Every journal that a released version wrote can be read and folded for ever."""

from pathlib import Path
from typing import get_args

import pytest

from toolkit.adapters import codec
from toolkit.domain.events import Batch, Event
from toolkit.domain.fold import fold
from toolkit.domain.orders import Doubt, HeldAt, Status
from toolkit.domain.ports import Sealed

# Last event and hash. Free to change until schema 1 is released, and never again afterwards.
GOLDEN_1 = (53, "2687932d7e827b939f3746e0d3e64b5cb160d4705a0d7a4669f90bba699ad591")


def golden(repository: Path, schema: int) -> list[Sealed]:
    lines = (repository / "tests" / "golden" / f"journal_schema_{schema}.hex").read_text().splitlines()
    return [codec.sealed(bytes.fromhex(line)) for line in lines]


def opened(batches: list[Sealed]) -> list[tuple[Batch, bytes]]:
    return [(codec.open_batch(batch.payload), batch.digest) for batch in batches]


@pytest.mark.parametrize("schema", range(1, codec.SCHEMA + 1))
def test_a_golden_journal_is_one_chain_from_the_first_event(repository: Path, schema: int) -> None:
    chain = codec.Chain(0)
    for batch in golden(repository, schema):
        chain.add(batch)
        assert codec.open_batch(batch.payload).schema == schema


def test_every_kind_of_event_is_in_a_golden_journal(repository: Path) -> None:
    schemas = range(1, codec.SCHEMA + 1)
    kinds = {
        type(event) for schema in schemas for batch, _ in opened(golden(repository, schema)) for event in batch.events
    }
    missing = {kind.__name__ for kind in get_args(Event)} - {kind.__name__ for kind in kinds}
    assert not missing, "tell their story in tests/tools/golden_story.py and write the golden journal of this schema"


def test_the_bytes_of_schema_1_are_what_they_were(repository: Path) -> None:
    head = golden(repository, 1)[-1]
    assert (head.last, head.digest.hex()) == GOLDEN_1


def test_schema_1_folds_to_what_it_said_then(repository: Path) -> None:
    ledger = fold(opened(golden(repository, 1)))
    position = ledger.position("trend", "AAPL")
    assert position.lots == 50  # 40 busted, 60 corrected to 50
    assert ledger.cash["trend"]["USD"] == -(50 * 9_995) - 3
    assert ledger.cash["house"]["USD"] == 50_000_000
    assert ledger.fees["trend"]["USD"] == 3
    assert {order.chain[0][-1]: (order.status, order.doubt) for order in ledger.orders.values()} == {
        "1": (Status.FILLED, Doubt.NONE),
        "2": (Status.DENIED, Doubt.NONE),
        "3": (Status.CANCELED, Doubt.NONE),
        "6": (Status.REJECTED, Doubt.NONE),
        "7": (Status.EXPIRED, Doubt.NONE),
        "8": (Status.NEW, Doubt.NONE),
    }
    assert (ledger.epoch, ledger.step, ledger.sequence) == (1, 6, GOLDEN_1[0])
    assert ledger.venue_reports == {"paper": 14}
    assert ledger.throttles
    assert ledger.runners["trend"].state == b"\x93\x01\x02\x03"


def test_schema_2_tells_of_a_stop_that_trailed_in_the_engine_and_went_out(repository: Path) -> None:
    ledger = fold(opened(golden(repository, 2)))
    stop = next(order for order in ledger.orders.values() if order.chain[0].endswith("10"))
    assert stop.terms is not None
    assert (stop.terms.stop, stop.terms.held_at, stop.triggered) == (9_950, HeldAt.VENUE, True)
    assert (stop.status, stop.quantity) == (Status.NEW, 5)
    assert [root[-2:] for root in ledger.brackets[stop.terms.group]] == ["10", "11"]
    assert not ledger.in_engine


def test_schema_3_names_people_and_what_older_schemas_say_of_who_is_still_read(repository: Path) -> None:
    ledger = fold(opened(golden(repository, 3)))
    people = ledger.people
    assert [(row.identity, row.person) for row in people.rows] == [("unix:anna", "anna"), ("login:bob", "bob")]
    assert (people.four_eyes, people.approval_hours) == (True, 8)
    assert list(ledger.proposals) == [f"{3:032x}"], "of four one was approved, one rejected, one expired"
    old = fold(opened(golden(repository, 2)))
    assert old.people.rows == ()


def test_schema_3_tells_of_accounts_strangers_and_breaks(repository: Path) -> None:
    ledger = fold(opened(golden(repository, 3)))
    held = {name: of["APPL"].lots for name, of in ledger.positions.items() if "APPL" in of}
    assert {name: lots for name, lots in held.items() if lots} == {"manual": 8, "trend": 112}
    assert ledger.venue_positions == {"paper": {"APPL": 120}}
    cash = [amounts.get("USD", 0) for amounts in ledger.cash.values()]
    assert ledger.venue_cash["paper"]["USD"] == sum(cash)
    assert ledger.cash["house"]["USD"] == 50_000_000 - 100
    assert ledger.breaks == {}


def test_schema_3_tells_of_orders_that_went_out_as_one(repository: Path) -> None:
    ledger = fold(opened(golden(repository, 3)))
    (joined,) = ledger.joined.orders.values()
    assert (joined.order_id[-2:], joined.quantity, joined.reducing_id) == ("33", 300, "")
    assert [ledger.orders[child].status for child in joined.children] == [Status.PENDING_NEW, Status.CANCELED]
    assert ledger.venue_reports == {"paper": 24}
