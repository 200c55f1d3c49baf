"""`Strategy`: the class that a quant writes against; hooks, requests and views; the machinery is elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec

from toolkit.domain.orders import Side, TimeInForce
from toolkit.engine.strategy_context import StrategyContext
from toolkit.engine.strategy_market import Bar, Fill, InstrumentView, Number, OrderView, Quote, Trade, utc
from toolkit.engine.strategy_parameters import check_class
from toolkit.engine.strategy_terms import Around, Asked, Holder, Until, Watching, check_side

InForce = Literal["gtc", "day", "ioc", "fok", "gtd"] | TimeInForce


class Strategy:
    """Base of every strategy.

        class Trend(tk.Strategy):
            instruments = ("AAPL",)
            bar = "1d"
            warmup = 50
            fast: int = 20                       # a parameter: annotated, with a default, overridable by configuration

            class State(msgspec.Struct):         # all that survives a restart
                holding: bool = False

            def on_bar(self, bar):
                if bar.close > sum(self.history.closes(self.fast)) / self.fast:
                    self.target_position(100, reason="above its average")

    Prices and quantities are floats in human units. A request is turned into ticks and lots exactly or it is refused
    with the mend in the journal; nothing is rounded unless asked for (`self.instrument.price(x)`). A strategy of one
    instrument leaves the symbol away; one of several names it first: `self.buy("AAPL", 10, 101.25)`.

    Hooks are called once `warmup` whole bars of an instrument exist. After lost data (`on_gap`) entries are refused
    until that many have come again; exits and cancels pass.
    """

    __strategy_base__ = True

    instruments: Any = ()  # in the class a tuple of symbols; in an instance a mapping symbol → InstrumentView
    bar: str = "1d"  # "30s", "5m", "1h", or "1d": one bar a session
    bar_price: str = "mid"  # or "trade"; where the feed brings bars of its own those are used
    warmup: int = 0  # whole bars before the first signal; also how far back `history` reaches
    state: Any

    class State(msgspec.Struct):
        """Override to declare what survives a restart: ≤ 64 kB, every field with a default."""

    _context: ClassVar[StrategyContext | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_class(cls)

    # ------------------------------------------------------------ hooks

    def on_start(self) -> None:
        """Once at every start, also after a restart, with the first live step after the warm-up."""

    def on_quote(self, quote: Quote) -> None:
        """A new best bid and offer."""

    def on_trade(self, trade: Trade) -> None:
        """A public trade."""

    def on_bar(self, bar: Bar) -> None:
        """A bar has finished. All that finished together are in `history` before the first of them is delivered.

        A daily bar ends with its session, when nothing can be traded any more. It is in `history` from then on, and is
        delivered with the instrument's first good quote of the next session: decide on the close, trade at the open.
        """

    def on_timer(self, name: str) -> None:
        """A timer is due: the first step at or after its feed time, once that step's prices are known."""

    def on_order(self, order: OrderView) -> None:
        """An own order has a new status."""

    def on_fill(self, fill: Fill) -> None:
        """An own order traded; `position` already counts it."""

    def on_capital(self, capital: float) -> None:
        """The capital was changed."""

    def on_gap(self, instrument: str) -> None:
        """Data of this instrument ("" for all) was lost."""

    def on_stop(self) -> None:
        """The strategy ends in order. Only `log` works here: what rests at the venue is the desk's business."""

    # ------------------------------------------------------------ requests

    def buy(
        self,
        instrument: str | Number | None = None,
        quantity: Number | None = None,
        price: Number | None = None,
        *,
        stop: Number | None = None,
        trail: Number | None = None,
        trigger: Watching | None = None,
        held: Holder | None = None,
        tif: InForce = "gtc",
        until: Until | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        reason: str = "",
    ) -> str:
        """Ask to buy: at the market, or at `price` or better. Returns the intent's id, for cancel and modify.

        With `stop` the order waits until the ask (or what `trigger` names: "last", "bid", "ask") is there, with `trail`
        it follows the best price at that distance; `price` makes a stop-limit of it. A stop waits at the venue where
        that takes it, else in the engine; `held` insists. `until` (an instant or seconds from now) goes with tif "gtd".
        """
        asked = _asked(stop, trail, trigger, held, until)
        return self._order(Side.BUY, instrument, quantity, price, tif, post_only, reduce_only, reason, asked)

    def sell(
        self,
        instrument: str | Number | None = None,
        quantity: Number | None = None,
        price: Number | None = None,
        *,
        stop: Number | None = None,
        trail: Number | None = None,
        trigger: Watching | None = None,
        held: Holder | None = None,
        tif: InForce = "gtc",
        until: Until | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        reason: str = "",
    ) -> str:
        """Ask to sell: at the market, or at `price` or better. Returns the intent's id, for cancel and modify.

        `stop`, `trail` and the others as in `buy`; a stop to sell watches the bid unless `trigger` says otherwise.
        """
        asked = _asked(stop, trail, trigger, held, until)
        return self._order(Side.SELL, instrument, quantity, price, tif, post_only, reduce_only, reason, asked)

    def bracket(
        self,
        side: Literal["buy", "sell"],
        instrument: str | Number | None = None,
        quantity: Number | None = None,
        price: Number | None = None,
        *,
        stop: Number,
        target: Number | None = None,
        stop_limit: Number | None = None,
        trail: Number | None = None,
        trigger: Watching | None = None,
        held: Holder | None = None,
        tif: InForce = "gtc",
        until: Until | None = None,
        reason: str = "",
    ) -> str:
        """Ask for an entry whose fills are protected at once by a stop and, where given, a target.

        Stop and target are for what the entry has filled, and one cancels the other. `stop_limit` makes a stop-limit of
        the stop, `trail` lets it follow the market. Returns the entry's intent id; the exits answer to that id with
        ".stop" and ".target" behind it.
        """
        around = Around(stop=stop, target=target, stop_limit=stop_limit, trail=trail)
        asked = Asked(trigger=trigger, held=held, until=until, around=around)
        return self._order(check_side(side), instrument, quantity, price, tif, False, False, reason, asked)

    def cancel(self, intent_id: str) -> str:
        """Ask to cancel the order that the intent led to."""
        return self._here.cancel(_text(intent_id, "cancel(intent_id)"))

    def modify(
        self,
        intent_id: str,
        quantity: Number | None = None,
        price: Number | None = None,
        *,
        stop: Number | None = None,
    ) -> str:
        """Ask to change total quantity, price or stop of the order that the intent led to; None keeps it.

        A venue that can changes the order in place: it is never without the old one before it has the new. At another
        the order is cancelled, and what the venue then confirms to be left goes out anew with the same intent: on_order
        tells CANCELED in between.
        """
        if quantity is None and price is None and stop is None:
            raise TypeError("modify() needs a new quantity, a new price, a new stop, or several of them")
        return self._here.modify(_text(intent_id, "modify(intent_id)"), quantity, price, stop)

    def target_position(
        self, instrument: str | Number | None = None, quantity: Number | None = None, reason: str = ""
    ) -> str:
        """Raise a signal and ask for the market orders that bring the position to `quantity` (negative is short)."""
        symbol, wanted = _addressed(instrument, quantity)
        return self._here.target(symbol, wanted, reason)

    def signal(self, instrument: str | Number | None = None, quantity: Number | None = None, reason: str = "") -> None:
        """Journal what the strategy wants to hold, and why, without an order."""
        symbol, wanted = _addressed(instrument, quantity)
        self._here.signal(symbol, wanted, reason)

    def set_timer(self, seconds: float, name: str = "") -> None:
        """Have `on_timer(name)` called once, so many seconds of feed time from now; the same name again moves it."""
        self._here.set_timer(seconds, name)

    def log(self, text: object) -> None:
        """Put a line (≤ 500 characters, ≤ 20 an answer) into the journal beside the answer."""
        self._here.log(text)

    # ------------------------------------------------------------ views

    @property
    def capital(self) -> float:
        """Capital in the base currency."""
        return self._here.capital

    @property
    def position(self) -> Any:
        """The booked position: of one instrument a number, of several `self.position("AAPL")`."""
        context = self._here
        if len(context.series) != 1:
            return PositionsByInstrument(context)
        position = Position(context.position(context.single().view.symbol))
        position.context = context
        return position

    @property
    def instrument(self) -> InstrumentView:
        """The instrument, where there is one; `self.instruments["AAPL"]` where there are several."""
        return self._here.single().view

    @property
    def history(self) -> History:
        """The last `warmup` finished bars of each instrument."""
        return History(self._here)

    @property
    def orders(self) -> tuple[OrderView, ...]:
        """Own open orders, also those just asked for."""
        return self._here.orders()

    def quote(self, instrument: str | None = None) -> Quote | None:
        """The last quote, None before the first."""
        return self._here.quote(instrument)

    @property
    def now(self) -> datetime:
        """Feed time as a UTC datetime; no strategy needs another clock."""
        return utc(self._here.time)

    # ------------------------------------------------------------ machinery

    @property
    def _here(self) -> StrategyContext:
        if self._context is None:
            raise RuntimeError(f"{type(self).__name__} does not run; tk.backtest({type(self).__name__}, data) runs it")
        return self._context

    def _order(
        self,
        side: Side,
        instrument: str | Number | None,
        quantity: Number | None,
        price: Number | None,
        tif: InForce,
        post_only: bool,
        reduce_only: bool,
        reason: str,
        asked: Asked | None = None,
    ) -> str:
        if isinstance(instrument, str):
            symbol, size = _addressed(instrument, quantity)
        elif instrument is None:
            symbol, size = None, _number(quantity)
        elif quantity is None or price is None:  # buy(10), buy(10, 101.25), buy(10, price=101.25)
            symbol, size, price = None, instrument, quantity if price is None else price
        else:
            raise TypeError("give (quantity, price), or the instrument first: (instrument, quantity, price)")
        return self._here.place(side, symbol, size, price, TimeInForce(tif), post_only, reduce_only, reason, asked)

    def __setattr__(self, name: str, value: object) -> None:
        context = self._context
        if context is None or context.starting or name == "state":
            object.__setattr__(self, name, value)
            return
        raise AttributeError(
            f"self.{name} would not survive a restart: declare it in {type(self).__name__}.State and say "
            f"self.state.{name}, or set it in on_start when it can be made anew there"
        )


