"""The paper venue: takes requests and feed steps one at a time and answers with numbered reports; no clock, no I/O.

A request takes effect `latency` after it was sent, in feed time: at once without latency or when that moment has
passed, else before the events of the first step that is as late. Until then the venue does not know it. With equal
settings, instruments and messages the reports are equal to the last bit, also when the venue was stored and restored in
between.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.domain.errors import DomainError
from toolkit.domain.instruments import Instrument, InstrumentMaster
from toolkit.domain.market import (
    Bar,
    FeedGap,
    MarketEvent,
    Quote,
    SessionClosed,
    SessionOpened,
    Step,
    Trade,
    TradingHalted,
)
from toolkit.domain.orders import Ability, OrderClass, Status, TimeInForce
from toolkit.domain.requests import (
    CancelOrder,
    QueryOrder,
    RejectReason,
    ReplaceOrder,
    SubmitOrder,
    VenueReport,
    VenueRequest,
    VenueState,
)
from toolkit.domain.time import FeedTime, WallTime
from toolkit.domain.venue_line import CancelOnSilence
from toolkit.simulation.draws import Purpose, happens
from toolkit.simulation.fees import Tariff, tariff
from toolkit.simulation.impact import ImpactCurve, impact_curve
from toolkit.simulation.paper_account import Account
from toolkit.simulation.paper_book import OPEN, Market, PaperOrder, Register
from toolkit.simulation.paper_mail import Mail, TimedRequest
from toolkit.simulation.paper_post import Post, as_told, listed
from toolkit.simulation.paper_reports import Reporter
from toolkit.simulation.paper_settings import PaperSettings, UnknownCancel
from toolkit.simulation.paper_snapshot import MarketSnapshot, VenueSnapshot
from toolkit.simulation.queue import make_filler
from toolkit.simulation.refusals import Problem, not_open, order_problem, size_problem
from toolkit.simulation.silence import FellSilent
from toolkit.simulation.surprises import (
    BustFill,
    CorrectFill,
    LateFill,
    RefuseCancels,
    RejectOrders,
    Surprise,
    Unexpected,
)
from toolkit.simulation.unwilling import Unwilling

NO_EXPIRY = FeedTime(1 << 62)
NEW = Status.NEW
NO_WALL = WallTime(0)  # of a backtest, which has no wall clock


class PaperVenue:
    """A venue for the given instruments, those of other venues left out by the caller."""

    def __init__(self, settings: PaperSettings, instruments: Iterable[Instrument]) -> None:
        self.settings = settings
        self._master = InstrumentMaster()
        for instrument in instruments:
            self._master.add(instrument)
        self._markets = {
            first.symbol: Market(first, *_terms(settings, first)) for first in reversed(self._master.all())
        }
        self._account = Account()
        self._register = Register(settings.closed_orders_kept)
        self._reporter = Reporter(settings.name, settings.execution_ids)
        self._filler = make_filler(settings, self._register, self._reporter, self._account)
        self._sessions: dict[str, bool] = {}
        self._mail = Mail(settings)
        self._post = Post(settings)
        self._hand_over = self._by_post if settings.report_latency else self._reporter.hand_over
        self._unwilling = Unwilling()
        self.dead_man_after = 0
        self._step = 0
        self._now = FeedTime(0)
        self._orders = 0
        self._queued = 0
        self._next_expiry = NO_EXPIRY

    @property
    def last_step(self) -> int:
        """Number of the last step that was matched, 0 before the first."""
        return self._step

    @property
    def last_report(self) -> int:
        """Number of the last report that was told, 0 before the first."""
        return self._post.last_told(self._reporter.last)

    def process(
        self, message: VenueRequest | Surprise | Step | CancelOnSilence | FellSilent, wall: WallTime = NO_WALL
    ) -> tuple[VenueReport, ...]:
        """What the venue says to one message. `wall` is the host's clock and only copied into the reports."""
        if type(message) is Step:
            return self.advance(message, wall)
        self._reporter.wall = wall
        if isinstance(message, (SubmitOrder, CancelOrder, ReplaceOrder)):
            self._receive(message)
        elif isinstance(message, QueryOrder):
            self._query(message.order_id)
        elif isinstance(message, (RefuseCancels, RejectOrders)):
            self._unwilling.hear(message)
        elif isinstance(message, (LateFill, BustFill, CorrectFill)):
            self._surprise(message)
        elif isinstance(message, CancelOnSilence):
            self.dead_man_after = message.after
        elif isinstance(message, FellSilent):
            self._fall_silent(message)
        return self._hand_over()

    def advance(self, step: Step, wall: WallTime = NO_WALL) -> tuple[VenueReport, ...]:
        """Match the next step of the feed. One that was matched before changes nothing and says nothing.

        Raises DomainError for a step that goes back in time, or that jumps without saying so by a FeedGap.
        """
        if step.number != self._step + 1 or step.time < self._now:
            if step.number <= self._step:
                return ()
            self._check_jump(step)
        self._reporter.wall = wall
        self._step = step.number
        if self._mail.heap:
            self._take_effect_until(step.time)
        time = self._now = step.time
        if time >= self._next_expiry:
            self._expire_dated_orders(time)
        markets = self._markets
        for event in step.events:
            if type(event) is Quote:
                market = markets.get(event.instrument)
                if market is not None:
                    market.quote = event
                    if market.busy and self._trading(market):
                        self._filler.on_quote(market, event, time)
            else:
                self._on_event(event, time)
        return self._hand_over()

    def state(self) -> VenueState:
        """The venue's own truth: open orders as they queue, positions in lots and cash in quanta that are not 0.

        It never overtakes reports: what they have not told yet is not in it.
        """
        state = VenueState(
            venue=self.settings.name,
            last_report=self.last_report,
            step=self._step,
            open_orders=tuple(listed(order) for order in self._open_orders()),
            positions=tuple(sorted((symbol, lots) for symbol, lots in self._account.positions.items() if lots)),
            cash=self._account.told(),
            cash_of_trades=True,
        )
        return as_told(state, self._post.untold(), self._register) if self._post else state

    def closes(self, request: SubmitOrder) -> bool:
        """Whether an order does no more than close what the account holds, with all that is on its way to do so."""
        lots = request.side * (request.quantity + self._mail.on_the_way(request.instrument, request.side))
        return self._account.closes(request.instrument, lots, request.strategy)

    def snapshot(self) -> bytes:
        """The whole state; `restore` goes on from it as if nothing had been."""
        return VenueSnapshot(
            step=self._step,
            now=self._now,
            last_report=self._reporter.last,
            executions=self._reporter.executions,
            received=self._mail.received,
            orders=self._orders,
            queued=self._queued,
            refusing=self._unwilling.cancels,
            unwilling=self._unwilling,
            dead_man_after=self.dead_man_after,
            sessions=self._sessions,
            positions=self._account.positions,
            owned=self._account.owned,
            cash=self._account.cash,
            silences=self._mail.silences,
            pending=self._mail.pending(),
            posted=self._post.posted(),
            markets={symbol: MarketSnapshot.of(market) for symbol, market in self._markets.items()},
            open_orders=self._open_orders(),
            closed_orders=list(self._register.closed),
            volumes=self._filler.volumes.days,
        ).encode()

    @classmethod
    def restore(cls, settings: PaperSettings, instruments: Iterable[Instrument], snapshot: bytes) -> PaperVenue:
        """The venue as it was. DomainError when an instrument with open orders is missing now."""
        stored = VenueSnapshot.decode(snapshot)
        venue = cls(settings, instruments)
        venue._step, venue._now = stored.step, stored.now
        venue._reporter.last, venue._reporter.executions = stored.last_report, stored.executions
        venue._orders, venue._queued = stored.orders, stored.queued
        venue._unwilling = stored.unwilling or Unwilling(cancels=stored.refusing)
        venue.dead_man_after = stored.dead_man_after
        venue._sessions |= stored.sessions
        venue._account.put_back(stored.positions, stored.owned, stored.cash)
        venue._filler.volumes.days |= stored.volumes
        venue._mail.received, venue._mail.silences = stored.received, stored.silences
        venue._mail.put_back(stored.pending)
        venue._post.put_back(stored.posted)
        venue._put_orders_back(stored)
        venue._define_anew()
        return venue

    def _put_orders_back(self, stored: VenueSnapshot) -> None:
        for order in stored.closed_orders:
            self._register.add(order)
            self._register.closed.append(order)
        for order in stored.open_orders:
            if order.instrument not in self._markets:
                raise DomainError(
                    f"venue {self.settings.name}: {order.instrument} has the open order {order.order_id}; list it again"
                )
            self._register.add(order)
            self._markets[order.instrument].put(order)
            self._note_expiry(order)
        for symbol, market in stored.markets.items():
            if symbol in self._markets:
                market.put_back(self._markets[symbol])

    def lose_book(self) -> None:
        """Forget every open order without a word, as some venues do when they restart."""
        for order in self._open_orders():
            self._markets[order.instrument].remove(order)
            self._register.forget(order)
        self._mail.lose_all()

    def _by_post(self) -> tuple[VenueReport, ...]:
        return self._post.deliver(self._reporter.hand_over(), self._now)

    # ------------------------------------------------------------------ time

    def _receive(self, request: TimedRequest) -> None:
        time = self._mail.take(request, self._now)
        if time is not None:
            self._apply(request, time)

    def _take_effect_until(self, time: FeedTime) -> None:
        while (due := self._mail.next_due(time)) is not None:
            self._now = max(due[0], self._now)
            self._apply(due[1], self._now)

    def _check_jump(self, step: Step) -> None:
        if step.time < self._now:
            raise DomainError(
                f"step {step.number} is at {step.time}, before {self._now}: a feed never goes back in time"
            )
        if self._step and not any(isinstance(event, FeedGap) for event in step.events):
            raise DomainError(f"step {step.number} follows step {self._step}: send what is between, or a FeedGap in it")

    # ------------------------------------------------------------------ requests

    def _query(self, order_id: str) -> None:
        """A question never overtakes what was sent before it, nor its answer a report: until then there is none yet."""
        order = self._register.find(order_id)
        ids = order.ids if order else [order_id]
        if not any(self._mail.concerns(known) or self._post.concerns(known) for known in ids):
            self._reporter.found(order_id, order, self._now)

    def _fall_silent(self, silence: FellSilent) -> None:
        """What is on its way arrives first: nothing that the session sent may rest afterwards."""
        self.dead_man_after = 0
        while (due := self._mail.next_due(NO_EXPIRY)) is not None:
            self._apply(due[1], self._now)
        for order in self._open_orders():
            if silence.everything or order.order_class is OrderClass.ENTRY:
                self._markets[order.instrument].remove(order)
                self._filler.end(order, Status.CANCELED, "no sign of life of its session", self._now)

    def _surprise(self, surprise: Unexpected) -> None:
        order = self._register.find(surprise.order_id)
        if order is None:
            raise DomainError(f"venue {self.settings.name} does not know the order {surprise.order_id}")
        self._filler.surprise(self._markets[order.instrument], order, surprise, self._now)

    def _apply(self, request: TimedRequest, time: FeedTime) -> None:
        if isinstance(request, SubmitOrder):
            self._submit(request, time)
        elif isinstance(request, CancelOrder):
            self._cancel(request, time)
        else:
            self._replace(request, time)

    def _submit(self, request: SubmitOrder, time: FeedTime) -> None:
        if self._register.find(request.order_id) is not None:
            self._reporter.rejected(request.order_id, RejectReason.DUPLICATE, "this id was used before", time)
            return
        order = self._new_order(request, time)
        market = self._markets.get(request.instrument)
        problem = self._problem(request, order, market, time)
        self._register.add(order)
        if problem is not None or market is None:
            self._register.close(order, Status.REJECTED)
            reason, text = problem or (RejectReason.UNKNOWN_SYMBOL, "")
            self._reporter.rejected(request.order_id, reason, text, time)
            return
        self._orders += 1
        order.venue_order_id = f"V{self._orders}"
        trading = self._trading(market)
        if self.settings.acknowledges_before_fill or not (trading and self._filler.would_trade(market, order)):
            self._reporter.acknowledged(order, time)
        self._note_expiry(order)
        self._filler.arrive(market, order, trading, time)

    def _new_order(self, request: SubmitOrder, time: FeedTime) -> PaperOrder:
        self._queued += 1
        return PaperOrder(  # by place: so many names take longer than meeting the market
            [request.order_id],
            "",
            request.instrument,
            request.side,
            request.quantity,
            request.price,
            request.time_in_force,
            request.order_class,
            request.post_only,
            request.reduce_only,
            NEW,
            self._queued,
            time,
            terms=request.terms,
            stop=None if request.terms is None else request.terms.stop,
            owner=request.strategy,
        )

    def _problem(
        self, request: SubmitOrder, order: PaperOrder, market: Market | None, time: FeedTime
    ) -> Problem | None:
        """Why an order is rejected, or None."""
        if market is None:
            return RejectReason.UNKNOWN_SYMBOL, f"{request.instrument} is not listed here"
        if (problem := order_problem(request, market.instrument, self.settings.supports)) is not None:
            return problem
        if order.terms is not None and order.terms.expires is not None and order.terms.expires <= time:
            return RejectReason.TOO_LATE, "it was good till an instant that has passed"
        at_once = order.ends_unfilled and not order.waits
        if at_once and (closed := self._closed(market, time)):
            return RejectReason.EXCHANGE_CLOSED, closed
        if at_once and not market.priced and market.quote is None:
            return RejectReason.OTHER, f"{request.instrument} has no price yet"
        if order.post_only and self._trading(market) and self._filler.would_trade(market, order):
            return RejectReason.POST_ONLY_WOULD_TRADE, "post-only: it would trade"
        if self._unwilling.rejects_order():
            return RejectReason.OTHER, "the venue will not take it"
        if happens(self.settings.rejects_per_million, self.settings.seed, request.order_id, Purpose.REJECT, 0):
            return RejectReason.OTHER, "rejected by draw"
        return None

    def _cancel(self, request: CancelOrder, time: FeedTime) -> None:
        order = self._register.find(request.order_id)
        if order is None or order.status not in OPEN:
            if self.settings.unknown_cancel is UnknownCancel.REFUSED:
                self._reporter.cancel_refused(request, *not_open(order), time)
        elif self._unwilling.refuses_cancel(order.ids):
            self._reporter.cancel_refused(request, RejectReason.OTHER, "the venue will not cancel it", time)
        else:
            self._markets[order.instrument].remove(order)
            self._filler.end(order, Status.CANCELED, "", time)

    def _replace(self, request: ReplaceOrder, time: FeedTime) -> None:
        order = self._register.find(request.order_id)
        if order is None or order.status not in OPEN:
            self._reporter.replace_refused(request, *not_open(order), time)
            return
        market = self._markets[order.instrument]
        price = order.price if request.price is None else request.price
        stop = order.stop if request.stop is None else request.stop
        problem = self._replace_problem(request, order, market, price)
        if problem is not None:
            self._reporter.replace_refused(request, *problem, time)
            return
        keeps_place = (price, stop) == (order.price, order.stop) and request.quantity <= order.quantity
        if not keeps_place:
            market.remove(order)
        self._register.rename(order, request.new_id)
        order.quantity, order.price, order.stop = request.quantity, price, stop
        self._reporter.replaced(order, request.order_id, time)
        if not keeps_place:
            self._queued += 1
            order.queued, order.active, order.eager = self._queued, time, True
            self._filler.arrive(market, order, self._trading(market), time)

    def _replace_problem(
        self, request: ReplaceOrder, order: PaperOrder, market: Market, price: int | None
    ) -> Problem | None:
        if Ability.REPLACE not in self.settings.supports:
            return RejectReason.OTHER, "this venue changes no orders: cancel, and send the rest anew"
        if self._register.find(request.new_id) is not None:
            return RejectReason.DUPLICATE, f"{request.new_id} was used before"
        if (problem := size_problem(request.quantity, price, market.instrument)) is not None:
            return problem
        if request.quantity <= order.filled:
            return RejectReason.TOO_LATE, f"{order.filled} of it are filled"
        if (price is None) != (order.price is None) or (price is not None and price < 1):
            return RejectReason.PRICE, "a limit order needs a price of at least one tick, a market order has none"
        if request.stop is not None and (not order.waits or request.stop < 1):
            return RejectReason.TOO_LATE, "only a stop that has not been triggered can be moved, to a price above 0"
        if order.post_only and price is not None and self._trading(market) and market.quote is not None:
            opposite = market.quote.ask if order.side > 0 else market.quote.bid
            if opposite > 0 and (price - opposite) * order.side >= 0:
                return RejectReason.POST_ONLY_WOULD_TRADE, "post-only: it would trade"
        return None

    # ------------------------------------------------------------------ feed

    def _on_event(self, event: MarketEvent, time: FeedTime) -> None:
        match event:
            case Trade(instrument=symbol) | Bar(instrument=symbol):
                market = self._markets.get(symbol)
                if market is not None:
                    self._on_price(market, event, time)
            case SessionOpened():
                self._sessions[event.calendar] = True
                self._define_anew()
            case SessionClosed():
                self._sessions[event.calendar] = False
                self._expire_day_orders(event.calendar, time)
            case TradingHalted():
                if event.instrument in self._markets:
                    self._markets[event.instrument].halted = event.halted
            case _:
                pass  # a FeedGap: what is not known cannot be matched

    def _on_price(self, market: Market, event: Trade | Bar, time: FeedTime) -> None:
        market.priced = True
        if not market.busy or market.halted:
            return
        if isinstance(event, Trade):
            if self._trading(market):
                self._filler.on_trade(market, event, time)
        elif market.quote is None:
            self._filler.on_bar(market, event, time)

    def _expire_day_orders(self, calendar: str, time: FeedTime) -> None:
        for order in self._open_orders():
            market = self._markets[order.instrument]
            if order.time_in_force is TimeInForce.DAY and market.instrument.calendar == calendar:
                market.remove(order)
                self._filler.end(order, Status.EXPIRED, "end of session", time)

    def _note_expiry(self, order: PaperOrder) -> None:
        if order.terms is not None and order.terms.expires is not None:
            self._next_expiry = min(self._next_expiry, order.terms.expires)

    def _expire_dated_orders(self, time: FeedTime) -> None:
        """What was good till an instant that has come expires before anything of that instant is matched."""
        self._next_expiry = NO_EXPIRY
        for order in self._open_orders():
            expires = None if order.terms is None else order.terms.expires
            if expires is not None and expires <= time:
                self._markets[order.instrument].remove(order)
                self._filler.end(order, Status.EXPIRED, "good till now", time)
            else:
                self._note_expiry(order)

    def _define_anew(self) -> None:
        """Take up the definitions that are in force now."""
        for symbol, market in self._markets.items():
            current = self._master.find(symbol, self._now)
            if current is not None and current is not market.instrument:
                market.instrument = current
                market.tariff, market.impact = _terms(self.settings, current)

    def _trading(self, market: Market) -> bool:
        is_open = self._sessions.get(market.instrument.calendar, not self.settings.closed_until_opened)
        return is_open and not market.halted

    def _closed(self, market: Market, time: FeedTime) -> str:
        """Why nothing can trade now, or an empty text."""
        if market.halted:
            return f"{market.instrument.symbol} is halted"
        if market.instrument.expiry is not None and time >= market.instrument.expiry:
            return f"{market.instrument.symbol} has expired"
        return "" if self._trading(market) else f"{market.instrument.calendar} is closed"

    def _open_orders(self) -> list[PaperOrder]:
        orders = [order for market in self._markets.values() if market.busy for order in market.orders()]
        return sorted(orders, key=lambda order: order.queued)


def _terms(settings: PaperSettings, instrument: Instrument) -> tuple[Tariff, ImpactCurve | None]:
    """What trading an instrument costs here, worked out for its tick and lot."""
    impact = None if settings.impact is None else impact_curve(settings.impact, instrument)
    return tariff(settings.fees, instrument), impact
