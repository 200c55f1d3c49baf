"""Declarations of a strategy: parameters, state, hooks, each refused with the mend where it does not fit."""

import msgspec
import pytest

from tests.unit.toolkit.engine.strategy_kit import started
from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_parameters import parameter_types, parameter_values


class Trend(Strategy):
    warmup = 10
    fast: int = 20
    threshold: float = 0.5
    _hidden: int = 1
    plain = "not annotated, so not a parameter"


class Child(Trend):
    slow: int


def test_parameters_are_the_annotated_attributes_of_the_class_and_its_parents() -> None:
    assert parameter_types(Child) == {"fast": int, "threshold": float, "slow": int}


def test_given_values_win_over_defaults_and_reach_the_instance() -> None:
    strategy = started(Child, slow=50, fast=5).strategy
    assert isinstance(strategy, Child)
    assert (strategy.fast, strategy.slow, strategy.threshold) == (5, 50, 0.5)


def test_bar_and_warmup_can_be_given_too() -> None:
    strategy = started(Trend, bar="5m", warmup=3).strategy
    assert (strategy.bar, strategy.warmup) == ("5m", 3)


def test_a_warmup_may_follow_from_a_parameter() -> None:
    class Following(Trend):
        @property
        def warmup(self) -> int:
            return self.fast + 1

    assert started(Following, fast=7)._context.warmup == 8
    with pytest.raises(ConfigError, match=r"Following\.warmup follows from other parameters"):
        started(Following, warmup=3)


@pytest.mark.parametrize(
    ("strategy", "given", "message"),
    [
        (Trend, {"fsat": 5}, r"Trend has no parameter 'fsat'; did you mean 'fast'\?"),
        (Trend, {"fast": "5"}, "Trend.fast = '5' must be int"),
        (Trend, {"fast": 5.5}, "Trend.fast = 5.5 must be int"),
        (Child, {}, "Child.slow has no default and no value was given"),
    ],
)
def test_what_does_not_fit_is_refused(strategy: type[Strategy], given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parameter_values(strategy, given)


def test_a_default_that_does_not_fit_its_type_is_refused() -> None:
    class Wrong(Strategy):
        size: int = 1.5  # type-checkers complain too

    with pytest.raises(ConfigError, match=r"Wrong.size = 1.5 must be int"):
        parameter_values(Wrong, {})


@pytest.mark.parametrize(("bar", "warmup", "bar_price"), [("1w", 0, "mid"), ("1d", -1, "mid"), ("1d", 0, "last")])
def test_impossible_declarations_are_refused(bar: str, warmup: int, bar_price: str) -> None:
    with pytest.raises(ConfigError):
        started(Trend, bar=bar, warmup=warmup, bar_price=bar_price)


def test_a_misspelt_hook_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"Wrong.on_bars is not a hook; did you mean 'on_bar'\?"):

        class Wrong(Strategy):
            def on_bars(self, bar: object) -> None: ...


def test_a_parameter_or_helper_may_not_hide_what_every_strategy_has() -> None:
    with pytest.raises(ConfigError, match=r"Wrong.position: every strategy has a position of its own"):

        class Wrong(Strategy):
            position: float = 5.0

    with pytest.raises(ConfigError, match=r"Worse.signal: every strategy has a signal of its own"):

        class Worse(Strategy):
            def signal(self, closes: list[float]) -> bool:
                return closes[0] > closes[-1]


def test_a_state_must_be_a_struct_with_defaults() -> None:
    with pytest.raises(ConfigError, match=r"class State\(msgspec.Struct\)"):

        class Wrong(Strategy):
            class State:
                holding = False

    class Needing(Strategy):
        class State(msgspec.Struct):
            holding: bool

    with pytest.raises(ConfigError, match="give holding a default"):
        started(Needing)


def test_a_string_of_instruments_is_refused() -> None:
    with pytest.raises(ConfigError, match="tuple of symbols"):

        class Wrong(Strategy):
            instruments = "AAPL"
