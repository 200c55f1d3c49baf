"""The paper venues of a replay, holding what a book has there; what no book knows of them is named, not guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from toolkit.domain.events import OrderFilled
from toolkit.domain.ledger import Fill, Ledger
from toolkit.domain.market import Quote, SessionClosed, Step
from toolkit.domain.orders import BUY, SELL, STOPS, Doubt, Order, OrderType, Side, Status
from toolkit.domain.requests import Liquidity, VenueReport, VenueRequest
from toolkit.domain.time import FeedTime
from toolkit.simulation.fees import tariff
from toolkit.simulation.heard import Heard
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_book import PaperOrder
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.paper_snapshot import MarketSnapshot, VenueSnapshot

EXECUTIONS: Final = 1 << 40
"""Where the numbers of a replay's trades begin: none is mistaken for one that the book has already."""


class PaperVenues:
    """The paper venues of a book as one, each holding the orders and positions that the book has there."""

    def __init__(self, settings: Iterable[PaperSettings], ledger: Ledger, heard: Heard) -> None:
        self._venues: dict[str, PaperVenue] = {}
        for each in sorted(settings, key=lambda one: one.name):
            venue = PaperVenue(each, ledger.instruments.all())
            for step in heard.history:
                venue.advance(step)
            self._venues[each.name] = _Holding(each, ledger, heard).put_into(venue)

    def advance(self, step: Step) -> Iterable[VenueReport]:
        """Match a step everywhere."""
        return [report for venue in self._venues.values() for report in venue.advance(step)]

    def process(self, message: VenueRequest) -> Iterable[VenueReport]:
        return self._venues[message.venue].process(message)


def unknown(ledger: Ledger, venues: Iterable[PaperSettings]) -> str:
    """Why a replay cannot begin with these books: what no event says of an order that is open; "" when it can."""
    if ledger.doubtful or ledger.joined.orders:
        return "what became of an order in doubt, or of one that joined others, is not in the journal"
    if ledger.flattening:
        return f"somebody has positions of {', '.join(sorted(ledger.flattening))} closed"
    by_name = {each.name: each for each in venues}
    for strategy, waiting in ledger.waiting_exits.items():
        if waiting:
            return f"what {strategy} asked for and has not been sent is not in the journal"
    for order in ledger.open_orders():
        venue = by_name.get(order.venue)
        if venue is not None and not order.in_engine and (what := _unknown_of(order, venue)):
            return f"{what} of order {order.order_id} is not in the journal"
    return ""


def _unknown_of(order: Order, venue: PaperSettings) -> str:
    if venue.report_latency:
        return "what its venue has not told yet"
    if order.status is Status.PENDING_CANCEL and (order.replacing_id or (order.is_on_its_way and order.triggered)):
        return "when the request before its cancel left"
    if order.is_on_its_way:
        return ""
    if venue.queue is not None:
        return "the place in the queue"
    if order.order_type in STOPS and order.triggered and len(order.chain) > 1:
        return "the id by which its venue drew first"
    if order.order_type is OrderType.TRAILING_STOP and not order.triggered:
        return "where the stop has trailed to"
    return "the volume that its fees hang on" if venue.fees.tiers else ""


