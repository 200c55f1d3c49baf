"""What is kept up to date order by order equals what is made from nothing, whatever was asked for and traded."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limit, limits
from tests.tools.venue_kit import USD, stock
from toolkit.domain.instruments import Currency
from toolkit.domain.ledger import Ledger
from toolkit.domain.positions import Interval
from toolkit.engine.messages import Valuation
from toolkit.engine.risk.portfolio import Portfolio, Worth
from toolkit.engine.risk.portfolio_exposure import Exposures

EUR = Currency(code="EUR", quantum=Decimal("0.01"))
INSTRUMENTS = (stock(), stock("MSFT", margin=Decimal("0.3")), stock("SAP", currency="EUR"), stock("EURUSD"))
SYMBOLS = ("AAPL", "MSFT", "SAP")
STRATEGIES = ("trend", "quoting")
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(-40, 40), st.integers(-30, 30)),
        st.tuples(st.just("quote"), st.integers(9_900, 10_100), st.integers(1, 60)),
        st.tuples(st.just("rate"), st.integers(80, 130), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("replace"), st.integers(0, 20), st.integers(1, 60)),
        st.tuples(st.just("target"), st.integers(-30, 30), st.just(0)),
        st.tuples(st.just("deaf"), st.booleans(), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 8), st.just(0)),
    ),
    min_size=1,
    max_size=30,
)
PLACES = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(STRATEGIES)), min_size=30, max_size=30)


def desk() -> Core:
    core = Core(
        rows=limits(limit("max_rate_age", "100000")),
        instruments=INSTRUMENTS,
        strategies=STRATEGIES,
        currencies=(USD, EUR),
        exchange_rates=(Valuation(asset="EUR", instrument="EURUSD"),),
    )
    core.quote(108, 110, symbol="EURUSD")
    return core


@given(MOVES, PLACES)
@settings(max_examples=60)
def test_exposures_are_what_the_ledger_says(moves: list[tuple[str, int, int]], places: list[tuple[str, str]]) -> None:
    core, asked = desk(), []
    for (what, first, second), (symbol, strategy) in zip(moves, places, strict=False):
        match what:
            case "order" if first:
                place = core.buy if first > 0 else core.sell
                asked.append((place(abs(first), 10_000 + second, symbol=symbol, strategy=strategy), strategy))
            case "quote":
                core.quote(first, first + 2, symbol=symbol, size=second)
            case "rate":
                core.quote(first, first + 2, symbol="EURUSD")
            case "cancel" | "replace" if first < len(asked):
                intent, owner = asked[first]
                if what == "cancel":
                    core.cancel(intent, owner)
                elif owner == "trend":
                    core.modify(intent, quantity=second)
            case "target":
                core.target(first, strategy)
            case "deaf":
                core.deaf = bool(first)
            case "wait":
                core.wait(first)
        assert_same(core)


def assert_same(core: Core) -> None:
    portfolio = core.engine._guard.portfolio
    for scope in ("", *STRATEGIES):
        assert portfolio.floor(scope) == floor_by_hand(core, scope), scope
    fresh = Portfolio(Ledger.from_bytes(core.ledger.to_bytes()))
    for scope in ("book:", "venue:paper", *STRATEGIES):
        kept = portfolio.now(scope)
        assert kept == fresh.now(scope), scope
        if not (held := portfolio.exposures.of(scope)).unpriced:
            assert kept == by_hand(core.ledger, scope), scope
            assert set(held.cells) == {symbol for symbol in SYMBOLS if interval(core.ledger, scope, symbol) != NONE}


def floor_by_hand(core: Core, scope: str) -> int:
    """The first result at which one of the two is broken, looked for from above."""
    standing, bounds = core.ledger.standing, core.engine._guard.portfolio.loss_bounds(scope)
    assert bounds.daily is not None
    assert bounds.drawdown is not None
    return max(
        standing.opening.get(scope, 0) - bounds.daily.value, standing.high_water.get(scope, 0) - bounds.drawdown.value
    )


NONE = Interval(low=0, high=0)


def interval(ledger: Ledger, scope: str, symbol: str) -> Interval:
    return ledger.account_interval(symbol) if ":" in scope else ledger.interval(scope, symbol)


def by_hand(ledger: Ledger, scope: str) -> Worth:
    gross = up = down = margin = 0
    for symbol in SYMBOLS:
        instrument, lots = ledger.instruments.require(symbol), interval(ledger, scope, symbol)
        if lots == NONE:
            continue
        rate = ledger.rates["EUR"] if instrument.currency == "EUR" else Decimal(1)
        unit = int((ledger.marks[symbol].twice * instrument.tick_value * rate).to_integral_value())
        gross += lots.largest * unit
        margin += lots.largest * int((unit * (instrument.margin or Decimal(1))).to_integral_value())
        up, down = up + lots.high * unit, down - lots.low * unit
    return Worth(gross, max(up, down), margin)


def test_an_event_that_nobody_thought_of_makes_everything_anew() -> None:
    core = desk()
    core.buy(5)
    exposures = core.engine._guard.portfolio.exposures
    exposures.refresh()

    class Unheard:
        """An event of a later version."""

    exposures.note(Unheard())
    exposures.scopes.clear()
    exposures.refresh()
    assert exposures.of("trend").gross == gross_from_nothing(core.ledger)


def gross_from_nothing(ledger: Ledger) -> int:
    made = Exposures(ledger)
    made.refresh()
    return made.of("trend").gross
