"""One message's worth of work: folds each event the moment it is made and collects what must leave; never I/O."""

from __future__ import annotations

from toolkit.domain.events import Alarmed, Event
from toolkit.domain.fold import apply
from toolkit.domain.identifiers import order_id
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.inbox_rules import inbox_items
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import FeedTime, Now


class Transaction:
    """Events, requests and inbox entries of one `process` call. `time` is the feed time of decisions."""

    __slots__ = ("events", "inbox", "ledger", "now", "requests", "time")

    def __init__(self, ledger: Ledger, now: Now) -> None:
        self.ledger = ledger
        self.now = now
        self.time: FeedTime = now.feed
        self.events: list[Event] = []
        self.requests: list[VenueRequest] = []
        self.inbox: dict[str, list[InboxEntry]] = {}

    def emit(self, event: Event) -> None:
        """Fold an event into the ledger and tell its strategy."""
        apply(self.ledger, event)
        self.events.append(event)
        made = inbox_items(self.ledger, event)
        if made is None:
            return
        strategy, items = made
        number = self.ledger.inbox_numbers[strategy] - len(items)
        entries = self.inbox.setdefault(strategy, [])
        for item in items:
            number += 1
            entries.append(InboxEntry(number=number, item=item))

    def alarm(self, kind: str, subject: str, detail: str) -> None:
        self.emit(Alarmed(kind=kind, subject=subject, detail=detail, time=self.time))

    def next_order_id(self) -> str:
        return order_id(self.ledger.desk, self.ledger.epoch, self.ledger.order_count + 1)