class _Holding:
    """What one venue holds of a book."""

    def __init__(self, settings: PaperSettings, ledger: Ledger, heard: Heard) -> None:
        self._settings = settings
        self._ledger = ledger
        self._heard = heard
        self._came = heard.came()
        self._makers = heard.makers()

    def put_into(self, venue: PaperVenue) -> PaperVenue:
        name, ledger = self._settings.name, self._ledger
        known = VenueSnapshot.decode(venue.snapshot())
        orders = [order for order in ledger.open_orders() if order.venue == name and _rests(order)]
        orders.sort(key=lambda order: order.order_id[-8:])  # a change that costs an order its place gives it a new id
        resting = [self._resting(order, place) for place, order in enumerate(orders, 1)]
        stored = msgspec.structs.replace(
            known, positions=dict(ledger.venue_positions.get(name, {})), last_report=ledger.venue_reports.get(name, 0),
            executions=EXECUTIONS, orders=len(orders), queued=len(orders), open_orders=resting,
            markets=self._taken_from(known.markets),
        )  # fmt: skip
        return PaperVenue.restore(self._settings, ledger.instruments.all(), stored.encode())

    def _resting(self, order: Order, place: int) -> PaperOrder:
        came = self._came.get(order.order_id, order.created if order.order_id == order.chain[0] else order.requested)
        paper = PaperOrder(
            ids=list(order.chain[: order.chain.index(order.order_id) + 1]),
            venue_order_id=order.venue_order_id or f"V{place}", instrument=order.instrument, side=order.side,
            quantity=order.quantity, price=order.cap if order.price is None else order.price,
            time_in_force=order.time_in_force, order_class=order.order_class, post_only=order.post_only,
            reduce_only=order.reduce_only, status=Status.PARTIALLY_FILLED if order.filled else Status.NEW, queued=place,
            active=came, eager=self._is_eager(order, came), filled=order.filled, terms=order.terms,
            stop=None if order.terms is None else order.terms.stop, triggered=order.triggered, owner=order.strategy,
        )  # fmt: skip
        self._pay(paper, self._ledger.fills.get(order.chain[0], ()))
        return paper

    def _is_eager(self, order: Order, came: FeedTime) -> bool:
        """Whether it has reached through every quote since it came: then it still takes, and rests nowhere yet.

        One that came to a closed market has met none.
        """
        if order.price is None or order.post_only:
            return False
        calendar = self._ledger.instruments.require(order.instrument).calendar
        for step in reversed(self._heard.history):
            for event in reversed(step.events):
                match event:
                    case Quote() if event.instrument == order.instrument:
                        if not _reaches(order, order.price, event):
                            return False
                        if step.time <= came:
                            return True
                    case SessionClosed() if event.calendar == calendar and step.time <= came:
                        return True
        return False

    def _pay(self, order: PaperOrder, fills: Iterable[Fill]) -> None:
        """Count what an order filled and paid: draws and roundings of the rest hang on it.

        Whether an older fill made or took is told by its fee.
        """
        terms = tariff(self._settings.fees, self._ledger.instruments.require(order.instrument))
        for fill in fills:
            most = order.fee_most + terms.exact_most(fill.price, fill.quantity)
            exact = [order.fee_exact + terms.exact(maker, fill.price, fill.quantity) for maker in (False, True)]
            charged = order.fee_charged + fill.fee
            by_fee = terms.rounded(exact[False], most) != charged
            order.fee_exact = exact[self._makers.get(fill.execution_id, by_fee)]
            order.fills, order.fee_most, order.fee_charged = order.fills + 1, most, charged

    def _taken_from(self, markets: Mapping[str, MarketSnapshot]) -> dict[str, MarketSnapshot]:
        """Each market with what our fills have taken of its standing quote: it cannot be had again."""
        lots: Counter[tuple[str, Side]] = Counter()
        quoted = self._heard.quoted()
        for fill in self._heard.fills():
            since = quoted.get(fill.instrument)
            if since is None or fill.time < since or self._venue_of(fill) != self._settings.name:
                continue
            if fill.time == since or fill.liquidity is Liquidity.TAKER:  # later on a resting order gives to a print
                lots[fill.instrument, fill.side] += fill.quantity
        return {
            symbol: msgspec.structs.replace(market, ask_taken=lots[symbol, BUY], bid_taken=lots[symbol, SELL])
            for symbol, market in markets.items()
        }

    def _venue_of(self, fill: OrderFilled) -> str:
        order = self._ledger.order(fill.order_id)
        return fill.venue if order is None else order.venue


def _rests(order: Order) -> bool:
    """Whether its venue has it, as far as the book knows; one in doubt may be there."""
    return not order.in_engine and (order.doubt is not Doubt.NONE or not order.is_on_its_way)


def _reaches(order: Order, price: int, quote: Quote) -> bool:
    opposite = quote.ask if order.side is BUY else quote.bid
    return opposite > 0 and (price - opposite) * order.side >= 0
