"""The whole story of one order, told from the journal: seen, wanted, checked, sent, answered, filled, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.money import from_quanta
from toolkit.domain.orders import Side, Terms


class StoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `number` is its event's in the journal (0 for a part of an event); `wall` in ns."""

    number: int
    wall: int
    what: str
    detail: str


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order. `ids` is its replace chain."""

    order_id: str
    ids: tuple[str, ...]
    strategy: str
    headline: str
    lines: tuple[StoryLine, ...]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its number and the batch it came in."""

    number: int
    batch: ev.Batch
    event: ev.Event


def chain_root(batches: Iterable[ev.Batch], identifier: str) -> str:
    """The first id of the replace chain that `identifier` belongs to, as far as these batches tell."""
    roots: dict[str, str] = {}
    for batch in batches:
        for event in batch.events:
            if isinstance(event, ev.ReplaceRequested | ev.JoinedReduceRequested):
                roots[event.new_id] = roots.get(event.order_id, event.order_id)
    return roots.get(identifier, identifier)


def story(batches: Iterable[ev.Batch], order_id: str, ledger: Ledger) -> Story | None:
    """The story of the order whose chain begins with `order_id`; None when no batch speaks of it.

    `ledger` is asked for instruments and the base currency only.
    """
    teller = _Teller(order_id, ledger)
    for batch in batches:
        for number, event in enumerate(batch.events, start=batch.first):
            teller.hear(Told(number=number, batch=batch, event=event))
    return teller.story()


