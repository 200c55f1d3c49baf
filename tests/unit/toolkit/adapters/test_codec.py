from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.golden_story import batches_of_events, story
from tests.tools.journal_kit import alarm, batch_after, chain, command, end_of, entry, step
from toolkit.adapters import codec
from toolkit.domain.beats import Beat
from toolkit.domain.errors import Gap, JournalError
from toolkit.domain.events import Alarmed, Batch, Event
from toolkit.domain.inbox import Released
from toolkit.domain.ports import Head
from toolkit.domain.requests import OrderNotFound, QueryOrder
from toolkit.domain.time import FeedTime, WallTime
from toolkit.domain.venue_line import Login, Synced


def test_every_event_comes_back_as_it_was() -> None:
    for sealed, events in zip(story(), batches_of_events(), strict=True):
        assert codec.open_batch(sealed.payload).events == events


def test_the_story_tells_every_kind_of_event() -> None:
    told = {type(event) for events in batches_of_events() for event in events}
    assert told == set(get_args(Event))


def test_messages_of_the_wire_come_back_as_they_were() -> None:
    released = Released(step=b"\x00", number=3, inboxes=(("trend", 2),))
    beat = Beat(process="engine", pid=1, wall=WallTime(2))
    assert codec.decode_envelope(codec.encode(command(1))) == command(1)
    assert codec.decode_inbox(codec.encode_inbox([entry(1), entry(2)])) == (entry(1), entry(2))
    assert codec.decode_step(codec.encode(step(1))) == step(1)
    assert codec.decode_released(codec.encode(released)) == released
    assert codec.decode_beat(codec.encode(beat)) == beat


def test_lines_of_a_venue_come_back_as_they_were() -> None:
    asked = (Login(client="engine", trading=True), QueryOrder(venue="paper", order_id="A"))
    told = (Synced(token=1), OrderNotFound(venue="paper", order_id="A", time=FeedTime(1), wall=WallTime(2)))
    assert codec.decode_to_venue(codec.encode_line(asked)) == asked
    assert codec.decode_from_venue(codec.encode_line(told)) == told


def test_decimals_keep_every_digit() -> None:
    for batch in story():
        for event in codec.open_batch(batch.payload).events:
            rate = getattr(event, "rate", None)
            assert rate is None or str(rate) in {"5.5", "1.0825"}
            assert not isinstance(rate, float)


def test_a_sealed_batch_names_its_numbers_and_hashes() -> None:
    first, second = chain(2, size=3)
    assert (second.first, second.last, second.previous) == (4, 6, first.digest)
    assert second.digest == codec.digest(second.payload)
    assert len(second.digest) == codec.DIGEST_SIZE
    assert codec.sealed(second.payload) == second


@given(details=st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_whatever_is_sealed_is_read_again(details: list[str]) -> None:
    sealed = batch_after(codec.EMPTY, *details)
    assert codec.open_batch(sealed.payload).events == tuple(map(alarm, details))
    assert codec.sealed(sealed.payload) == sealed


def test_one_flipped_bit_anywhere_breaks_the_chain() -> None:
    first, second = chain(2)
    for place in range(len(first.payload)):
        damaged = bytearray(first.payload)
        damaged[place] ^= 1
        assert codec.digest(bytes(damaged)) != second.previous


def test_an_empty_batch_is_not_sealed() -> None:
    with pytest.raises(JournalError, match="must hold events"):
        codec.seal(Batch(book="b", schema=1, epoch=1, first=1, previous=b"", step=0, wall=WallTime(0), events=()))


@pytest.mark.parametrize("payload", [b"", b"\xc0", b"\x93\x01\x02\x03", chain(1)[0].payload[:-1]])
def test_bytes_that_are_no_batch_are_refused(payload: bytes) -> None:
    with pytest.raises(JournalError, match=r"no batch|cannot be read"):
        codec.open_batch(payload)
    with pytest.raises(JournalError, match="no batch"):
        codec.sealed(payload)


def test_a_chain_is_followed_batch_by_batch() -> None:
    checked = codec.Chain(2)
    for batch in chain(4)[2:]:
        checked.add(batch)
    with pytest.raises(JournalError, match="gap"):
        checked.add(chain(6)[5])
    with pytest.raises(JournalError, match="chain is broken at event 5"):
        checked.add(batch_after(Head(4, b"other")))
    with pytest.raises(Gap, match=r"events 1…2 were trimmed"):
        codec.Chain(0).add(chain(3)[2])
    assert codec.follows(codec.EMPTY, chain(1)[0]) == end_of(chain(1)[0])


# ---------------------------------------------------------------- older and newer versions


class Shouted(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="shouted"):
    """An event of a version before this one: `Alarmed` had no kind then."""

    words: str
    rate: Decimal


def whispered(event: list[object]) -> list[object]:
    return ["spoken", *event[1:]]


def spoken(event: list[object]) -> list[object]:
    return ["alarmed", "old", "", f"{event[1]} at {event[2]}", 0]


def payload_with(*events: msgspec.Struct, schema: int) -> bytes:
    fields = msgspec.msgpack.decode(chain(1)[0].payload)
    fields[2], fields[-1] = schema, list(events)
    return msgspec.msgpack.encode(fields)


def test_an_old_event_is_brought_up_to_date_step_by_step_while_it_is_read() -> None:
    payload = payload_with(Shouted(words="fire", rate=Decimal("1.50")), alarm("now"), schema=0)
    batch = codec.open_batch(payload, {"shouted": whispered, "spoken": spoken})
    old = Alarmed(kind="old", subject="", detail="fire at 1.50", time=FeedTime(0))
    assert batch.events == (old, alarm("now"))


def test_an_event_that_nobody_knows_is_refused() -> None:
    with pytest.raises(JournalError, match=r"cannot be read.*shouted"):
        codec.open_batch(payload_with(Shouted(words="x", rate=Decimal(1)), schema=1))


def test_events_of_a_newer_version_ask_for_that_version() -> None:
    for events in ([alarm("x")], [Shouted(words="x", rate=Decimal(1))]):
        with pytest.raises(JournalError, match="newer version"):
            codec.open_batch(payload_with(*events, schema=codec.SCHEMA + 1))


def test_a_field_that_was_added_later_has_its_default() -> None:
    beat = msgspec.msgpack.decode(codec.encode(Beat(process="engine", pid=1, wall=WallTime(2), step=9)))
    assert codec.decode_beat(msgspec.msgpack.encode(beat[:4])) == Beat(process="engine", pid=1, wall=WallTime(2))
