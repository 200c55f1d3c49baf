"""One watched run of a strategy: what it said at each step, what it traded, and what it kept where nothing survives."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.errors import ExecutionError
from toolkit.domain.inbox import InboxItem
from toolkit.domain.instruments import Instrument
from toolkit.domain.intents import (
    CancelIntent,
    Intent,
    MalformedIntent,
    ModifyIntent,
    PlaceOrder,
    Signal,
    TargetPosition,
)
from toolkit.domain.market import Step
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.research.backtest import make_container
from toolkit.research.recording import Recording
from toolkit.research.restarting import NOTHING, RestartingBacktest
from toolkit.research.result_tables import BookedFill, booked_fills
from toolkit.research.setting import Setting

# What a strategy's own code raises when the data that it reads ends sooner than it thinks.
RAISED: Final = (ArithmeticError, AttributeError, ExecutionError, LookupError, RuntimeError, TypeError, ValueError)
_SURVIVES: Final = frozenset({"state", "instruments", "_context"})


class Said(NamedTuple):
    """One signal, request or fill: the step's number and feed time (ns), the instrument, and the thing in words."""

    step: int
    time: int
    instrument: str
    words: str


class Observed(NamedTuple):
    """What came of a run. `decisions` and `fills` in order, without ids (those carry the count of restarts).

    `unkept` are attributes of the strategy that changed while it ran and are no part of its State; `stopped` says what
    it raised and where, when it did.
    """

    decisions: tuple[Said, ...]
    fills: tuple[Said, ...]
    unkept: tuple[str, ...]
    stopped: Said | None


class Difference(NamedTuple):
    """The first place where two runs part: None where one of them said nothing there."""

    step: int
    time: int
    instrument: str
    expected: str | None
    found: str | None


def observe(
    setting: Setting, strategy: type[Strategy], steps: Iterable[Step], restarts: Collection[int] = NOTHING,
    *, forgive: bool = False,
) -> Observed:  # fmt: skip
    """Run it, losing everything after the steps `restarts`. With `forgive` what it raises ends the run, and is told."""
    (traded,) = setting.strategies
    watched: list[_Watched] = []

    def make() -> Mapping[str, StrategyContainer]:
        watched.append(make_container(_Watched, setting, traded, strategy))
        watched[-1].begin()
        return {traded.name: watched[-1]}

    recording = Recording((traded.name,))
    test = RestartingBacktest(setting.spec, setting.venue, make, recording.record, recording.after_step)
    times: dict[int, int] = {}
    stopped = None
    try:
        test.run_with_restarts(_noted(steps, times), restarts)
    except RAISED as error:
        if not forgive:
            raise
        last = max(times, default=0)
        stopped = Said(last, times.get(last, 0), "", f"raised {type(error).__name__}: {error}")
    known = {one.symbol: one for one in setting.spec.instruments}
    return Observed(
        decisions=tuple(_said(spoken, times, known) for one in watched for spoken in one.said),
        fills=tuple(_filled(fill, times, known) for fill in booked_fills(recording.facts)),
        unkept=tuple(sorted({name for one in watched for name in one.unkept()})),
        stopped=stopped,
    )


def first_difference(expected: Sequence[Said], found: Sequence[Said], until: int | None = None) -> Difference | None:
    """Where two runs part first, up to the step `until`."""
    left, right = (_up_to(said, until) for said in (expected, found))
    for place in range(max(len(left), len(right))):
        one = left[place] if place < len(left) else None
        other = right[place] if place < len(right) else None
        if one == other:
            continue
        first = min((said for said in (one, other) if said is not None), key=lambda said: said.step)
        same_step = [said if said is not None and said.step == first.step else None for said in (one, other)]
        words = [None if said is None else said.words for said in same_step]
        return Difference(first.step, first.time, first.instrument, words[0], words[1])
    return None


class _Watched(StrategyContainer):
    """A runner that writes down what it answers."""

    said: list[tuple[int, Signal | Intent]]
    before: dict[str, str]

    def begin(self) -> None:
        self.said, self.before = [], _attributes(self.strategy)

    def process(self, items: Sequence[tuple[int, InboxItem]], step: Step | None, *, hold: bool = False) -> RunnerAnswer:
        answer = super().process(items, step, hold=hold)
        self.said += [(answer.step, one) for one in (*answer.signals, *answer.intents)]
        return answer

    def unkept(self) -> list[str]:
        """Attributes that are not as they were before the first step."""
        return [name for name, value in _attributes(self.strategy).items() if self.before.get(name, _NEVER) != value]


_NEVER: Final = "\0"


def _attributes(strategy: Strategy) -> dict[str, str]:
    return {name: _shown(value) for name, value in vars(strategy).items() if name not in _SURVIVES}


def _shown(value: Any) -> str:
    """Two values that look the same are the same here: an attribute may hold anything."""
    return f"{type(value).__name__} {value!r}"


def _noted(steps: Iterable[Step], times: dict[int, int]) -> Iterator[Step]:
    for step in steps:
        times[step.number] = int(step.time)
        yield step


def _up_to(said: Sequence[Said], until: int | None) -> list[Said]:
    return [one for one in said if until is None or one.step <= until]


# ---- in words


def _said(spoken: tuple[int, Signal | Intent], times: Mapping[int, int], known: Mapping[str, Instrument]) -> Said:
    step, one = spoken
    symbol = getattr(one, "instrument", "")
    return Said(step, times.get(step, 0), symbol, _words(one, known.get(symbol)))


def _words(one: Signal | Intent, instrument: Instrument | None) -> str:
    match one:
        case Signal():
            return f"signal: hold {_quantity(one.target, instrument)}{_because(one.reason)}"
        case TargetPosition():
            return f"target position {_quantity(one.quantity, instrument)}{_because(one.reason)}"
        case PlaceOrder():
            price = "at the market" if one.price is None else f"at {_price(one.price, instrument)}"
            marks = [
                mark for mark, is_set in (("post-only", one.post_only), ("reduce-only", one.reduce_only)) if is_set
            ]
            words = [one.side.name.lower(), _quantity(one.quantity, instrument), price, one.time_in_force.value, *marks]
            return " ".join(words) + _because(one.reason)
        case ModifyIntent():
            return f"modify to quantity {one.quantity} lots, price {one.price} ticks"
        case CancelIntent():
            return "cancel"
        case MalformedIntent():
            return f"a request that cannot be carried out: {one.problem}"


def _filled(fill: BookedFill, times: Mapping[int, int], known: Mapping[str, Instrument]) -> Said:
    instrument = known[fill.instrument]
    side = "bought" if fill.quantity > 0 else "sold"
    words = f"{side} {_quantity(abs(fill.quantity), instrument)} at {_price(fill.price, instrument)}, {fill.liquidity}"
    place = min(bisect_left(list(times.values()), fill.time), len(times) - 1)
    return Said(list(times)[place], fill.time, fill.instrument, f"{words}, fee {fill.fee} quanta")


def _quantity(lots: int, instrument: Instrument | None) -> str:
    return f"{lots} lots" if instrument is None else _plain(instrument.quantity_of(lots))


def _price(ticks: int, instrument: Instrument | None) -> str:
    return f"{ticks} ticks" if instrument is None else _plain(instrument.price_of(ticks))


def _plain(number: Decimal) -> str:
    return f"{number:,f}"


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""
