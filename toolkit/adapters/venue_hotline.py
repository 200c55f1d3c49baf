"""A person's line to `execution venue` when all else is dead: ask, cancel, close; no Redis, no event loop."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.budget_places import FOLDER, Budgets
from toolkit.adapters.clock import SystemClock
from toolkit.domain.errors import AmbiguousOutcome, DomainError, TransportError
from toolkit.domain.requests import (
    CancelOrder,
    OrderFound,
    OrderNotFound,
    QueryOrder,
    SubmitOrder,
    VenueOrder,
    VenueState,
)
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.domain.venue_line import AskState, FromVenue, LineError, Login, Sync, Synced, ToVenue

Heard = TypeVar("Heard", VenueState, Synced)

NEVER_TOO_LATE = MonoTime(2**62)
AT_ONCE = FeedTime(0)
"""Sent so long ago that no latency is left: a feed that stands still does not hold a cancel back."""


class VenueHotline:
    """One line without trading: it hears no reports; it asks, cancels, closes positions. Use it in a `with` block."""

    def __init__(self, path: Path, client: str, timeout: float) -> None:
        """Raises TransportError when no venue answers on `path` within `timeout` seconds."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise TransportError(f"{path}: no venue answers ({error})") from error
        self._write((Login(client=client, trading=False),))

    def __enter__(self) -> VenueHotline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask_state(self) -> VenueState:
        """Open orders, positions and newest report, from the venue itself."""
        self._write((AskState(),))
        return self._hear(VenueState)

    def cancel(self, orders: Iterable[VenueOrder]) -> VenueState:
        """Cancel these orders and ask what is left. Who calls decides which, and writes them down before."""
        state = self.ask_state()
        cancels = [_cancel(state.venue, order) for order in orders]
        with closing(Budgets.of(self._path.parent / FOLDER, state.venue)) as budgets:
            budgets.sort_out(cancels, SystemClock().mono())  # every cancel may leave; others see that it did
            self._write((*cancels, Sync(token=1)))
        self._hear(Synced)
        return self.ask_state()

    def submit(self, order: SubmitOrder) -> None:
        """Send an order that closes a position, which whoever calls wrote down; no other passes on such a line."""
        with closing(Budgets.of(self._path.parent / FOLDER, order.venue)) as budgets:
            budgets.sort_out([order], SystemClock().mono())  # an exit over the rate leaves all the same: a person waits
            self._write((order, Sync(token=2)))
        self._hear(Synced)

    def find(self, order: SubmitOrder) -> OrderFound | OrderNotFound | None:
        """What the venue says of an order; None while an answer would overtake the order itself, or its reports."""
        self._write((QueryOrder(venue=order.venue, order_id=order.order_id), Sync(token=3)))
        found = None
        for message in self._messages():
            if isinstance(message, OrderFound | OrderNotFound):
                found = message
            elif isinstance(message, Synced):
                break
        return found

    def close(self) -> None:
        self._socket.close()

    def _write(self, messages: tuple[ToVenue, ...]) -> None:
        body = codec.encode_line(messages)
        try:
            self._socket.sendall(len(body).to_bytes(4, "big") + body)
        except OSError as error:
            raise AmbiguousOutcome(f"{self._path}: the line was cut while writing ({error}): ask again") from error

    def _hear(self, kind: type[Heard]) -> Heard:
        """The next answer of this kind."""
        return next(message for message in self._messages() if isinstance(message, kind))

    def _messages(self) -> Iterator[FromVenue]:
        """What comes, without an end. DomainError for a complaint, AmbiguousOutcome when nothing comes any more."""
        while True:
            length = int.from_bytes(self._read(4), "big")
            try:
                messages = codec.decode_from_venue(self._read(length))
            except msgspec.MsgspecError as error:
                raise DomainError(f"{self._path}: unreadable answer: {error}") from error
            for message in messages:
                if isinstance(message, LineError):
                    raise DomainError(f"{self._path}: the venue says: {message.problem}")
                yield message

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self._socket.recv(count - len(data))
            except OSError as error:
                raise AmbiguousOutcome(f"{self._path}: no answer ({error}): ask again") from error
            if not part:
                raise AmbiguousOutcome(f"{self._path}: the venue closed the line: ask again")
            data += part
        return data


def _cancel(venue: str, order: VenueOrder) -> CancelOrder:
    return CancelOrder(
        venue=venue,
        order_id=order.order_id,
        strategy="",
        instrument=order.instrument,
        time=AT_ONCE,
        epoch=0,
        send_by=NEVER_TOO_LATE,
    )
