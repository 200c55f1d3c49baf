"""What a replay is told beside the books that it begins with, and what can be read from it; it holds no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from toolkit.domain import events as ev
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.market import Quote, Step
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime

SAYS_HOW: Final = (
    ev.OrderSubmitted, ev.OrderReleased, ev.ReplaceRequested, ev.OrderFilled, ev.OrderAcknowledged, ev.OrderReplaced,
)  # fmt: skip
"""What says how open orders came to be as they are."""


class Heard(NamedTuple):
    """The feed so far, which warms View, venues and strategies up, what each strategy's runner had not read of its
    inbox by then, and of the book's newest batches the events that say how it came to be so; oldest first."""

    history: Sequence[Step]
    unread: Mapping[str, Sequence[InboxEntry]]
    batches: Sequence[Sequence[ev.Event]] = ()

    def rounds(self) -> Mapping[str, int]:
        """With which batch each new id left: what a batch led to came after all of it."""
        found: dict[str, int] = {}
        for number, events in enumerate(self.batches, 1):
            for event in events:
                if isinstance(event, (ev.OrderSubmitted, ev.OrderReleased)):
                    found[event.order_id] = number
                elif isinstance(event, ev.ReplaceRequested):
                    found[event.new_id] = number
        return found

    def fills(self) -> Sequence[ev.OrderFilled]:
        return [event for events in self.batches for event in events if isinstance(event, ev.OrderFilled)]

    def makers(self) -> Mapping[str, bool]:
        """By execution id whether it made the market."""
        return {fill.execution_id: fill.liquidity is Liquidity.MAKER for fill in self.fills()}

    def came(self) -> Mapping[str, FeedTime]:
        """When orders came to their venue, by the id that they had there."""
        found: dict[str, FeedTime] = {}
        for events in self.batches:
            for event in events:
                if isinstance(event, ev.OrderAcknowledged):
                    found[event.order_id] = event.time
                elif isinstance(event, ev.OrderReplaced):
                    found[event.new_id] = event.time
        return found

    def quoted(self) -> Mapping[str, FeedTime]:
        """When each instrument was quoted last."""
        found: dict[str, FeedTime] = {}
        for step in self.history:
            found.update((event.instrument, step.time) for event in step.events if type(event) is Quote)
        return found
