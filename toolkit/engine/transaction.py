"""Work on its way to become one batch: folds each event when it is made and collects what must leave; never I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from toolkit.domain.events import Alarmed, Event
from toolkit.domain.fold import apply
from toolkit.domain.identifiers import order_id
from toolkit.domain.inbox import InboxEntry, PositionChanged
from toolkit.domain.inbox_rules import TELL
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import FeedTime, Now
from toolkit.engine.messages import QUIET, Output


class Transaction:
    """Events, requests and inbox entries of one or several messages. `time` is the feed time of decisions.

    `watch` is told each event right after it was folded.
    """

    __slots__ = ("events", "inbox", "ledger", "now", "requests", "time", "watch")

    def __init__(self, ledger: Ledger, now: Now, watch: Callable[[Event], None] | None = None) -> None:
        self.ledger = ledger
        self.watch = watch
        self.now = now
        self.time: FeedTime = now.feed
        self.events: list[Event] = []
        self.requests: list[VenueRequest] = []
        self.inbox: dict[str, list[InboxEntry]] = {}

    def emit(self, event: Event) -> None:
        """Fold an event into the ledger and tell its strategy."""
        ledger = self.ledger
        apply(ledger, event)
        self.events.append(event)
        if self.watch is not None:
            self.watch(event)
        tell = TELL.get(type(event))
        if tell is None or (made := tell(ledger, event)) is None:
            return
        strategy, items = made
        entries = self.inbox.get(strategy)
        if entries is None:
            entries = self.inbox[strategy] = []
        number = ledger.inbox_numbers[strategy] - len(items)
        for item in items:
            number += 1
            entries.append(InboxEntry(number=number, item=item))

    def emit_change(self, event: Event, changes: Sequence[tuple[str, str]], reason: str) -> None:
        """Fold an event that changes positions without a trade, and tell each (sub-account, symbol) that has a runner.

        `changes` are in the order in which the fold numbers them.
        """
        ledger = self.ledger
        apply(ledger, event)
        self.events.append(event)
        if self.watch is not None:
            self.watch(event)
        told = [change for change in changes if change[0] in ledger.deployments]
        left = Counter(sub_account for sub_account, _ in told)
        for sub_account, symbol in told:
            left[sub_account] -= 1
            number = ledger.inbox_numbers[sub_account] - left[sub_account]
            item = PositionChanged(instrument=symbol, position=ledger.position(sub_account, symbol).lots, reason=reason)
            self.inbox.setdefault(sub_account, []).append(InboxEntry(number=number, item=item))

    def add(self, output: Output) -> None:
        """Take in what was decided elsewhere; it was folded there."""
        if output is QUIET:
            return
        self.events += output.events
        self.requests += output.requests
        for strategy, entries in output.inbox.items():
            self.inbox.setdefault(strategy, []).extend(entries)

    def alarm(self, kind: str, subject: str, detail: str, *, venue: str = "", report: int = 0) -> None:
        """`report` numbers the report of a venue that changes nothing but this."""
        self.emit(Alarmed(kind=kind, subject=subject, detail=detail, time=self.time, venue=venue, report=report))

    def next_order_id(self) -> str:
        return order_id(self.ledger.desk, self.ledger.epoch, self.ledger.order_count + 1)
