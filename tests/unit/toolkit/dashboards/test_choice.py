"""An address is the whole choice: what it says is seen again from it, and what it says wrongly does no harm."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.dashboards.choice import LOOKS, MOST_NAMES, Choice, chosen
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.spans import BEFORE, MINUTE, SPANS, around, read, written

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)


@given(
    span=st.sampled_from(list(SPANS)), names=st.lists(NAMES, max_size=6, unique=True),
    venues=st.lists(NAMES, max_size=3, unique=True), look=st.sampled_from(LOOKS),
    order=st.text("ABCDEF0123456789", max_size=16), until=st.integers(0, 4_000_000_000),
)  # fmt: skip
def test_a_link_reproduces_the_choice(
    span: str, names: list[str], venues: list[str], look: str, order: str, until: int
) -> None:
    choice = Choice(
        view="pnl_live", span=span, strategies=tuple(sorted(names)), venues=tuple(sorted(venues)), look=look,
        order=order, until=until * NANOSECONDS,
    )  # fmt: skip
    parts = urlsplit(choice.address())
    assert parts.path == "./pnl_live"
    assert chosen("pnl_live", parse_qs(parts.query)) == choice


@given(
    st.dictionaries(
        st.sampled_from(["span", "strategy", "venue", "look", "order", "until"]), st.lists(st.binary(max_size=90))
    )
)
def test_what_an_address_says_wrongly_is_left_out(arguments: dict[str, list[bytes]]) -> None:
    choice = chosen("overview", arguments)
    assert choice.span in SPANS
    assert choice.look in LOOKS
    assert len(choice.strategies) <= MOST_NAMES


def test_a_strategy_is_taken_and_left_by_the_same_link() -> None:
    once = Choice().with_strategy("trend")
    assert once.strategies == ("trend",)
    assert once.with_strategy("trend") == Choice()
    assert once.takes("trend")
    assert not once.takes("other")
    assert Choice().takes("other")


@pytest.mark.parametrize(("span", "begins"), [("1h", 6_400 * NANOSECONDS), ("all", 0)])
def test_a_span_ends_now(span: str, begins: int) -> None:
    assert Choice(span=span).begins(10_000 * NANOSECONDS) == begins


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", "2026-11-26"])
def test_a_moment_that_no_clock_tells_is_none(text: str) -> None:
    assert read(text) == 0


def test_a_span_of_the_past_stays_where_it_is() -> None:
    choice, (first, last) = Choice(span="1h", until=10_000 * NANOSECONDS), (6_400 * NANOSECONDS, 10_000 * NANOSECONDS)
    for wall in (8_000 * NANOSECONDS, 99_000 * NANOSECONDS):
        assert [choice.covers(moment, wall) for moment in (first - 1, first, last, last + 1)] == [
            False,
            True,
            True,
            False,
        ]


@given(
    since=st.integers(10**9, 4 * 10**9), lasting=st.integers(0, 40 * 86_400), odd=st.integers(0, NANOSECONDS - 1),
    is_over=st.booleans(),
)  # fmt: skip
def test_an_incident_is_seen_whole_in_its_span_and_in_no_longer_one(
    since: int, lasting: int, odd: int, is_over: bool
) -> None:
    begun, wall = since * NANOSECONDS + odd, (since + lasting) * NANOSECONDS + odd
    span, until = around(begun, wall, is_over=is_over)
    assert until % MINUTE == 0
    assert chosen("alerts", parse_qs(f"span={span}&until={written(until)}")).until == until > wall
    longer = Choice(span=span, until=until)
    assert longer.covers(begun - BEFORE, wall)
    assert longer.covers(wall, wall)
    for shorter in [*SPANS][: [*SPANS].index(span)]:
        assert not Choice(span=shorter, until=until).covers(begun - BEFORE, wall)
