"""Stops, dates and brackets as strategies ask for them: exact in ticks and instants, or refused with the mend."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.toolkit.engine.strategy_kit import Feed, order, started
from toolkit.domain.intents import Intent, MalformedIntent, ModifyIntent, PlaceOrder
from toolkit.domain.orders import Bracket, HeldAt, OrderType, Side, Terms, TimeInForce, Trigger
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_market import OrderView


class Asking(Strategy):
    """Asks for one thing with the first quote."""

    what: str = "buy"
    arguments: Any = ()
    words: Any = ()

    def on_quote(self, quote: object) -> None:
        getattr(self, self.what)(*self.arguments, **dict(self.words))


def asked(what: str, *arguments: Any, **words: Any) -> Intent:
    """The intent that such a call makes at second 1 of the feed."""
    container = started(Asking, what=what, arguments=arguments, words=tuple(words.items()))
    (step,) = Feed().session(10_000)[1:2]
    container.process((), Feed().step())
    return container.process((), step).intents[0]


def placed(what: str, *arguments: Any, **words: Any) -> PlaceOrder:
    intent = asked(what, *arguments, **words)
    assert isinstance(intent, PlaceOrder), intent
    return intent


def problem(what: str, *arguments: Any, **words: Any) -> str:
    intent = asked(what, *arguments, **words)
    assert isinstance(intent, MalformedIntent), intent
    return intent.problem


def test_a_plain_order_has_no_terms() -> None:
    assert placed("buy", 10, 99.5).terms is None


@pytest.mark.parametrize(
    ("price", "words", "kind", "terms"),
    [
        (None, {"stop": 99.5}, OrderType.STOP, Terms(stop=9_950)),
        (99.4, {"stop": 99.5}, OrderType.STOP_LIMIT, Terms(stop=9_950)),
        (None, {"trail": 0.5}, OrderType.TRAILING_STOP, Terms(offset=50)),
        (
            None,
            {"trail": 0.5, "stop": 99, "trigger": "last", "held": "engine"},
            OrderType.TRAILING_STOP,
            Terms(stop=9_900, offset=50, trigger=Trigger.LAST, held_at=HeldAt.ENGINE),
        ),
    ],
)
def test_a_stop_is_what_its_words_make_of_it(
    price: float | None, words: dict[str, Any], kind: OrderType, terms: Terms
) -> None:
    intent = placed("sell", 10, price, **words)
    assert (intent.order_type, intent.terms) == (kind, terms)


def test_a_date_is_an_instant_or_so_many_seconds_from_now() -> None:
    at = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    by_instant, by_seconds = (placed("buy", 10, 99.5, tif="gtd", until=until) for until in (at, 58))
    assert by_instant.terms == Terms(expires=FeedTime(60 * NANOSECONDS)) == by_seconds.terms
    assert by_instant.time_in_force is TimeInForce.GTD


def test_a_bracket_is_one_order_with_what_protects_it() -> None:
    intent = placed("bracket", "sell", 10, stop=101, target=98.5, stop_limit=101.5, held="venue")
    assert (intent.side, intent.order_type) == (Side.SELL, OrderType.MARKET)
    assert intent.terms == Terms(bracket=Bracket(stop=10_100, limit=10_150, target=9_850, held_at=HeldAt.VENUE))


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        ({"stop": 99.505}, "stop 99.505 is not a multiple of the tick 0.01"),
        ({"trail": 0.005}, "trail 0.005 is not a multiple of the tick 0.01; the instrument's .price(0.005) rounds to"),
        ({"trail": -1}, "trail is -1; give a number above 0"),
        ({"stop": float("nan")}, "stop is nan; give a finite number"),
        ({"held": "engine"}, "give stop or trail as well"),
        ({"tif": "gtd"}, "tif 'gtd' and until belong together"),
        ({"until": 5}, "tif 'gtd' and until belong together"),
        ({"until": -5, "tif": "gtd"}, "give a number above 0"),
        ({"until": datetime.fromisoformat("2026-01-01"), "tif": "gtd"}, "has no time zone"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_mend(words: dict[str, Any], mend: str) -> None:
    assert mend in problem("sell", 10, **words)


@pytest.mark.parametrize(
    ("what", "arguments", "words", "names"),
    [
        ("sell", (10,), {"stop": 99, "trigger": "mid"}, "last, bid, ask"),
        ("sell", (10,), {"stop": 99, "held": "home"}, "venue, engine"),
        ("bracket", ("long", 10), {"stop": 99}, "'buy' or 'sell'"),
    ],
)
def test_a_slip_of_the_pen_is_an_error_that_names_the_choices(
    what: str, arguments: tuple[Any, ...], words: dict[str, Any], names: str
) -> None:
    with pytest.raises(ValueError, match=names):
        asked(what, *arguments, **words)


def test_a_stop_is_moved_by_modify() -> None:
    container = started(Asking, what="modify", arguments=("1.0.0",), words=(("stop", 98.5),))
    feed = Feed()
    container.process([(1, order("1.0.0", terms=Terms(stop=9_900, held_at=HeldAt.VENUE)))], feed.step())
    (_, quoted, _) = feed.session(10_000)
    (intent,) = container.process((), quoted).intents
    assert intent == ModifyIntent(intent_id=intent.intent_id, target="1.0.0", stop=9_850)


def test_an_order_says_where_its_stop_stands_and_where_it_waits() -> None:
    seen: list[OrderView] = []

    class Listening(Strategy):
        def on_order(self, order: OrderView) -> None:
            seen.append(order)

    container = started(Listening)
    container.process([(1, order("1.0.0", price=None, terms=Terms(stop=9_900, held_at=HeldAt.ENGINE)))], Feed().step())
    assert (seen[0].stop, seen[0].held) == (99.0, "engine")
