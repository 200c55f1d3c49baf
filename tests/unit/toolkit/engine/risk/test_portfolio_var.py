"""Control 12: value at risk of the book after the order, equal to what numpy says and kept up to date incrementally."""

import itertools
import random
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from tests.tools.core_kit import Core, limit, limits, without
from tests.tools.venue_kit import stock
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow
from toolkit.domain.market import Quote, SessionClosed, SessionOpened
from toolkit.engine.risk.controls import LIMIT_NOT_SET
from toolkit.engine.risk.portfolio_var import BookRisk

SYMBOLS = ("AAPL", "MSFT", "IBM")
DAY = limit("var_horizon", "86400")


def desk(*rows: LimitRow, off: tuple[int, ...] = (), minutes: int = 40, seed: int = 7, **book: str | None) -> Core:
    """Three instruments around 100 after some minutes; MSFT moves with AAPL, IBM on its own."""
    core = Core(
        rows=limits(DAY, *rows, **book),
        instruments=tuple(stock(symbol) for symbol in SYMBOLS),
        strategies=("trend", "quoting"),
        controls=without(*off),
    )
    draw, logs = random.Random(seed), dict.fromkeys(SYMBOLS, 0.0)
    for _ in range(minutes):
        common = draw.gauss(0, 0.001)
        logs["AAPL"] += common
        logs["MSFT"] += common + draw.gauss(0, 0.0003)
        logs["IBM"] += draw.gauss(0, 0.001)
        quotes(core, *(round(20_000 * np.exp(logs[symbol])) for symbol in SYMBOLS))
    return core


def quotes(core: Core, *twice: int) -> None:
    core.feed(*(
        Quote(instrument=symbol, bid=each // 2 - 1, ask=each - each // 2 + 1, bid_size=10_000, ask_size=10_000)
        for symbol, each in zip(SYMBOLS, twice, strict=True)
    ), seconds=60)  # fmt: skip


def worth(core: Core, symbol: str) -> float:
    """Of one lot at its mark, in dollars; at its quote where it was never marked."""
    mark = core.ledger.marks.get(symbol)
    quote = core.engine.view.quotes[symbol].quote
    return (mark.twice if mark is not None else quote.bid + quote.ask) / 200


def independent(core: Core, lots: dict[str, float], confidence: float = 0.99, horizon: float = 86_400) -> float:
    """Parametric VaR of these lots by matrices, from the models' volatility and correlation."""
    models = core.engine.view.models
    values = np.array([lots.get(symbol, 0) * worth(core, symbol) for symbol in SYMBOLS])
    spreads = np.array([models.volatility(symbol) for symbol in SYMBOLS])
    together = np.array([[models.correlation(one, other) for other in SYMBOLS] for one in SYMBOLS])
    covariance = np.outer(spreads, spreads) * together
    return float(norm.ppf(confidence) * np.sqrt(horizon * values @ covariance @ values))


def recorded(core: Core) -> int:
    """What the last order's event says of its VaR, in cents."""
    checks = core.of(ev.OrderSubmitted)[-1].checks
    return next(check.observed for check in checks if check.control == 12)


@pytest.mark.proves(12, "legal")
def test_the_recorded_figure_is_that_of_an_independent_computation() -> None:
    core = desk(max_var="1000000")
    held: dict[str, float] = {}
    for symbol, quantity in (("AAPL", 100), ("MSFT", -80), ("IBM", 50), ("AAPL", 30)):
        (core.buy if quantity > 0 else core.sell)(abs(quantity), symbol=symbol)
        held[symbol] = held.get(symbol, 0) + quantity
        assert recorded(core) == pytest.approx(100 * independent(core, held), abs=1)


@pytest.mark.proves(12, "edge")
@pytest.mark.proves(12, "breach")
def test_the_edge_passes_and_one_lot_more_does_not() -> None:
    probe = desk(max_var="1000000")
    probe.buy(100)
    most = recorded(probe) / 100 + 0.01
    core, unguarded = desk(max_var=f"{most:.2f}"), desk(off=(12,), max_var=f"{most:.2f}")
    for each in (core, unguarded):
        each.buy(101)
        each.buy(100)
    assert [order.quantity for order in core.orders_received()] == [100]
    assert [order.quantity for order in unguarded.orders_received()] == [101, 100]
    denial = core.denial()
    assert (denial.control, denial.would_pass) == (12, "100 would")
    assert denial.limit == f"{most:,.2f} USD at 0.99 over 86400 s"
    assert denial.observed.startswith("VaR of the book ")


def test_a_hedge_passes_where_a_bet_is_denied() -> None:
    core = desk(max_var="1000000")
    core.buy(100)
    core.limit(limits(DAY, max_var=f"{recorded(core) / 200:.2f}"))
    core.buy(10, symbol="MSFT")
    assert core.denial().control == 12
    core.sell(10, symbol="MSFT")
    core.sell(10, symbol="IBM")
    assert core.denial().instrument == "IBM"
    assert [(order.instrument, int(order.side)) for order in core.orders_received()] == [("AAPL", 1), ("MSFT", -1)]


def test_an_exit_is_no_matter_of_it() -> None:
    core = desk(max_var="1000000")
    core.buy(100)
    core.limit(limits(DAY, max_var="1"))
    core.sell(100)
    assert core.held() == 0


@pytest.mark.proves(12, "unset")
@pytest.mark.parametrize("off", [(), (4,)], ids=["", "with control 4 off"])
def test_not_set_denies(off: tuple[int, ...]) -> None:
    core = desk(off=off, max_var=None)
    core.buy(1)
    assert core.orders_received() == []
    assert core.denial().limit == LIMIT_NOT_SET
    assert core.denial().observed == "max_var"


def test_a_person_may_say_that_there_is_no_limit() -> None:
    core = desk(max_var="*")
    core.buy(10_000)
    assert len(core.orders_received()) == 1


def test_without_a_volatility_nothing_enters() -> None:
    core = desk(minutes=1, max_var="1000000")
    core.buy(1)
    assert core.orders_received() == []
    assert core.denial().observed == "no volatility of AAPL yet"


def test_two_strategies_share_the_book() -> None:
    probe = desk(max_var="1000000")
    probe.buy(100)
    core = desk(max_var=f"{recorded(probe) / 100 + 1:.2f}")
    core.buy(60)
    core.buy(60, strategy="quoting")
    assert core.denial().control == 12
    core.buy(39, strategy="quoting")
    assert [order.quantity for order in core.orders_received()] == [60, 39]


def test_a_larger_confidence_or_horizon_makes_more_of_it() -> None:
    figures = []
    for rows in ((), (limit("var_confidence", "0.95"),), (limit("var_horizon", "345600", line=13),)):
        core = desk(*rows, max_var="1000000")
        core.buy(100)
        figures.append(recorded(core))
    assert figures[1] == pytest.approx(figures[0] * norm.ppf(0.95) / norm.ppf(0.99), abs=2)
    assert figures[2] == pytest.approx(figures[0] * 2, abs=2)


# ---- what works


ORDERS = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(-60, 60)), min_size=1, max_size=5)


