"""The course of one order as the journal tells it, in wall times, and the closed words for why it ended; no books."""

from __future__ import annotations

from typing import Final

import msgspec

from toolkit.domain.order_events import OrderCanceled
from toolkit.domain.orders import Order, OrderClass, OrderType, Side, TimeInForce

CANCEL_CAUSES: Final[tuple[tuple[str, str], ...]] = (
    ("strategy", "strategy"),
    ("kill", "kill"),
    ("disable", "disable"),
    ("down", "down"),
    ("daily_loss", "daily_loss"),
    ("drawdown", "drawdown"),
    ("lifeboat", "lifeboat"),
    ("leads away from the target", "target"),
    ("the target is what is held", "target"),
    ("changed:", "change"),
    ("asked again:", "asked_again"),
    ("would trade with an order of", "self_match"),
    ("good till now", "expiry"),
    ("nothing is left", "nothing_left"),
    ("exit ", "exit"),
    ("stop ", "exit"),
    ("triggered, but control", "control"),
    ("it waited for others", "stopped"),
)
"""How the cause of a cancel begins in the journal, and the word that it is counted under."""

VENUE, REMAINDER, OTHER, KILLED = "venue", "remainder", "other", "kill"
CANCEL_WORDS: Final = tuple(dict.fromkeys((*(word for _, word in CANCEL_CAUSES), VENUE, REMAINDER, OTHER)))
"""All words for a cancel: `venue` did it unasked, `remainder` is what an order that never rests left."""


class Course(msgspec.Struct, kw_only=True, gc=False, array_like=True):
    """One order that was let through, by the first id of its chain. Times in wall ns, 0 while it has not come so far.

    `tick` is when the quote came that the decision saw, `journaled` when its batch was sealed, `answered` when the
    first word of its venue was booked. `arrival` is twice the middle that was seen, in ticks (0: there was no quote);
    quantities in lots, `cost` in ticks × lots. `reject` is a RejectReason, `cancel` one of CANCEL_WORDS.
    """

    order_id: str
    strategy: str
    version: str
    venue: str
    instrument: str
    order_type: OrderType
    order_class: OrderClass
    side: Side
    quantity: int
    arrival: int
    tick: int
    decided: int
    journaled: int
    sent: int = 0
    acknowledged: int = 0
    answered: int = 0
    first_fill: int = 0
    last_fill: int = 0
    ended: int = 0
    status: str = "PENDING_NEW"
    filled: int = 0
    cost: int = 0
    reject: str = ""
    cancel: str = ""
    feed_decided: int = 0

    def waited(self, wall: int) -> int:
        """How long its venue took for its first word, or has taken so far (ns)."""
        return (self.answered or wall) - self.decided


def cancel_word(cause: str) -> str:
    """The closed word for a cause as the journal has it."""
    return next((word for beginning, word in CANCEL_CAUSES if cause.startswith(beginning)), OTHER)


def unasked_word(event: OrderCanceled, order: Order | None) -> str:
    """Why an order ended that no event asked to cancel: we took it back unsent, it never rests, or its venue did it."""
    if not event.report and event.text:
        return cancel_word(event.text)
    never_rests = order is not None and (
        order.order_type is OrderType.MARKET or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    )
    return REMAINDER if never_rests else VENUE


def course_of(order: Order) -> Course:
    """As far as the books tell: neither what its decision saw nor when it was sent stands there."""
    return Course(
        order_id=order.chain[0], strategy=order.strategy, version=order.version, venue=order.venue,
        instrument=order.instrument, order_type=order.order_type, order_class=order.order_class, side=order.side,
        quantity=order.quantity, arrival=0, tick=0, decided=int(order.decided), journaled=int(order.decided),
        status=order.shown_status, filled=order.filled, cost=order.cost, feed_decided=int(order.created),
    )  # fmt: skip