class _Teller:
    """Collects the lines of one order."""

    def __init__(self, order_id: str, ledger: Ledger) -> None:
        self._ids = [order_id]
        self._ledger = ledger
        self._base = ledger.currencies.get(ledger.base_currency)
        self._instrument: Instrument | None = None
        self._strategy = ""
        self._headline = ""
        self._lines: list[StoryLine] = []
        self._signals: dict[tuple[str, str], Told] = {}

    def story(self) -> Story | None:
        if not self._lines:
            return None
        return Story(
            order_id=self._ids[0], ids=tuple(self._ids), strategy=self._strategy, headline=self._headline,
            lines=tuple(self._lines),
        )  # fmt: skip

    def hear(self, told: Told) -> None:
        event = told.event
        if isinstance(event, ev.SignalRaised):
            self._signals[event.strategy, event.instrument] = told
        elif isinstance(event, ev.OrdersJoined):
            self._joined(told, event)
        elif getattr(event, "order_id", None) in self._ids:
            self._tell(told)

    def _tell(self, told: Told) -> None:
        event = told.event
        match event:
            case ev.OrderSubmitted() | ev.OrderDenied():
                self._decided(told, event)
            case ev.CancelRequested():
                self._add(told, event.wall, "cancel asked", event.cause)
            case ev.ReplaceRequested():
                self._ids.append(event.new_id)
                size = self._size(event.quantity, event.price)
                self._checked(told, event.wall, event.checks)
                stop = "" if event.stop is None else f", stop {self._price(event.stop)}"
                self._add(told, event.wall, "replace asked", f"{size}{stop}, id {event.new_id}")
            case ev.OrderResubmitted():
                self._add(told, event.wall, "sent again", f"{event.kind.value}: proven absent at the venue")
            case ev.OrderAcknowledged():
                self._acknowledged(told, event)
            case ev.OrderFilled():
                self._filled(told, event)
            case ev.TrailMoved() | ev.OrderTriggered() | ev.OrderReleased():
                self._stopped(told, event)
            case ev.JoinedReduceRequested() | ev.JoinedReduceAnswered():
                self._reduced(told, event)
            case _:
                self._other(told)

    def _joined(self, told: Told, event: ev.OrdersJoined) -> None:
        """Orders went out as one: told in the story of each, and of the one that their venue knows."""
        if event.order_id in self._ids:
            self._headline = f"{event.venue}: one order for {len(event.children)} of ours"
            self._add(told, event.wall, "joined", f"orders {', '.join(event.children)}: `execution why` tells of each")
        elif self._ids[0] in event.children:
            others = [child for child in event.children if child != self._ids[0]]
            self._add(told, event.wall, "joined", f"to the venue as {event.order_id}, with {', '.join(others)}")

    def _reduced(self, told: Told, event: ev.JoinedReduceRequested | ev.JoinedReduceAnswered) -> None:
        self._ids.append(event.new_id)
        if isinstance(event, ev.JoinedReduceRequested):
            left = ", ".join(map(str, event.caps))
            what = f"to {event.quantity} lots in all, id {event.new_id}; {left} are left of each"
            self._add(told, event.wall, "reduction asked", what)
        else:
            self._add(told, event.wall, "reduction made" if event.made else "reduction refused", f"id {event.new_id}")

    def _stopped(self, told: Told, event: ev.TrailMoved | ev.OrderTriggered | ev.OrderReleased) -> None:
        wall = told.batch.wall
        match event:
            case ev.TrailMoved():
                saw = f"saw {self._price(event.price)} at step {event.step}"
                self._add(told, wall, "trailed", f"stop now {self._price(event.stop)}, {saw}")
            case ev.OrderTriggered():
                where = f"at the venue, report {event.report}" if event.report else f"in the engine, step {event.step}"
                self._add(told, event.wall, "triggered", f"by {self._price(event.price)}, {where}")
            case ev.OrderReleased():
                self._add(told, event.wall, "released", f"{self._quantity(event.quantity)} to the venue")

    def _terms(self, terms: Terms | None) -> str:
        """What the order says beyond its price, and where it waits."""
        if terms is None:
            return ""
        words = []
        if terms.stop is not None:
            words.append(f"stop {self._price(terms.stop)}")
        if terms.offset is not None:
            words.append(f"trailing by {self._price(terms.offset)}")
        if terms.held_at is not None:
            words.append(f"held at: {terms.held_at.value}")
        if terms.expires is not None:
            until = datetime.fromtimestamp(int(terms.expires) // 1_000_000_000, UTC)
            words.append(f"good till {until:%Y-%m-%d %H:%M:%S} UTC of the feed")
        if terms.group:
            words.append(f"of the bracket of {terms.group}")
        if (bracket := terms.bracket) is not None:
            target = "" if bracket.target is None else f" and target {self._price(bracket.target)}"
            held_at = "" if bracket.held_at is None else f", held at: {bracket.held_at.value}"
            words.append(f"protected by stop {self._price(bracket.stop)}{target}{held_at}")
        return ", " + ", ".join(words)

    def _decided(self, told: Told, event: ev.OrderSubmitted | ev.OrderDenied) -> None:
        self._instrument = self._ledger.instruments.find(event.instrument)
        self._strategy = event.strategy
        size = self._size(event.quantity, event.price)
        self._headline = (
            f"{event.strategy} {event.version}: {event.side.name} {size} {event.instrument} "
            f"{event.order_type.value} {event.time_in_force.value} at {event.venue}, {event.order_class.value}"
            f"{self._terms(event.terms)}{self._capped(event)}"
        )
        seen = event.seen
        quote = f"{self._price(seen.bid)} / {self._price(seen.ask)}" if seen.bid or seen.ask else "none"
        age = f"step {seen.quote_step}, {seen.age / 1e9:.3f} s old, decided at step {seen.step}"
        self._add(told, event.wall, "quote seen", f"{quote}, {age}", 0)
        signal = self._signals.get((event.strategy, event.instrument))
        if signal is not None and isinstance(signal.event, ev.SignalRaised) and signal.event.step == seen.step:
            detail = f"hold {self._quantity(signal.event.target)}{_because(signal.event.reason)}"
            self._add(signal, event.wall, "signal", detail)
        self._add(told, event.wall, "intent", f"{event.intent_id}{_because(event.reason)}", 0)
        if event.route:
            self._add(told, event.wall, "route", f"{event.venue}, {event.route}", 0)
        self._checked(told, event.wall, event.checks)
        if isinstance(event, ev.OrderDenied):
            self._add(told, event.wall, "DENIED", _denial(event))
        else:
            self._add(told, int(told.batch.wall), "journaled", f"event {told.number}, epoch {told.batch.epoch}")

    def _capped(self, event: ev.OrderSubmitted | ev.OrderDenied) -> str:
        """The limit that a market order carries to its venue."""
        if isinstance(event, ev.OrderDenied) or event.cap is None:
            return ""
        return f", at {'most' if event.side is Side.BUY else 'least'} {self._price(event.cap)}"

    def _checked(self, told: Told, wall: object, checks: tuple[ev.Check, ...]) -> None:
        for check in checks:
            name, unit = CONTROLS.get(check.control, ("", ""))
            observed, limit = self._in_units(check.observed, unit), self._in_units(check.limit, unit)
            self._add(told, wall, f"control {check.control}", f"{name}: {observed}, limit {limit}", 0)

    def _acknowledged(self, told: Told, event: ev.OrderAcknowledged) -> None:
        if int(event.sent):
            self._add(told, event.sent, "sent", "to the venue", 0)
        self._add(told, event.wall, "acknowledged", f"venue's id {event.venue_order_id or '–'}, report {event.report}")

    def _filled(self, told: Told, event: ev.OrderFilled) -> None:
        if int(event.sent) and not any(line.what == "sent" for line in self._lines):
            self._add(told, event.sent, "sent", "to the venue", 0)
        fee = "" if not event.fee else f", fee {self._fee(event.fee, event.fee_asset)}"
        what = f"{self._quantity(event.quantity)} at {self._price(event.price)}, {event.liquidity.value}{fee}"
        self._add(told, event.wall, "filled", f"{what}, execution {event.execution_id}")

    def _other(self, told: Told) -> None:
        event = told.event
        name = type(event).__name__
        words = {field: getattr(event, field) for field in event.__struct_fields__ if field not in _SAID_ELSEWHERE}
        said = {field: _word(value) for field, value in words.items() if value not in ("", None)}
        detail = ", ".join(word if field in _SENTENCES else f"{field} {word}" for field, word in said.items())
        self._add(told, getattr(event, "wall", told.batch.wall), _spaced(name), detail)

    def _add(self, told: Told, wall: object, what: str, detail: str, number: int | None = None) -> None:
        self._lines.append(
            StoryLine(number=told.number if number is None else number, wall=int(str(wall)), what=what, detail=detail)
        )

    def _size(self, lots: int, ticks: int | None) -> str:
        return self._quantity(lots) + ("" if ticks is None else f" @ {self._price(ticks)}")

    def _quantity(self, lots: int) -> str:
        return str(lots) if self._instrument is None else f"{self._instrument.quantity_of(lots):f}"

    def _price(self, ticks: int) -> str:
        return f"{ticks} ticks" if self._instrument is None else f"{self._instrument.price_of(ticks):f}"

    def _in_units(self, value: object, unit: str) -> str:
        """What a control saw or allows, as people say it; words stay words."""
        if not isinstance(value, int):
            return str(value)
        if unit == "lots":
            return self._quantity(value)
        if unit == "price":
            return self._price(value)
        if unit == "money" and self._base is not None:
            return f"{from_quanta(value, self._base.quantum):,.2f} {self._base.code}"
        return f"{value / 1e9:g} s" if unit == "nanoseconds" else f"{value:,}"

    def _fee(self, quanta: int, asset: str) -> str:
        known = self._ledger.currencies.get(asset)
        return f"{quanta} quanta {asset}" if known is None else f"{from_quanta(quanta, known.quantum):f} {asset}"


CONTROLS: dict[int, tuple[str, str]] = {
    1: ("price, and how far it may be from the middle", "price"),
    2: ("order value", "money"),
    3: ("order quantity", "lots"),
    5: ("messages in a second", ""),
    7: ("entries since a person armed the strategy", ""),
    8: ("working orders", ""),
    10: ("position in the worst case", "lots"),
    11: ("gross exposure of the book", "money"),
    12: ("value at risk of the book", "money"),
    13: ("repeated order", "nanoseconds"),
    14: ("value within a short window", "money"),
    15: ("own orders on the other side", ""),
    16: ("instrument, side, short sale", ""),
    17: ("session", ""),
    18: ("on the grid, at least", "lots"),
    19: ("age of the quote", "nanoseconds"),
    20: ("daily loss of the book", "money"),
    21: ("drawdown of the book", "money"),
    22: ("stop, date, bracket", ""),
    23: ("breaker of venue and route", ""),
    24: ("trading state", ""),
}
"""What each control looks at, and the unit of the numbers in its checks."""

_SAID_ELSEWHERE = frozenset({"order_id", "time", "wall"})
_SENTENCES = frozenset({"text", "cause", "reason"})


def _denial(event: ev.OrderDenied) -> str:
    passes = f"; {event.would_pass}" if event.would_pass else ""
    place = f" ({event.source})" if event.source else ""
    return f"control {event.control}: {event.observed}, limit {event.limit}{place}{passes}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _word(value: object) -> str:
    return str(getattr(value, "value", value)) if not isinstance(value, Decimal) else f"{value:f}"


def _spaced(name: str) -> str:
    """`OrderCanceled` → `order canceled`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
