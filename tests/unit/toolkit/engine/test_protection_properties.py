"""Whatever the market does, what the venue can do and what is asked: a position is protected once, wholly, and never
closed twice."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.core_kit import Core
from toolkit.domain.orders import PROTECTIVE, Ability, Bracket, HeldAt, Status

ABILITIES = st.sampled_from(
    [tuple(Ability), (), (Ability.OCO,), (Ability.STOP, Ability.TRAILING_STOP), (Ability.STOP, Ability.OCO)]
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), st.integers(9_900, 10_100), st.integers(1, 60)),
        st.tuples(st.just("bracket"), st.integers(1, 40), st.integers(0, 3)),
        st.tuples(st.just("target"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("modify"), st.integers(0, 5), st.integers(1, 60)),
        st.tuples(st.just("lose"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=25,
)


def around(price: int, kind: int) -> Bracket:
    return Bracket(
        stop=price - 30,
        offset=30 if kind == 1 else None,
        target=price + 40 if kind != 2 else None,
        held_at=HeldAt.ENGINE if kind == 3 else None,
    )


def play(core: Core, moves: list[tuple[str, int, int]]) -> None:
    entries: list[str] = []
    bid = 9_999
    for what, first, second in moves:
        if what == "quote":
            bid = first
            core.quote(bid, bid + 2, size=second)
        elif what == "bracket":
            entries.append(core.buy(first, bid + second, bracket=around(bid, second)))
        elif what == "target":
            for entry in entries:
                if core.order(entry).is_open:
                    core.cancel(entry)
            core.target(min(first, core.held()))
        elif what == "cancel" and first < len(entries):
            core.cancel(entries[first])
        elif what == "modify" and first < len(entries):
            core.modify(entries[first], quantity=second, price=bid + second % 4)
        elif what == "lose":
            lose_the_book(core)
        assert_whole(core)


def lose_the_book(core: Core) -> None:
    """The venue forgets what rests there; the engine asks for each order and hears that it is not known."""
    core.feed()
    core.venue.lose_book()
    core.take(core.engine.reconcile(core.now(), core.venue.state()))
    for root in sorted(core.ledger.doubtful, key=lambda root: core.ledger.orders[root].order_class is not PROTECTIVE):
        core.prove_absent(core.ledger.orders[root].order_id)


def assert_whole(core: Core) -> None:
    """The books agree with the venue, and nothing can sell more than is held."""
    assert core.ledger.digest() == core.shadow.digest()
    held = core.held()
    assert held >= 0, "exits closed more than there was"
    assert dict(core.venue.state().positions).get("AAPL", 0) == held
    open_orders = core.ledger.open_orders("trend")
    covered = sum(order.remaining for order in open_orders if order.order_class is PROTECTIVE)
    assert covered <= held, "more is protected than there is"
    ours = {order.order_id: (order.quantity, order.filled) for order in open_orders if not order.in_engine}
    assert ours == {order.order_id: (order.quantity, order.filled) for order in core.venue.state().open_orders}


@settings(max_examples=60)
@given(supports=ABILITIES, moves=MOVES, parts=st.sampled_from([0, 500_000]))
def test_exits_never_close_more_than_is_held_and_the_books_agree_with_the_venue(
    supports: tuple[Ability, ...], moves: list[tuple[str, int, int]], parts: int
) -> None:
    play(Core(supports=supports, partial_fills_per_million=parts), moves)


@settings(max_examples=60)
@given(
    supports=ABILITIES,
    path=st.lists(st.tuples(st.integers(9_940, 10_060), st.integers(1, 60)), max_size=12),
    kind=st.integers(0, 3),
    lots=st.integers(1, 50),
)
def test_what_an_entry_filled_is_protected_whatever_happens_to_the_market(
    supports: tuple[Ability, ...], path: list[tuple[int, int]], kind: int, lots: int
) -> None:
    core = Core(supports=supports)
    entry: dict[str, Any] = {"bracket": around(9_990, kind)}
    intent = core.buy(lots, 9_995, **entry)
    for bid, size in path:
        core.quote(bid, bid + 2, size=size)
        stop = core.ledger.order_of_intent("trend", f"{intent}.stop")
        if core.held():
            assert stop is not None
            assert stop.remaining == core.held(), stop
            assert stop.status in (Status.NEW, Status.PARTIALLY_FILLED)
