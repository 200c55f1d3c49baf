"""What the venue itself holds decides what only closes: in all, or what one owner's orders traded, alone or joined."""

import pytest
from msgspec.structs import replace

from tests.tools.venue_kit import SECOND, Desk, opened, settings, submit
from toolkit.domain.orders import Side
from toolkit.simulation.matching import PaperVenue


def desk() -> Desk:
    """trend +10, quoting -4, and 6 that both bought together; the account holds +12."""
    desk = Desk()
    desk.feed(opened())
    desk.quote(1000, 1002)
    desk.buy(10)
    desk.sell(4, strategy="quoting")
    desk.buy(6, strategy="quoting+trend")
    assert desk.venue.state().positions == (("AAPL", 12),)
    return desk


@pytest.mark.parametrize("restored", [False, True])
@pytest.mark.parametrize(
    ("owner", "side", "quantity", "closes"),
    [
        ("trend", Side.SELL, 16, True),
        ("trend", Side.SELL, 17, False),
        ("trend", Side.BUY, 1, False),
        ("manual", Side.SELL, 12, True),
        ("manual", Side.SELL, 13, False),
        ("quoting", Side.SELL, 13, False),
    ],
)
def test_an_order_closes_what_the_account_or_its_owner_holds(
    owner: str, side: Side, quantity: int, closes: bool, restored: bool
) -> None:
    made = desk()
    venue = PaperVenue.restore(made.settings, made.instruments, made.venue.snapshot()) if restored else made.venue
    assert venue.closes(replace(submit("O9", side, quantity), strategy=owner)) is closes


def test_two_on_their_way_close_it_once() -> None:
    made = desk()
    venue = PaperVenue.restore(settings(submit_latency=SECOND), made.instruments, made.venue.snapshot())
    closing = submit("O2", Side.SELL, 16, time=made.time)
    assert venue.closes(closing)
    venue.process(closing)
    assert not venue.closes(submit("O3", Side.SELL, 16, time=made.time))