class History:
    """Finished bars, oldest first; `closes(20)`, or with several instruments `closes("AAPL", 20)`."""

    __slots__ = ("_context",)

    def __init__(self, context: StrategyContext) -> None:
        self._context = context

    def bars(self, instrument: str | int | None = None, count: int | None = None) -> Sequence[Bar]:
        """The last `count` bars (all without it), fewer when fewer exist. ValueError beyond the declared warm-up."""
        if isinstance(instrument, int):
            instrument, count = None, instrument
        bars = self._context.find(instrument).bars
        if count is None:
            return tuple(bars)
        if not 0 < count <= self._context.warmup:
            raise ValueError(
                f"{count} bars: history reaches back warmup = {self._context.warmup} bars, so that it is the same "
                "after a restart; declare a larger warmup"
            )
        return bars[-count:]

    def opens(self, instrument: str | int | None = None, count: int | None = None) -> list[float]:
        return [bar.open for bar in self.bars(instrument, count)]

    def highs(self, instrument: str | int | None = None, count: int | None = None) -> list[float]:
        return [bar.high for bar in self.bars(instrument, count)]

    def lows(self, instrument: str | int | None = None, count: int | None = None) -> list[float]:
        return [bar.low for bar in self.bars(instrument, count)]

    def closes(self, instrument: str | int | None = None, count: int | None = None) -> list[float]:
        return [bar.close for bar in self.bars(instrument, count)]

    def volumes(self, instrument: str | int | None = None, count: int | None = None) -> list[float]:
        return [bar.volume for bar in self.bars(instrument, count)]


