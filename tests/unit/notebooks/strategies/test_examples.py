"""The example strategies: short, with a docstring, and doing what it says on made-up sessions."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.toolkit.engine.strategy_kit import Feed, instrument, nothing, order, quote, run, started
from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.inbox import FillBooked, InboxItem
from toolkit.domain.instruments import Instrument
from toolkit.domain.intents import CancelIntent, Intent, ModifyIntent, PlaceOrder, TargetPosition
from toolkit.domain.orders import Side, Status, TimeInForce
from toolkit.domain.time import FeedTime
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer

EXAMPLES = {"trend": "Trend", "mean_reversion": "MeanReversion", "quoting": "Quoting"}
INSTRUMENTS: Mapping[str, Instrument] = {"AAPL": instrument("AAPL"), "MSFT": instrument("MSFT")}


@pytest.fixture
def examples(repository: Path) -> Mapping[str, type[Strategy]]:
    found = {}
    for name, class_name in EXAMPLES.items():
        path = repository / "notebooks" / "strategies" / f"{name}.py"
        specification = importlib.util.spec_from_file_location(f"example_{name}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        found[name] = getattr(module, class_name)
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_a_model_of_style(repository: Path, examples: Mapping[str, type[Strategy]], name: str) -> None:
    text = (repository / "notebooks" / "strategies" / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 60
    assert examples[name].__doc__
    started(examples[name], INSTRUMENTS)


def daily(
    strategy: type[Strategy], closes: list[int], **parameters: object
) -> tuple[StrategyContainer, list[RunnerAnswer]]:
    """A container after sessions that closed so, and its answers."""
    container, feed = started(strategy, INSTRUMENTS, nothing(capital=100_000_00), **parameters), Feed()
    answers = []
    for close in closes:
        answers += run(container, feed.session(close - 10, close, symbols=tuple(INSTRUMENTS)))
    return container, answers


def intents(answers: list[RunnerAnswer]) -> list[Intent]:
    return [intent for answer in answers for intent in answer.intents]


class TestTrend:
    def test_it_buys_at_the_open_after_the_averages_cross(self, examples: Mapping[str, type[Strategy]]) -> None:
        closes = [10000, 9900, 9800, 10100]
        _, answers = daily(examples["trend"], [*closes, 10100], fast=1, slow=3)
        assert not intents(answers[:16])
        at_open = answers[17]
        assert [(i.instrument, i.quantity) for i in at_open.intents if isinstance(i, TargetPosition)] == [
            ("AAPL", 445),
            ("MSFT", 445),  # 90 % of 100,000 over two instruments at 101.00, rounded down
        ]
        assert [signal.reason for signal in at_open.signals] == ["rises", "rises"]
        assert len(intents(answers)) == 2

    def test_it_leaves_when_the_rise_ends(self, examples: Mapping[str, type[Strategy]]) -> None:
        container, feed = started(examples["trend"], INSTRUMENTS, fast=1, slow=3), Feed()
        fills: list[tuple[int, InboxItem]] = [(1, filled("AAPL", 445))]
        container.process(fills, feed.step())
        for close in (10000, 10100, 10050):
            run(container, feed.session(close))
        (target,) = intents(run(container, feed.session(10040)))
        assert (target.instrument, target.quantity) == ("AAPL", 0)


class TestMeanReversion:
    @pytest.mark.parametrize(("last", "sign"), [(9000, 1), (11000, -1)])
    def test_it_takes_the_other_side_of_a_stretch(
        self, examples: Mapping[str, type[Strategy]], last: int, sign: int
    ) -> None:
        _, answers = daily(examples["mean_reversion"], [10000, 10010, 9990, 10000, last, last], window=5)
        targets = intents(answers)
        assert {target.instrument for target in targets} == {"AAPL", "MSFT"}
        assert all(target.quantity * sign > 0 for target in targets)
        assert all(isinstance(target, TargetPosition) for target in targets)

    def test_it_leaves_when_the_price_is_back(self, examples: Mapping[str, type[Strategy]]) -> None:
        container, feed = started(examples["mean_reversion"], INSTRUMENTS, window=5), Feed()
        container.process([(1, filled("AAPL", 400))], feed.step())
        for close in (10000, 10010, 9990, 9000, 9900):
            run(container, feed.session(close))
        (target,) = intents(run(container, feed.session(9900)))
        assert (target.instrument, target.quantity) == ("AAPL", 0)

    def test_a_flat_price_says_nothing(self, examples: Mapping[str, type[Strategy]]) -> None:
        _, answers = daily(examples["mean_reversion"], [10000] * 8, window=5)
        assert intents(answers) == []


class TestQuoting:
    def quoting(self, examples: Mapping[str, type[Strategy]], *items: InboxItem, bid: int = 9999) -> tuple[Intent, ...]:
        """What it does at a quote of 99.99 to 100.01 after some news."""
        container, feed = started(examples["quoting"], INSTRUMENTS), Feed()
        return container.process(list(enumerate(items, 1)), feed.step(quote(bid, bid + 2))).intents

    def test_it_rests_a_bid_and_an_offer_around_the_market(self, examples: Mapping[str, type[Strategy]]) -> None:
        bid, offer = self.quoting(examples)
        assert isinstance(bid, PlaceOrder)
        assert isinstance(offer, PlaceOrder)
        assert (bid.side, bid.quantity, bid.price) == (Side.BUY, 50, 9940)
        assert (offer.side, offer.quantity, offer.price) == (Side.SELL, 50, 10060)
        assert bid.post_only
        assert offer.time_in_force is TimeInForce.DAY

    def test_what_it_holds_pushes_both_prices(self, examples: Mapping[str, type[Strategy]]) -> None:
        bid, offer = self.quoting(examples, filled("AAPL", 100))
        assert isinstance(bid, PlaceOrder)
        assert isinstance(offer, PlaceOrder)
        assert (bid.price, offer.price) == (9910, 10030)

    def test_a_full_inventory_quotes_one_side_only(self, examples: Mapping[str, type[Strategy]]) -> None:
        (offer,) = self.quoting(examples, filled("AAPL", 200))
        assert isinstance(offer, PlaceOrder)
        assert offer.side is Side.SELL

    def working(self, **changes: object) -> list[InboxItem]:
        return [
            order("b", quantity=50, price=9940, **changes),
            order("s", side=Side.SELL, quantity=50, price=10060, **changes),
        ]

    def test_it_leaves_alone_what_is_near_enough(self, examples: Mapping[str, type[Strategy]]) -> None:
        assert self.quoting(examples, *self.working(), bid=10003) == ()

    def test_it_moves_what_is_not(self, examples: Mapping[str, type[Strategy]]) -> None:
        moved = self.quoting(examples, *self.working(), bid=10099)
        assert moved == (
            ModifyIntent(intent_id="1.2.0", target="b", price=10039),
            ModifyIntent(intent_id="1.2.1", target="s", price=10161),
        )

    def test_it_waits_for_what_is_on_its_way(self, examples: Mapping[str, type[Strategy]]) -> None:
        assert self.quoting(examples, *self.working(status=Status.PENDING_REPLACE), bid=10099) == ()

    def test_it_takes_down_what_could_break_the_limit(self, examples: Mapping[str, type[Strategy]]) -> None:
        intents = self.quoting(examples, *self.working(), filled("AAPL", 160))
        assert intents[0] == CancelIntent(intent_id="1.3.0", target="b")

    @pytest.mark.parametrize("bad", [quote(0, 10001), quote(9999, 0), quote(10001, 10001), quote(10002, 10001)])
    def test_without_a_market_it_stays_away(self, examples: Mapping[str, type[Strategy]], bad: object) -> None:
        container = started(examples["quoting"], INSTRUMENTS)
        assert container.process((), Feed().step(bad)).intents == ()


def filled(symbol: str, position: int) -> FillBooked:
    return FillBooked(
        order_id="DSK-1",
        intent_id="1.0.0",
        instrument=symbol,
        side=Side.BUY,
        quantity=position,
        price=10000,
        fee=0,
        fee_asset="USD",
        position=position,
        time=FeedTime(0),
    )
