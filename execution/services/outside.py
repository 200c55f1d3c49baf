"""What acts on a book without any of its strategies having asked for it: no replay of them can know of that."""

from __future__ import annotations

from typing import Final

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import RejectReason
from toolkit.engine.doubts import LINE_LOST

OUTSIDE: Final = {
    ev.EpochBegan: "the engine began", ev.RunnerStarted: "a runner began", ev.RunnerEnded: "a runner ended",
    ev.PositionAdjusted: "a position was adjusted", ev.CashMoved: "cash was moved",
    ev.OrderAdopted: "an order was adopted", ev.InstrumentSplit: "an instrument was split",
    ev.SymbolChanged: "a symbol was changed", ev.FlattenStarted: "a position is closed",
    ev.BreakConfirmed: "books and venue differ",
}  # fmt: skip


def words_of(event: ev.Event, book: Ledger) -> str:
    """What happened, in words; "" for what comes of strategies, feed and venue. `book` stands before the event."""
    if isinstance(event, ev.CommandTaken):
        return f"{event.command} by {event.who.identity}" if event.who else event.command
    if isinstance(event, ev.OrderSubmitted) and event.strategy not in book.deployments:
        return f"an order of {event.strategy}"
    if isinstance(event, (ev.OrderRejected, ev.ReplaceRejected, ev.CancelRejected)):
        return f"not sent: {event.text}" if event.reason is RejectReason.NOT_SENT else ""
    if isinstance(event, ev.OrderDoubted):
        return "the line to a venue was lost" if event.cause == LINE_LOST else ""
    return OUTSIDE.get(type(event), "")