class Position(float):
    """The position of the only instrument: a number that also answers to its name, `self.position("AAPL")`."""

    context: StrategyContext

    def __call__(self, instrument: str) -> float:
        return self.context.position(instrument)


class PositionsByInstrument:
    """The positions of several instruments: `self.position("AAPL")`; comparing it to a number is an error."""

    __slots__ = ("_context",)

    def __init__(self, context: StrategyContext) -> None:
        self._context = context

    def __call__(self, instrument: str) -> float:
        return self._context.position(instrument)

    __getitem__ = __call__

    def __repr__(self) -> str:
        return repr({symbol: self(symbol) for symbol in self._context.series})


def _asked(
    stop: Number | None, trail: Number | None, trigger: Watching | None, held: Holder | None, until: Until | None
) -> Asked | None:
    """None for a plain order, as nearly all are."""
    if stop is None and trail is None and trigger is None and held is None and until is None:
        return None
    return Asked(stop=stop, trail=trail, trigger=trigger, held=held, until=until)


def _addressed(instrument: str | Number | None, quantity: Number | None) -> tuple[str | None, Number]:
    if isinstance(instrument, str) or instrument is None:
        return instrument, _number(quantity)
    if quantity is not None:
        raise TypeError(f"the instrument comes first and is a string such as 'AAPL', not {instrument!r}")
    return None, instrument


def _number(quantity: Number | None) -> Number:
    if quantity is None:
        raise TypeError("a quantity is missing")
    return quantity


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} takes what buy() or sell() returned, not {value!r}")
    return value