@given(ORDERS, ORDERS)
@settings(max_examples=40)
def test_no_outcome_of_what_works_is_worse_than_what_is_reckoned(
    held: list[tuple[str, int]], working: list[tuple[str, int]]
) -> None:
    """Every subset of the working orders may fill; each is reckoned by matrices."""
    core = desk(max_var="*", minutes=15)
    for symbol, lots in held:
        if lots:
            (core.buy if lots > 0 else core.sell)(abs(lots), symbol=symbol)
    before = dict(core.ledger.venue_positions.get("paper", {}))
    asked = []
    for symbol, lots in working:
        if lots:
            far = 5_000 if lots > 0 else 14_000
            (core.buy if lots > 0 else core.sell)(abs(lots), far, symbol=symbol)
            asked.append((symbol, lots))
    works = [order for order in core.ledger.open_orders() if order.order_class.value == "entry"]
    risk = refreshed(core)
    reckoned = norm.ppf(0.99) * sqrt(86_400) * (sqrt(risk.variance) + risk.waiting) / 100
    worst = 0.0
    for chosen in itertools.product((0, 1), repeat=len(works)):
        lots_after = dict(before)
        for order, fills in zip(works, chosen, strict=True):
            lots_after[order.instrument] = lots_after.get(order.instrument, 0) + fills * order.side * order.remaining
        worst = max(worst, independent(core, lots_after))
    assert worst <= reckoned + 1e-6
    if not works:
        assert worst == pytest.approx(reckoned, rel=1e-9)


def refreshed(core: Core) -> BookRisk:
    portfolio = core.engine._guard.portfolio
    portfolio.exposures.refresh()
    portfolio.risk.refresh()
    return portfolio.risk


MOVES = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), st.integers(-50, 50), st.integers(9_800, 10_200), st.booleans()),
    min_size=1,
    max_size=20,
)


