"""Asks the venues themselves what still rests there: the only proof that something was stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters.venue_hotline import VenueHotline
from toolkit.domain.errors import TransportError
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Order, OrderClass
from toolkit.domain.requests import VenueOrder, VenueState
from toolkit.domain.sub_accounts import is_of

POLL_SECONDS = 0.02
NOBODY_KNOWS: Final[Mapping[str, Instrument]] = {}
PATIENCE = 2.0
FLATTEN_SECONDS: Final = 60.0
"""How long somebody who asked for a flatten is kept waiting for it."""

Belongs = Callable[[VenueOrder], bool]


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """What the venues showed at the last look: orders that should be gone, those that stay, positions (lots).

    `protective` are those that stay: what protects a position, and whatever else a stop was not about.
    """

    open_orders: tuple[tuple[str, VenueOrder], ...] = ()
    protective: tuple[tuple[str, VenueOrder], ...] = ()
    positions: tuple[tuple[str, str, int], ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Every venue answered, and nothing but protective orders rests there."""
        return not self.open_orders and not self.silent


def venue_state(socket: Path, timeout: float = PATIENCE) -> VenueState:
    """What a venue says of itself. TransportError when it does not answer."""
    with VenueHotline(socket, "operator", timeout) as line:
        return line.ask_state()


def is_protective(order: VenueOrder) -> bool:
    return order.order_class is OrderClass.PROTECTIVE


def verify_stopped(
    sockets: Mapping[str, Path],
    wait_seconds: float,
    concerns: Belongs = lambda _: True,
    stays: Belongs = is_protective,
) -> Leftover:
    """Look until nothing of concern rests at any venue, for `wait_seconds` at most; the last look is returned."""
    deadline = time.monotonic() + wait_seconds
    while True:
        found = look(sockets, concerns, stays)
        if found.clean or time.monotonic() >= deadline:
            return found
        time.sleep(POLL_SECONDS)


def stop_at_venues(
    sockets: Mapping[str, Path],
    wait_seconds: float,
    journaled: bool,
    concerns: Belongs = lambda _: True,
    stays: Belongs = is_protective,
) -> Leftover:
    """Wait for the engine's cancels to be seen; with their record in the journal, what still rests is cancelled here.

    A feed that stands still, or an engine that died in between, does not hold a stop up then.
    """
    found = verify_stopped(sockets, wait_seconds, concerns, stays)
    if found.clean or not journaled:
        return found
    for name in {venue for venue, _ in found.open_orders}:
        with suppress(TransportError), VenueHotline(sockets[name], "operator", PATIENCE) as line:  # the look tells
            line.cancel(order for venue, order in found.open_orders if venue == name)
    return verify_stopped(sockets, 1.0, concerns, stays)


def look(sockets: Mapping[str, Path], concerns: Belongs = lambda _: True, stays: Belongs = is_protective) -> Leftover:
    """One look at every venue (name → socket). What `stays` may go on resting; it is named all the same."""
    states, silent = {}, []
    for name, socket in sockets.items():
        try:
            states[name] = venue_state(socket)
        except TransportError:
            silent.append(name)
    resting = [(name, order) for name, state in states.items() for order in state.open_orders if concerns(order)]
    return Leftover(
        open_orders=tuple((name, order) for name, order in resting if not stays(order)),
        protective=tuple((name, order) for name, order in resting if stays(order)),
        positions=tuple((name, *held) for name, state in states.items() for held in state.positions if held[1]),
        silent=tuple(silent),
    )


def describe(found: tuple[str, VenueOrder], instruments: Mapping[str, Instrument] = NOBODY_KNOWS) -> str:
    """One resting order in a sentence; in lots and ticks where its instrument is not known."""
    venue, order = found
    instrument = instruments.get(order.instrument)
    price = "market" if order.price is None else _price(order.price, instrument)
    stop = "" if order.stop is None else f", stop {_price(order.stop, instrument)}"
    rest = order.quantity - order.filled
    size = f"{rest} lots" if instrument is None else f"{instrument.quantity_of(rest):f}"
    what = f"{order.order_class.value} {order.order_id} {order.side.name} {size} {order.instrument}"
    return f"{venue}: {what} at {price}{stop}"


def _price(ticks: int, instrument: Instrument | None) -> str:
    return f"{ticks} ticks" if instrument is None else f"{instrument.price_of(ticks):f}"


def held_in_engine(ledger: Ledger, strategy: str | None = None) -> tuple[str, ...]:
    """The protective orders that no venue shows because the engine holds them, each in a sentence."""
    found = [ledger.orders[root] for root in ledger.in_engine]
    return tuple(
        f"engine: protective {order.order_id} {order.side.name} {_size(ledger, order)} {order.instrument}, stop "
        f"{_stop(ledger, order)}: it acts only while the engine runs"
        for order in found
        if order.order_class is OrderClass.PROTECTIVE and (strategy is None or is_of(order.strategy, strategy))
    )


def _size(ledger: Ledger, order: Order) -> str:
    return f"{ledger.instruments.require(order.instrument).quantity_of(order.remaining):f}"


def _stop(ledger: Ledger, order: Order) -> str:
    if order.terms is None or order.terms.stop is None:
        return "not known"
    return _price(order.terms.stop, ledger.instruments.find(order.instrument))
