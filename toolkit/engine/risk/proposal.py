"""What a control looks at and what it answers; the controls themselves stand in `controls`."""

from __future__ import annotations

import msgspec

from toolkit.domain.events import Check, Seen
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import OrderClass, OrderType, Side, Terms, TimeInForce
from toolkit.domain.time import MonoTime
from toolkit.engine.breaker import Breakers
from toolkit.engine.risk.limits import OrderLimits
from toolkit.engine.risk.portfolio import Portfolio
from toolkit.engine.risk.rates import Meter
from toolkit.engine.view import LastQuote, View


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """An order that somebody wants. Price in ticks, quantity in lots. `replaces` is the order to be changed.

    `protects` says that it is protection which was decided before: of a bracket, or in the place of a lost stop.
    """

    strategy: str
    version: str
    intent_id: str
    instrument: Instrument
    venue: str
    side: Side
    quantity: int
    order_type: OrderType
    price: int | None
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    order_class: OrderClass
    reason: str
    by_person: bool = False
    replaces: str = ""
    already_filled: int = 0
    terms: Terms | None = None
    protects: bool = False
    route: str = ""


class Situation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The books, prices and limits that a proposal meets.

    `worth` is what an entry is worth (`order_worth`), `adds` the lots that may still trade if the proposal goes out.
    """

    ledger: Ledger
    view: View
    limits: OrderLimits
    quote: LastQuote | None
    seen: Seen
    meters: tuple[Meter, ...]
    now: MonoTime
    breakers: Breakers
    worth: int | None
    adds: int
    portfolio: Portfolio


class Refused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A refusal that teaches: which control, what it saw, the limit and its place, and what would pass.

    `cancels` are the first ids of orders that have to go all the same.
    """

    control: int
    observed: str
    limit: str
    source: str
    would_pass: str
    cancels: tuple[str, ...] = ()


class Approved:
    """A proposal that passed every control. Only the guard makes one, and only this fits into the router.

    `cap` is the limit that protects a market order, `worth` what it adds in quanta of the base currency, `breaches` the
    limits of the book that an exit passes on its way out: it goes, and people are told. `cancels` are the first ids of
    orders that make way for it.
    """

    __slots__ = ("breaches", "cancels", "cap", "checks", "proposal", "seen", "worth")

    proposal: Proposal
    seen: Seen
    checks: tuple[Check, ...]
    cap: int | None
    worth: int
    breaches: tuple[Refused, ...]
    cancels: tuple[str, ...]

    def __init__(self, *_: object) -> None:
        raise TypeError("only the guard approves: call Guard.examine")


def approve(
    proposal: Proposal,
    seen: Seen,
    checks: tuple[Check, ...],
    cap: int | None,
    worth: int,
    breaches: tuple[Refused, ...],
    cancels: tuple[str, ...],
) -> Approved:
    """For the guard alone: past the `__init__` that refuses everybody."""
    approved = Approved.__new__(Approved)
    approved.proposal = proposal
    approved.seen = seen
    approved.checks = checks
    approved.cap = cap
    approved.worth = worth
    approved.breaches = breaches
    approved.cancels = cancels
    return approved
