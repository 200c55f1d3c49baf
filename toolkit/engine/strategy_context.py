"""What one strategy instance sees and what it has said since it was last asked; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan

from toolkit.domain.inbox import OrderChanged
from toolkit.domain.instruments import Currency
from toolkit.domain.intents import (
    MOST_REQUESTS,
    CancelIntent,
    Intent,
    MalformedIntent,
    ModifyIntent,
    PlaceOrder,
    Signal,
    TargetPosition,
    shortened,
)
from toolkit.domain.market import Quote as FeedQuote
from toolkit.domain.orders import Doubt, Side, Status, TimeInForce
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.bars import BarFold
from toolkit.engine.strategy_market import Bar, InstrumentView, Number, OrderView, Quote, order_view
from toolkit.engine.strategy_parameters import nearest
from toolkit.engine.strategy_terms import PLAIN, Asked, moved_stop, order_type, terms_asked
from toolkit.engine.strategy_units import Unfit, lots_of, positive, ticks_of

PERMITTED, DATA = 16, 19  # rows of CONTROLS.md
MOST_LOGS = 20
MOST_INTENTS = MOST_REQUESTS - 1  # the last one says how many more there were


class Series:
    """One instrument of a strategy; `fresh` counts the whole bars since the last gap."""

    __slots__ = ("bars", "fold", "fresh", "quote", "quote_time", "view", "was_warm")

    def __init__(self, view: InstrumentView, fold: BarFold) -> None:
        self.view = view
        self.fold = fold
        self.bars: list[Bar] = []
        self.fresh = 0
        self.was_warm = False
        self.quote: FeedQuote | None = None
        self.quote_time = 0


class StrategyContext:
    """The inside of `self`: views are read from it, requests collect in it until `StrategyContainer` takes them."""

    def __init__(self, series: Mapping[str, Series], base: Currency, warmup: int) -> None:
        self.series = dict(series)
        self.warmup = warmup
        self.step = self.inbox = self.time = 0
        self.capital_quanta = 0
        self.positions = dict.fromkeys(series, 0)
        self.open: dict[str, OrderChanged] = {}
        self.asked: dict[str, PlaceOrder] = {}
        self.timers: dict[str, int] = {}
        self.quanta = {one.view.definition.currency: one.view.definition.currency_quantum for one in series.values()}
        self.quanta[base.code] = base.quantum
        self.base = base.code
        self._base_ratio = base.quantum.as_integer_ratio()
        self.starting = False
        self.silent = True  # outside of a hook nothing can be asked for
        self.signals: list[Signal] = []
        self.intents: list[Intent] = []
        self.logs: list[str] = []
        self._lost_logs = self._left_out = 0

    # ------------------------------------------------------------ views

    @property
    def capital(self) -> float:
        numerator, denominator = self._base_ratio
        return self.capital_quanta * numerator / denominator

    def find(self, symbol: str | None) -> Series:
        """The instrument meant. KeyError (a programming error, for views) when there is none of that name."""
        if symbol is None:
            return self.single()
        if symbol not in self.series:
            raise KeyError(f"{symbol!r} is not an instrument of this strategy{nearest(symbol, self.series)}")
        return self.series[symbol]

    def single(self) -> Series:
        if len(self.series) != 1:
            raise TypeError(f"this strategy trades {', '.join(self.series)}: name the one that you mean first")
        return next(iter(self.series.values()))

    def position(self, symbol: str) -> float:
        return self.find(symbol).view.quantity_of(self.positions[symbol])

    def quote(self, symbol: str | None) -> Quote | None:
        one = self.find(symbol)
        return None if one.quote is None else quote_view(one.quote, one.view, one.quote_time)

    def orders(self) -> tuple[OrderView, ...]:
        """Own open orders, and those asked for and not answered yet (PENDING_NEW, without an order id)."""
        known = [order_view(change, self.series[change.instrument].view) for change in self.open.values()]
        asked = [order_view(_not_answered(place), self.series[place.instrument].view) for place in self.asked.values()]
        return (*known, *asked)

    # ------------------------------------------------------------ requests

    def place(
        self,
        side: Side,
        symbol: str | None,
        quantity: Number,
        price: Number | None,
        time_in_force: TimeInForce,
        post_only: bool,
        reduce_only: bool,
        reason: str,
        asked: Asked | None = None,
    ) -> str:
        if self._is_full():
            return self._leave_out()
        intent_id = self._next_id()
        try:
            one = self._tradable(symbol)
            lots = positive(lots_of(one.view, quantity), f"{one.view.symbol}: quantity", quantity)
            ticks = None if price is None else positive(ticks_of(one.view, price), f"{one.view.symbol}: price", price)
            if post_only and ticks is None:
                raise Unfit(f"{one.view.symbol}: post_only needs a price")
            if not reduce_only:
                self._check_gap(one, side * lots)
            terms = None
            if asked is not None or time_in_force is TimeInForce.GTD:
                terms = terms_asked(one.view, asked or PLAIN, time_in_force, self.time)
        except Unfit as unfit:
            return self._refuse(intent_id, symbol, unfit)
        intent = PlaceOrder(
            intent_id=intent_id,
            instrument=one.view.symbol,
            side=side,
            quantity=lots,
            order_type=order_type(asked, ticks),
            price=ticks,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
            reason=shortened(reason),
            terms=terms,
        )
        self.intents.append(intent)
        self.asked[intent_id] = intent
        return intent_id

    def cancel(self, target: str) -> str:
        if self._is_full() and not self._works(target):
            return self._leave_out()
        intent_id = self._next_id()
        self.intents.append(CancelIntent(intent_id=intent_id, target=shortened(target)))
        return intent_id

    def modify(self, target: str, quantity: Number | None, price: Number | None, stop: Number | None = None) -> str:
        if self._is_full():
            return self._leave_out()
        intent_id = self._next_id()
        symbol = next((order.instrument for order in self.orders() if order.intent_id == target), None)
        try:
            if symbol is None:
                raise Unfit(f"no open order of intent {target!r}; self.orders lists the open ones")
            view = self.series[symbol].view
            lots = None if quantity is None else positive(lots_of(view, quantity), f"{symbol}: quantity", quantity)
            ticks = None if price is None else positive(ticks_of(view, price), f"{symbol}: price", price)
            trigger = moved_stop(view, stop)
        except Unfit as unfit:
            return self._refuse(intent_id, symbol or "", unfit)
        self.intents.append(ModifyIntent(intent_id=intent_id, target=target, quantity=lots, price=ticks, stop=trigger))
        return intent_id

    def target(self, symbol: str | None, quantity: Number, reason: str) -> str:
        if self._is_full():
            return self._leave_out()
        intent_id, reason = self._next_id(), shortened(reason)
        try:
            one = self._tradable(symbol)
            lots = lots_of(one.view, quantity)
            self.signals.append(Signal(instrument=one.view.symbol, target=lots, reason=reason))
            self._check_gap(one, lots - self.positions[one.view.symbol])
        except Unfit as unfit:
            return self._refuse(intent_id, symbol, unfit)
        self.intents.append(
            TargetPosition(intent_id=intent_id, instrument=one.view.symbol, quantity=lots, reason=reason)
        )
        return intent_id

    def signal(self, symbol: str | None, quantity: Number, reason: str) -> None:
        if self._is_full():
            self._leave_out()
            return
        self._speak()
        try:
            one = self._tradable(symbol)
            lots = lots_of(one.view, quantity)
            self.signals.append(Signal(instrument=one.view.symbol, target=lots, reason=shortened(reason)))
        except Unfit as unfit:
            self._refuse(self._next_id(), symbol, unfit)

    def set_timer(self, seconds: float, name: str) -> None:
        self._speak()
        if not isfinite(seconds) or seconds <= 0:
            raise ValueError(f"set_timer({seconds!r}): give a number of seconds above 0")
        # A timer that survived a restart goes on: set anew in on_start it would move away from what a backtest does.
        if not (self.starting and name in self.timers):
            self.timers[name] = self.time + round(seconds * NANOSECONDS)

    def log(self, text: object) -> None:
        if len(self.logs) >= MOST_LOGS:
            self._lost_logs += 1
        else:
            self.logs.append(shortened(text))

    def take_requests(self) -> tuple[tuple[Signal, ...], tuple[Intent, ...]]:
        """What was asked for since the last time. What an answer does not carry is counted in a refusal of its own."""
        if self._left_out:
            problem = (
                f"{self._left_out} more requests in one answer, which carries {MOST_INTENTS}; ask at the next input"
            )
            symbol = next(iter(self.series))
            notice = MalformedIntent(intent_id=self._left_out_id(), instrument=symbol, problem=problem, control=0)
            self.intents.insert(MOST_INTENTS, notice)
        taken = tuple(self.signals), tuple(self.intents)
        self.signals.clear()
        self.intents.clear()
        self._left_out = 0
        return taken

    def take_logs(self) -> tuple[str, ...]:
        logs = tuple(self.logs)
        if self._lost_logs:
            logs += (f"… and {self._lost_logs} more; an answer carries {MOST_LOGS} lines",)
        self.logs, self._lost_logs = [], 0
        return logs

    # ------------------------------------------------------------ helpers

    def _speak(self) -> None:
        if self.silent:
            raise RuntimeError("a strategy asks for something inside of its hooks only, and not in on_stop")

    def _next_id(self) -> str:
        self._speak()
        return f"{self.step}.{self.inbox}.{len(self.intents)}"

    def _is_full(self) -> bool:
        return len(self.intents) >= MOST_INTENTS or len(self.signals) >= MOST_INTENTS

    def _leave_out(self) -> str:
        """Count a request that the answer does not carry. All of them have one id, by which their refusal is told."""
        self._speak()
        self._left_out += 1
        return self._left_out_id()

    def _left_out_id(self) -> str:
        return f"{self.step}.{self.inbox}.more"

    def _works(self, target: str) -> bool:
        """Whether an order of this intent works that was not cancelled in this answer: the way out is open."""
        if any(isinstance(intent, CancelIntent) and intent.target == target for intent in self.intents):
            return False
        return any(order.intent_id == target for order in self.open.values())

    def _refuse(self, intent_id: str, symbol: str | None, unfit: Unfit) -> str:
        instrument = symbol if symbol is not None else self.single().view.symbol
        self.intents.append(
            MalformedIntent(
                intent_id=intent_id, instrument=shortened(instrument), problem=shortened(unfit), control=unfit.control
            )
        )
        return intent_id

    def _tradable(self, symbol: str | None) -> Series:
        if symbol is None:
            return self.single()
        one = self.series.get(symbol)
        if one is None:
            raise Unfit(f"{symbol!r} is not an instrument of this strategy{nearest(symbol, self.series)}", PERMITTED)
        return one

    def _check_gap(self, one: Series, change: int) -> None:
        """After lost data only what shrinks the position passes until the warm-up is full again."""
        if one.fresh >= self.warmup or self._shrinks(one.view.symbol, change):
            return
        raise Unfit(
            f"{one.view.symbol}: only {one.fresh} of {self.warmup} whole bars came since the feed began or lost data; "
            "no entries until then, exits and cancels pass",
            DATA,
        )

    def _shrinks(self, symbol: str, change: int) -> bool:
        """Whether adding `change` lots shrinks the position whichever of the working orders fill."""
        low = high = self.positions[symbol]
        for order in (*self.open.values(), *map(_not_answered, self.asked.values())):
            if order.instrument == symbol and not _protects(order):
                rest = order.quantity - order.filled
                low, high = (low, high + rest) if order.side is Side.BUY else (low - rest, high)
        return (low > 0 > change and low + change >= 0) or (high < 0 < change and high + change <= 0)


def _protects(order: OrderChanged) -> bool:
    """Whether an order stands to close the position: an exit takes its place, so it takes nothing from one."""
    return order.terms is not None and (order.terms.stop is not None or bool(order.terms.group))


def quote_view(quote: FeedQuote, view: InstrumentView, time: int) -> Quote:
    """A quote in human units."""
    tick, ticks, lot, lots = view.ratios  # `price_of` and `quantity_of` written out: this is done for every quote
    bid, ask = quote.bid, quote.ask
    return Quote(
        quote.instrument,
        bid * tick / ticks if bid else nan,
        ask * tick / ticks if ask else nan,
        quote.bid_size * lot / lots,
        quote.ask_size * lot / lots,
        time,
    )


def _not_answered(place: PlaceOrder) -> OrderChanged:
    return OrderChanged(
        order_id="",
        intent_id=place.intent_id,
        instrument=place.instrument,
        side=place.side,
        quantity=place.quantity,
        filled=0,
        price=place.price,
        status=Status.PENDING_NEW,
        doubt=Doubt.NONE,
        terms=place.terms,
    )
