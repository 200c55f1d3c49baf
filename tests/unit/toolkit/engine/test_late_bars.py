"""Daily bars: in the history at the bell, told at the first moment one can act, the same after a restart anywhere."""

import pytest

from tests.unit.toolkit.engine.strategy_kit import ONE, TWO, Feed, nothing, quote, run, started
from toolkit.domain.market import SessionClosed, SessionOpened, Trade
from toolkit.engine import strategy_market
from toolkit.engine.strategy import Strategy


class Teller(Strategy):
    """Says which bar it was told of, beside which quote, and what its history held."""

    bar = "1d"
    warmup = 1

    def on_bar(self, bar: strategy_market.Bar) -> None:
        quote = self.quote(bar.instrument)
        self.log(f"{bar.instrument} {bar.close} at {quote.mid if quote else 'no quote'}")


def opened() -> SessionOpened:
    return SessionOpened(calendar="XNYS", session="2026-01-06")


def test_it_is_in_the_history_at_the_bell_and_told_at_the_next_open() -> None:
    feed = Feed()
    container = started(Teller)
    answers = run(container, feed.session(1000, 1010))
    assert container.strategy.history.closes() == [10.1]
    assert not any(answer.logs for answer in answers)
    assert [answer.logs for answer in run(container, feed.opening(1050))] == [(), ("AAPL 10.1 at 10.5",)]
    assert [answer.logs for answer in run(container, [feed.step(quote(1059, 1061))])] == [()]


@pytest.mark.parametrize("bad", [quote(0, 1001), quote(1000, 0), quote(1001, 1000), quote(1000, 1000)])
def test_a_quote_that_nobody_can_trade_on_tells_nothing(bad: object) -> None:
    feed = Feed()
    container = started(Teller)
    run(container, feed.session(1000))
    feed.step(opened())
    answers = run(container, [feed.steps[-1], feed.step(bad), feed.step(quote(1049, 1051))])
    assert [answer.logs for answer in answers] == [(), (), ("AAPL 10.0 at 10.5",)]


def test_quotes_outside_of_a_session_tell_nothing() -> None:
    feed = Feed()
    container = started(Teller)
    run(container, feed.session(1000))
    early = run(container, [feed.step(quote(1049, 1051))])
    assert [answer.logs for answer in early] == [()]
    together = run(container, [feed.step(opened(), quote(1059, 1061))])
    assert [answer.logs for answer in together] == [("AAPL 10.0 at 10.6",)]


def test_each_instrument_waits_for_its_own_quote_and_none_is_lost() -> None:
    feed = Feed()
    container = started(Teller, TWO)
    run(container, feed.session(1000, symbols=("AAPL", "MSFT")))
    first = run(container, [*feed.opening(1010), feed.step(SessionClosed(calendar="XNYS", session="x"))])
    assert [line for answer in first for line in answer.logs] == ["AAPL 10.0 at 10.1"]
    early = run(container, [feed.step(quote(1, 3, "MSFT"))])
    assert [line for answer in early for line in answer.logs] == []
    second = run(container, feed.opening(1020, symbols=("MSFT", "AAPL")))
    assert [line for answer in second for line in answer.logs] == ["AAPL 10.1 at 10.2", "MSFT 10.0 at 10.2"]


def test_a_feed_without_quotes_tells_at_the_bell() -> None:
    feed = Feed()
    feed.step(opened())
    feed.step(Trade(instrument="AAPL", price=1000, size=1))
    feed.step(SessionClosed(calendar="XNYS", session="2026-01-06"))
    answers = run(started(Teller, bar_price="trade"), feed.steps)
    assert [line for answer in answers for line in answer.logs] == ["AAPL 10.0 at no quote"]


def test_timed_bars_do_not_wait() -> None:
    feed = Feed()
    feed.step(quote(999, 1001), at=1)
    feed.step(quote(1009, 1011), at=61)
    answers = run(started(Teller, bar="1m"), feed.steps)
    assert [answer.logs for answer in answers] == [(), ("AAPL 10.0 at 10.0",)]


def test_a_restart_anywhere_tells_the_same_bars_at_the_same_steps() -> None:
    feed = Feed()
    for close in (1000, 1010, 1020, 1030):
        feed.session(close - 5, close)
    whole = [(answer.step, answer.logs) for answer in run(started(Teller), feed.steps)]
    assert sum(bool(logs) for _, logs in whole) == 3
    for at in range(len(feed.steps)):
        again = started(Teller, ONE, nothing(step=at), feed.steps[:at])
        rest = [(answer.step, answer.logs) for answer in run(again, feed.steps[at:])]
        assert rest == whole[at:], f"restarted after step {at}"