@given(MOVES)
@settings(max_examples=40)
def test_step_by_step_it_is_what_it_is_from_nothing(moves: list[tuple[str, int, int, bool]]) -> None:
    core = desk(max_var="1000000000", minutes=10)
    for symbol, lots, price, quoted in moves:
        if lots:
            (core.buy if lots > 0 else core.sell)(abs(lots), price, symbol=symbol)
        if quoted:
            core.quote(price - 1, price + 1, symbol=symbol)
        risk, portfolio = refreshed(core), core.engine._guard.portfolio
        fresh = BookRisk(core.ledger, portfolio.exposures, core.engine.view.models)
        fresh._remade = -1
        fresh.refresh()
        assert risk.variance == pytest.approx(fresh.variance, rel=1e-9, abs=1e-6)
        assert risk.waiting == pytest.approx(fresh.waiting, rel=1e-9, abs=1e-9)
        for each in SYMBOLS:
            one, other = risk.variance_after(each, 12_345.0), fresh.variance_after(each, 12_345.0)
            assert one == pytest.approx(other, rel=1e-9)


def test_what_never_moved_together_counts_against_us() -> None:
    core = Core(rows=limits(DAY, max_var="1000000"), instruments=(stock(), stock("MSFT")))
    for minute in range(12):  # never in the same minute
        core.quote(9_999 + minute, 10_001 + minute, symbol=("AAPL", "MSFT")[minute % 2], seconds=60)
    models = core.engine.view.models
    assert isnan(models.correlation("AAPL", "MSFT"))
    core.buy(100, symbol="AAPL")
    core.sell(100, symbol="MSFT")
    sides = [100 * worth(core, symbol) * models.volatility(symbol) for symbol in ("AAPL", "MSFT")]
    assert recorded(core) == pytest.approx(100 * norm.ppf(0.99) * sqrt(86_400) * sum(sides), abs=2)


# ---- history


def sessions(core: Core, count: int, seed: int = 3) -> dict[str, list[float]]:
    """Sessions of two quotes each; the returns between their closes."""
    draw, logs = random.Random(seed), dict.fromkeys(SYMBOLS, 0.0)
    closes: dict[str, list[float]] = {symbol: [] for symbol in SYMBOLS}
    for number in range(count):
        core.feed(SessionClosed(calendar="XNYS", session=f"2026-02-{number:03d}"), seconds=60)
        core.feed(SessionOpened(calendar="XNYS", session=f"2026-03-{number:03d}"), seconds=60)
        for _ in range(2):
            for symbol in SYMBOLS:
                logs[symbol] += draw.gauss(0, 0.01)
            quotes(core, *(round(20_000 * np.exp(logs[symbol])) for symbol in SYMBOLS))
        for symbol in SYMBOLS:
            quote = core.engine.view.quotes[symbol].quote
            closes[symbol].append(np.log(quote.bid + quote.ask))
    core.feed(SessionClosed(calendar="XNYS", session="2026-04-000"), seconds=60)
    core.feed(SessionOpened(calendar="XNYS", session="2026-04-001"), seconds=60)
    quotes(core, *(round(20_000 * np.exp(logs[symbol])) for symbol in SYMBOLS))
    return {symbol: list(np.diff(found)) for symbol, found in closes.items()}


def test_over_history_it_is_what_the_sessions_say() -> None:
    core = desk(limit("var_sessions", "20"), minutes=2, max_var="1000000", max_quote_age="1000000")
    returns = sessions(core, 30)
    core.buy(100)
    core.sell(80, symbol="IBM")
    stored = core.engine.view.models.returns
    tail = {symbol: list(stored[symbol].values())[-29:] for symbol in SYMBOLS}
    assert tail["AAPL"] == pytest.approx(returns["AAPL"])
    held = {"AAPL": 100, "IBM": -80}
    made = sum(lots * worth(core, symbol) * np.expm1(list(stored[symbol].values())) for symbol, lots in held.items())
    expected = -np.sort(made)[int(0.01 * len(made))]
    assert recorded(core) == pytest.approx(100 * expected, abs=1)


def test_too_short_a_history_denies_when_it_is_asked_for() -> None:
    core = desk(limit("var_sessions", "20"), minutes=2, max_var="1000000", max_quote_age="1000000")
    sessions(core, 10)
    core.buy(1)
    assert core.orders_received() == []
    denial = core.denial()
    assert (denial.control, denial.limit) == (12, "20 sessions")
    assert denial.observed.endswith("sessions with a return of all that is held and of AAPL")
