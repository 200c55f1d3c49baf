"""A desk's book as bytes: what comes back is what went in, and what cannot be read says what to do."""

from decimal import Decimal
from itertools import islice

import msgspec
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.engine.book import BookSpec
from toolkit.research.assumptions import research_limits, research_venue
from toolkit.simulation.book import DeskBook, SampleIdentity, decode_book, encode_book
from toolkit.simulation.sample_feed import USD, sample_instruments


def desk_book() -> DeskBook:
    spec = BookSpec(
        book="paper", desk="DSK", base_currency="USD", currencies=(USD,), venues=("paper",),
        instruments=sample_instruments(("IBM", "MSFT")), limits=research_limits(), limits_checksum="x", strategies=(),
        first_step=30,
    )  # fmt: skip
    feed = SampleIdentity(
        symbols=("IBM", "MSFT"), seed=9, spread_ticks=4, path_points=1, minimum_size=10, maximum_size=20
    )
    return DeskBook(spec=spec, venue=research_venue(), feed=feed)


def test_it_survives_its_bytes() -> None:
    book = desk_book()
    again = decode_book(encode_book(book))
    assert again == book
    assert again.venue.fees.taker_per_unit == Decimal("0.005")


def test_its_feed_is_the_sample_with_the_same_choices() -> None:
    steps = desk_book().feed.open().steps()
    sample = tk.data.sample(3, ["IBM", "MSFT"], seed=9, spread_ticks=4, path_points=1, minimum_size=10, maximum_size=20)
    assert list(islice(steps, 27)) == list(sample)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode_book(desk_book())[:-9]])
def test_what_cannot_be_read_says_what_writes_it_anew(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .* `execution up` writes it anew"):
        decode_book(data)


def test_a_book_of_another_release_is_refused() -> None:
    data = encode_book(msgspec.structs.replace(desk_book(), version=99))
    with pytest.raises(ConfigError, match="version 99, this release reads 1"):
        decode_book(data)


def test_an_unknown_instrument_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no instrument 'TSLA'; it has IBM, MSFT"):
        desk_book().instrument("TSLA")
