"""What tests of strategies share: two instruments, a numbered feed in the making, a started container."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.inbox import FillBooked, OrderChanged, Restored
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.market import MarketEvent, Quote, SessionClosed, SessionOpened, Step
from toolkit.domain.orders import Doubt, Side, Status
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer

USD = Currency(code="USD", quantum=Decimal("0.01"))


def instrument(symbol: str, lot: str = "1", currency: Currency = USD) -> Instrument:
    return describe(
        symbol=symbol, tick=Decimal("0.01"), lot=Decimal(lot), currency=currency, calendar="XNYS", venue="paper"
    )


AAPL, MSFT = instrument("AAPL"), instrument("MSFT")
ONE: Mapping[str, Instrument] = {"AAPL": AAPL}
TWO: Mapping[str, Instrument] = {"AAPL": AAPL, "MSFT": MSFT}


def quote(bid: int, ask: int, symbol: str = "AAPL") -> Quote:
    return Quote(instrument=symbol, bid=bid, ask=ask, bid_size=5, ask_size=7)


class Feed:
    """Numbers steps and gives them times in seconds."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def step(self, *events: MarketEvent, at: float | None = None) -> Step:
        number = len(self.steps) + 1
        seconds = number if at is None else at
        made = Step(number=number, time=FeedTime(round(seconds * NANOSECONDS)), label="test", events=events)
        self.steps.append(made)
        return made

    def session(self, *mids: int, symbols: Iterable[str] = ("AAPL",)) -> list[Step]:
        """One daily session: opened, a quote two ticks wide around each mid, closed."""
        begin = len(self.steps)
        self.step(SessionOpened(calendar="XNYS", session="2026-01-05"))
        for mid in mids:
            self.step(*(quote(mid - 1, mid + 1, symbol) for symbol in symbols))
        self.step(SessionClosed(calendar="XNYS", session="2026-01-05"))
        return self.steps[begin:]

    def opening(self, mid: int, symbols: Iterable[str] = ("AAPL",)) -> list[Step]:
        """The begin of a daily session: opened, and the first quote, with which the last session's bar is told."""
        begin = len(self.steps)
        self.step(SessionOpened(calendar="XNYS", session="2026-01-06"))
        self.step(*(quote(mid - 1, mid + 1, symbol) for symbol in symbols))
        return self.steps[begin:]


def nothing(step: int = 0, **changes: object) -> Restored:
    values: dict[str, object] = {
        "incarnation": 1,
        "step": step,
        "inbox": 0,
        "state": None,
        "capital": 10_000_00,
        "base_currency": "USD",
        "positions": (),
        "orders": (),
        **changes,
    }
    return Restored(**values)


def started(
    strategy: type[Strategy],
    instruments: Mapping[str, Instrument] = ONE,
    restored: Restored | None = None,
    history: Iterable[Step] = (),
    **parameters: object,
) -> StrategyContainer:
    container = StrategyContainer(strategy, parameters, instruments, USD, name="test")
    container.restore(restored or nothing(), history)
    return container


def run(container: StrategyContainer, steps: Iterable[Step]) -> list[RunnerAnswer]:
    return [container.process((), step) for step in steps]


def order(intent_id: str, status: Status = Status.NEW, **changes: object) -> OrderChanged:
    values: dict[str, object] = {
        "order_id": f"DSK-{intent_id}",
        "intent_id": intent_id,
        "instrument": "AAPL",
        "side": Side.BUY,
        "quantity": 10,
        "filled": 0,
        "price": 10000,
        "status": status,
        "doubt": Doubt.NONE,
        **changes,
    }
    return OrderChanged(**values)


def fill(position: int, quantity: int = 10, side: Side = Side.BUY, symbol: str = "AAPL") -> FillBooked:
    return FillBooked(
        order_id="DSK-1",
        intent_id="1.0.0",
        instrument=symbol,
        side=side,
        quantity=quantity,
        price=10123,
        fee=35,
        fee_asset="USD",
        position=position,
        time=FeedTime(0),
    )
