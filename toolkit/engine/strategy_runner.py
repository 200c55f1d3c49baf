"""The Strategy Runner: a strategy as a pure function of what it was restored with, its feed and its inbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.inbox import CapitalChanged, FillBooked, InboxItem, OrderChanged, PositionChanged, Restored
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.market import Bar as FeedBar
from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, SessionOpened, Step, Trade
from toolkit.domain.orders import FINAL, Doubt, Status
from toolkit.engine import strategy_market as seen
from toolkit.engine.bars import BAR_PRICES, NEVER, SESSION, BarFold, FinishedBar, bar_size
from toolkit.engine.late_bars import LateBars
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_context import Series, StrategyContext, quote_view
from toolkit.engine.strategy_parameters import new_state, parameter_values
from toolkit.engine.strategy_state import StateKeeper


class StrategyContainer:
    """Runs one strategy.

    `instruments` are those that it trades, in the order in which bars that end together are delivered; `name` goes
    into the answers. First `restore`, then `process` with every input in order. ConfigError when the class, a parameter
    or the restored state does not fit; DomainError when a step is out of order or the state is too large. What a hook
    raises goes through unchanged.
    """

    def __init__(
        self,
        strategy_class: type[Strategy],
        parameters: Mapping[str, object],
        instruments: Mapping[str, Instrument],
        base_currency: Currency,
        *,
        name: str | None = None,
    ) -> None:
        self.name = name or strategy_class.__name__.lower()
        if not instruments:
            raise ConfigError(f"{self.name}: no instruments; declare them in the class or in the configuration")
        self.strategy = _instance(strategy_class, parameters)
        self._size = bar_size(self.strategy.bar)
        self._context = StrategyContext(
            {symbol: self._series(definition) for symbol, definition in instruments.items()},
            base_currency,
            _warmup(self.strategy),
        )
        self._bind(strategy_class)
        self._due = NEVER
        self._live = self._started = self._called = self._hold = False
        self._held: dict[str, Series] = {}  # whose newest quote was held back
        self._waiting: list[InboxItem] = []
        self._keeper = StateKeeper(self.name, strategy_class.State)
        self.strategy.state = new_state(strategy_class)
        self._kept = self._keeper.pack(self.strategy.state, {})

    # ------------------------------------------------------------ inputs

    def restore(self, restored: Restored, history: Iterable[Step] = ()) -> None:
        """Take what survived and fill bars and history from the feed up to `restored.step`; no hook is called."""
        self.take_back(restored)
        self.warm_up(history)
        self.go_live()

    def take_back(self, restored: Restored) -> None:
        """The first part of `restore`, for a host that reads the history in pieces."""
        context = self._context
        if restored.base_currency != context.base:
            raise ConfigError(f"{self.name}: the book is kept in {restored.base_currency}, not in {context.base}")
        self._restored = restored
        context.capital_quanta = restored.capital
        context.positions.update((symbol, lots) for symbol, lots in restored.positions if symbol in context.positions)
        for order in restored.orders:
            self._keep_order(order)
        if restored.state is not None:
            self._keep(restored.state)

    def warm_up(self, history: Iterable[Step]) -> None:
        """The next piece of the feed's history; steps after the restored one are left alone."""
        for step in history:
            if step.number > self._restored.step:
                break
            self._see(step)

    def go_live(self) -> None:
        """The last part of `restore`: from here on hooks are called."""
        context, restored = self._context, self._restored
        if context.step != restored.step:  # the feed kept less than that: what is missing counts as lost
            self._lose("")
            context.step = restored.step
        context.inbox = restored.inbox
        self._live = True

    def pass_over(self, steps: Iterable[Step]) -> None:
        """Steps that the strategy is not asked about: they fill bars and history, no hook is called."""
        started, self._started, self._live = self._started, False, False
        for step in steps:
            self._see(step)
        self._started, self._live = started, True

    def process(self, items: Sequence[tuple[int, InboxItem]], step: Step | None, *, hold: bool = False) -> RunnerAnswer:
        """Deliver inbox items (number, item), then a step of the feed, and collect what the strategy says to them.

        With `hold` the strategy is not asked about quotes: bars are built of all of them, and the first call without
        it tells the newest of each instrument. Nothing else is held back.
        """
        context = self._context
        self._hold = hold
        for number, item in items:
            if number != context.inbox + 1:
                raise DomainError(f"{self.name}: inbox item {number} came after item {context.inbox}")
            context.inbox = number
            if self._live and not self._started and context.time:
                self._start_when_warm()  # news of a restart is taken as of the step before it, as without one
            if self._started:
                self._take(item)
            else:
                self._waiting.append(item)
        if step is not None:
            self._see(step)
        if self._held and not hold:
            self._tell_held()
        if self._called:
            return self._answer()
        return RunnerAnswer(strategy=self.name, step=context.step, inbox=context.inbox)

    def stop(self) -> tuple[str, ...]:
        """Call on_stop and return its last words. Nothing else of it counts."""
        self._context.silent = True
        if self._started and "on_stop" in self._hooks:
            self.strategy.on_stop()
        return self._context.take_logs()

    @property
    def hears_quotes(self) -> bool:
        """Whether the strategy is asked about quotes at all."""
        return self._on_quote

    @property
    def step(self) -> int:
        """Number of the last step seen."""
        return self._context.step

    @property
    def inbox(self) -> int:
        """Number of the last inbox item taken."""
        return self._context.inbox

    # ------------------------------------------------------------ the feed

    def _see(self, step: Step) -> None:
        context, time = self._context, int(step.time)
        self._begin_step(context, step, time)
        find, builds, tells = context.series.get, self._builds, self._on_quote and self._started
        on_quote = self.strategy.on_quote
        for event in step.events:
            if type(event) is not Quote:
                self._see_rarely(event, time)
                tells = self._on_quote and self._started  # a session's last bar may be what it waited for
            elif (one := find(event.instrument)) is not None:
                one.quote, one.quote_time = event, time
                # A crossed quote is no price.
                if builds and (fold := one.fold).takes == "mid" and 0 < event.bid <= event.ask:
                    fold.add(event.bid + event.ask, time)
                    if fold.due < self._due:
                        self._due = fold.due
                if tells and one.was_warm:
                    if self._hold:
                        self._held[event.instrument] = one
                        continue
                    self._called = True
                    on_quote(quote_view(event, one.view, time))
                    if self._held:
                        self._held.pop(event.instrument, None)
        if context.timers and self._started:
            self._call_timers(time)

    def _begin_step(self, context: StrategyContext, step: Step, time: int) -> None:
        """What has to happen before anything of a step is looked at."""
        number = step.number
        if number != context.step + 1:
            self._jump(number)
        context.step, context.time = number, time
        if self._live and not self._started:
            self._start_when_warm()
        if time >= self._due:
            self._finish(time, [one for one in self._all if one.fold.due <= time])
        if self._late.waiting:
            self._tell_late(step, time)

    def _tell_held(self) -> None:
        """What was held back, the newest quote of each instrument, in the order in which the first ones came."""
        held, self._held = self._held, {}
        for one in held.values():
            if one.quote is not None:
                self._called = True
                self.strategy.on_quote(quote_view(one.quote, one.view, one.quote_time))

    def _see_rarely(self, event: MarketEvent, time: int) -> None:
        match event:
            case Trade():
                self._see_trade(event, time)
            case FeedBar():
                self._see_bar(event, time)
            case SessionOpened():
                for one in self._of(event.calendar):
                    if self._size == SESSION:
                        one.fold.begin_whole()
            case SessionClosed():
                self._late.close(event.calendar)
                if self._builds:
                    self._finish(time, self._of(event.calendar))
            case FeedGap():
                if not event.instrument or event.instrument in self._context.series:
                    self._lose(event.instrument)

    def _see_trade(self, trade: Trade, time: int) -> None:
        one = self._context.series.get(trade.instrument)
        if one is None:
            return
        if self._builds:
            if one.fold.takes == "trade":
                one.fold.add(2 * trade.price, time)
            if not one.fold.uses_feed_bars:
                one.fold.add_volume(trade.size)
            self._due = min(self._due, one.fold.due)
        if self._on_trade and one.was_warm and self._started:
            self._called = True
            self.strategy.on_trade(
                seen.Trade(
                    instrument=trade.instrument,
                    price=one.view.price_of(trade.price),
                    size=one.view.quantity_of(trade.size),
                    nanoseconds=time,
                )
            )

    def _see_bar(self, bar: FeedBar, time: int) -> None:
        one = self._context.series.get(bar.instrument)
        if one is None or not self._builds:
            return
        one.fold.add_bar(bar, time)
        if self._size and time >= one.fold.end_of_interval():
            self._finish(time, [one])
        self._due = min(self._due, one.fold.due)

    def _finish(self, time: int, finished: Iterable[Series]) -> None:
        """End bars; all are in the history before a hook sees the first. Those of a session wait for the next."""
        bars = []
        for one in finished:
            end = one.fold.end_of_interval() if self._size else time
            if (done := one.fold.finish(min(end, time))) is not None:
                bar = self._remember(one, done)
                if self._size == SESSION and one.quote is not None:
                    self._late.keep(bar)
                else:
                    bars.append((one, bar))
        self._due = min(one.fold.due for one in self._all)
        if not self._live or not bars:
            return
        if not self._started:
            self._start_when_warm()
        for one, bar in bars:
            self._tell(one, bar)

    def _tell_late(self, step: Step, time: int) -> None:
        """Tell the bars of the last session to those that can act on them, with the step's quotes in view."""
        told = self._late.take(step)
        if not told:
            return
        series = self._context.series
        for event in step.events:
            if type(event) is Quote and event.instrument in series:
                one = series[event.instrument]
                one.quote, one.quote_time = event, time
        for symbol, one in series.items():
            for bar in told.get(symbol, ()):
                self._tell(one, bar)

    def _tell(self, one: Series, bar: seen.Bar) -> None:
        if self._started and self._on_bar and one.was_warm:
            self._called = True
            self.strategy.on_bar(bar)

    def _remember(self, one: Series, done: FinishedBar) -> seen.Bar:
        price = one.view.price_of_halves
        bar = seen.Bar(
            instrument=one.view.symbol,
            open=price(done.open),
            high=price(done.high),
            low=price(done.low),
            close=price(done.close),
            volume=one.view.quantity_of(done.volume),
            start_nanoseconds=done.start,
            end_nanoseconds=done.end,
            whole=done.whole,
        )
        warmup = self._context.warmup
        if warmup:
            one.bars.append(bar)
            if len(one.bars) > warmup:
                del one.bars[0]
        one.fresh += done.whole
        one.was_warm = one.was_warm or one.fresh >= warmup
        return bar

    def _jump(self, number: int) -> None:
        last = self._context.step
        if number <= last:
            raise DomainError(f"{self.name}: step {number} came after step {last}")
        self._lose("")

    def _lose(self, instrument: str) -> None:
        """Data was lost: bars being built are not whole, and the warm-up counts anew."""
        lost = [self._context.series[instrument]] if instrument else self._all
        for one in lost:
            one.fold.lose()
            one.fresh = 0
            self._held.pop(one.view.symbol, None)
        if self._started and "on_gap" in self._hooks:
            self._called = True
            self.strategy.on_gap(instrument)

    # ------------------------------------------------------------ the inbox

    def _take(self, item: InboxItem) -> None:
        context = self._context
        match item:
            case OrderChanged():
                self._keep_order(item)
                if "on_order" in self._hooks and item.instrument in context.series:
                    self._called = True
                    self.strategy.on_order(seen.order_view(item, context.series[item.instrument].view))
            case FillBooked():
                if item.instrument not in context.series:
                    return
                context.positions[item.instrument] = item.position
                if "on_fill" in self._hooks:
                    self._called = True
                    view = context.series[item.instrument].view
                    self.strategy.on_fill(seen.fill_view(item, view, context.quanta.get(item.fee_asset)))
            case PositionChanged():
                if item.instrument in context.series:
                    context.positions[item.instrument] = item.position
            case CapitalChanged():
                context.capital_quanta = item.amount
                if "on_capital" in self._hooks:
                    self._called = True
                    self.strategy.on_capital(context.capital)
            case Restored():
                pass  # its number counts, its content was taken by `restore`

    def _keep_order(self, order: OrderChanged) -> None:
        """An order answers to a new id once it was replaced; its old one is told by intent and status.

        It keeps its place among the others, which is that of its birth: so it is after a restart.
        """
        context = self._context
        context.asked.pop(order.intent_id, None)
        if any(_is_replaced(one, order) for one in context.open.values()):
            context.open = {
                order.order_id if _is_replaced(one, order) else name: one for name, one in context.open.items()
            }
        if order.instrument in context.series and (order.status not in FINAL or order.doubt is not Doubt.NONE):
            context.open[order.order_id] = order
        else:
            context.open.pop(order.order_id, None)

    # ------------------------------------------------------------ hooks and what they leave behind

    def _start_when_warm(self) -> None:
        for one in self._all:
            one.was_warm = one.was_warm or one.fresh >= self._context.warmup
        if not any(one.was_warm for one in self._all):
            return
        self._started = True
        self._context.silent = False
        if "on_start" in self._hooks:
            self._called = True
            self._context.starting = True
            self.strategy.on_start()
            self._context.starting = False
        for item in self._waiting:
            self._take(item)
        self._waiting.clear()

    def _call_timers(self, time: int) -> None:
        timers = self._context.timers
        due = sorted((due, name) for name, due in timers.items() if due <= time)
        for _, name in due:
            timers.pop(name, None)
        for _, name in due:
            self._called = True
            self.strategy.on_timer(name)

    def _answer(self) -> RunnerAnswer:
        context = self._context
        self._called = False
        kept = self._keeper.pack(self.strategy.state, context.timers)
        changed = kept != self._kept
        if changed:
            self._keep(kept)
        elif not (context.signals or context.intents or context.logs):
            return RunnerAnswer(strategy=self.name, step=context.step, inbox=context.inbox)
        signals, intents = context.take_requests()
        return RunnerAnswer(
            strategy=self.name,
            step=context.step,
            inbox=context.inbox,
            signals=signals,
            intents=intents,
            state=kept if changed else None,
            logs=context.take_logs(),
        )

    def _keep(self, packed: bytes) -> None:
        """Take a kept state; after every change too, so that what cannot be read back is found before a crash."""
        self.strategy.state, self._context.timers = self._keeper.unpack(packed)
        self._kept = packed

    # ------------------------------------------------------------ building

    def _series(self, definition: Instrument) -> Series:
        price = self.strategy.bar_price
        if price not in BAR_PRICES:
            raise ConfigError(f"{self.name}: bar_price {price!r} is not known; give 'mid' or 'trade'")
        return Series(seen.InstrumentView(definition), BarFold(self._size, price))

    def _bind(self, strategy_class: type[Strategy]) -> None:
        context = self._context
        self._all = tuple(context.series.values())
        self._late = LateBars({symbol: one.view.definition.calendar for symbol, one in context.series.items()})
        self._hooks = _overridden(strategy_class)
        self._on_quote, self._on_trade = "on_quote" in self._hooks, "on_trade" in self._hooks
        self._on_bar = "on_bar" in self._hooks
        self._builds = self._on_bar or context.warmup > 0  # else nobody ever sees a bar
        views = MappingProxyType({symbol: one.view for symbol, one in context.series.items()})
        object.__setattr__(self.strategy, "instruments", views)
        object.__setattr__(self.strategy, "_context", context)

    def _of(self, calendar: str) -> list[Series]:
        return [one for one in self._all if one.view.definition.calendar == calendar]


def _instance(strategy_class: type[Strategy], parameters: Mapping[str, object]) -> Strategy:
    values = parameter_values(strategy_class, parameters)
    strategy = strategy_class()
    for name, value in values.items():
        setattr(strategy, name, value)
    return strategy


def _warmup(strategy: Strategy) -> int:
    warmup = strategy.warmup
    if type(warmup) is not int or warmup < 0:
        raise ConfigError(f"{type(strategy).__name__}.warmup is {warmup!r}; give a number of bars, 0 or more")
    return warmup


def _overridden(strategy_class: type[Strategy]) -> frozenset[str]:
    base = vars(Strategy)
    return frozenset(
        name for name in base if name.startswith("on_") and getattr(strategy_class, name) is not base[name]
    )


def _is_replaced(known: OrderChanged, order: OrderChanged) -> bool:
    """Whether it answers to the new order's id from here on; one whose cancel is under way as well goes on to end."""
    was_asked_for = known.status is Status.PENDING_REPLACE or known.status is order.status is Status.PENDING_CANCEL
    return was_asked_for and known.intent_id == order.intent_id and known.order_id != order.order_id
