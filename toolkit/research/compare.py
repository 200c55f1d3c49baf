"""`tk.compare`: two strategies, or two settings of one, on the same steps, and whether they differ beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.research import data as market_data
from toolkit.research.backtest import backtest
from toolkit.research.comparison import Comparison, Side
from toolkit.research.data import FeedData
from toolkit.research.result import BacktestResult
from toolkit.research.setting import differing_assumptions
from toolkit.simulation.paper_settings import PaperSettings

__all__ = ["compare"]

Candidate = type[Strategy] | tuple[type[Strategy], Mapping[str, object]] | BacktestResult


def compare(
    a: Candidate,
    b: Candidate,
    data: FeedData | None = None,
    *,
    capital: float | Decimal = 100_000,
    sessions: int | None = None,
    limits: Mapping[str, object] | None = None,
    venue: PaperSettings | None = None,
    resamples: int = 2_000,
    level: float = 0.95,
    seed: int = 7,
) -> Comparison:
    """Pair two on the same steps: PnL and Sharpe differences with intervals, agreement, turnover, drawdown, costs.

    `a` and `b` are each a class, (class, parameters), or the result of a backtest that ran already. What is not yet a
    result runs on `data` (else on the data of the other one's result, else on the sample) under the other arguments,
    which are those of `tk.backtest`. Intervals come from a stationary bootstrap of the sessions with `seed`.

    Where the two ran at another venue or under other limits, their names say in what they differ. ConfigError when they
    did not run over the same sessions, with the same capital in the same currency.
    """
    if data is None:
        data = next((one.setting.data for one in (a, b) if isinstance(one, BacktestResult)), None)
        data = market_data.sample(sessions) if data is None else data
    elif sessions is not None:
        raise ConfigError("sessions belongs to the sample; cut your data where you make it")
    results = [
        one if isinstance(one, BacktestResult) else _run(one, data, capital=capital, limits=limits, venue=venue)
        for one in (a, b)
    ]
    assumed = differing_assumptions(*(result.setting for result in results))
    left, right = (Side(_name(result, told), result) for result, told in zip(results, assumed, strict=True))
    if left.name == right.name:
        left, right = left._replace(name=f"{left.name} a"), right._replace(name=f"{right.name} b")
    return Comparison(left, right, resamples=resamples, level=level, seed=seed)


def _run(
    one: type[Strategy] | tuple[type[Strategy], Mapping[str, object]], data: FeedData, *, capital: float | Decimal,
    limits: Mapping[str, object] | None, venue: PaperSettings | None,
) -> BacktestResult:  # fmt: skip
    strategy, parameters = one if isinstance(one, tuple) else (one, {})
    return backtest(strategy, data, parameters=parameters, capital=capital, limits=limits, venue=venue)


def _name(result: BacktestResult, assumed: Sequence[str]) -> str:
    given = result.setting.strategies[0].parameters if len(result.setting.strategies) == 1 else {}
    told = ", ".join([*(f"{name}={value!r}" for name, value in given.items()), *assumed])
    return f"{result.setting.title} ({told})" if told else result.setting.title
