"""`tk.check`: whether a strategy decides on what it may know and comes back from a restart as it was; never trades."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from random import Random
from typing import Any

import pandas as pd

from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Step
from toolkit.domain.time import FeedTime
from toolkit.engine.strategy import Strategy
from toolkit.research.backtest import research_setting
from toolkit.research.check_result import CheckResult, Finding, Verdict
from toolkit.research.data import FeedData
from toolkit.research.horizon import nothing_after
from toolkit.research.observation import Difference, Observed, first_difference, observe
from toolkit.research.reach import Reach, Table, reach
from toolkit.research.setting import Setting
from toolkit.simulation.paper_settings import PaperSettings

__all__ = ["check"]


def check(
    strategy: type[Strategy],
    data: FeedData | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    capital: float | Decimal = 100_000,
    sessions: int | None = None,
    limits: Mapping[str, object] | None = None,
    venue: PaperSettings | None = None,
    cuts: int = 5,
    restarts: int = 3,
    seed: int = 7,
) -> CheckResult:
    """Run a strategy several times on the same data and compare what it says, step by step.

    *Repeatable*: twice the same. *No look-ahead*: with the data ending at each step as it comes, and ending for good
    at `cuts` steps, nothing before the cut changes; tables of the module, also in its dicts, end with it, and there
    the row of a bare date is known when that date is over. *Survives a restart*: everything but the desk's books, the
    declared State and the feed is lost after `restarts` steps, and signals, requests and fills stay the same. *Hidden
    inputs*: in its methods, and in functions and classes of its module that they use, no clock, file, other program
    or dice is found, nor anything with more than 20 figures or 1,000 letters whose times nobody knows. Steps are drawn
    with `seed`, first those at which it decided something.

    The code is searched, not proven: a name that is put together while it runs, or another module that reads for it,
    can escape. A pass is no proof that a strategy uses no future.

    The other arguments are those of `tk.backtest`. Takes about 4 + `cuts` backtests. What the strategy raises on the
    whole data goes through unchanged.
    """
    if not is_strategy(strategy):
        raise ConfigError(f"check takes one strategy class, such as class Trend(tk.Strategy), not {strategy!r}")
    if cuts < 1 or restarts < 1:
        raise ConfigError(f"cuts is {cuts} and restarts is {restarts}; give 1 or more of each")
    setting, _ = research_setting(strategy, data, parameters, capital, sessions, limits, venue)
    return _Check(setting, strategy, Random(seed)).carry_out(cuts, restarts)


def is_strategy(value: object) -> bool:
    """Whether it is a strategy class."""
    return isinstance(value, type) and issubclass(value, Strategy)


class _Check:
    """The runs of one check."""

    def __init__(self, setting: Setting, strategy: type[Strategy], draws: Random) -> None:
        self._setting = setting
        self._strategy = strategy
        self._draws = draws
        self._steps = list(setting.data)
        self._reach = reach(strategy)
        if len(self._steps) < 2:
            raise ConfigError(f"no two steps to check on: {setting.data!r}; take more data")

    def carry_out(self, cuts: int, restarts: int) -> CheckResult:
        before = _looks(self._reach)
        whole = self._run(self._steps)
        changed = tuple(name for name, look in _looks(self._reach).items() if before[name] != look)
        later = reach(self._strategy)  # with what it made while it ran, such as a table that it keeps once it has it
        self._reach = self._reach._replace(tables=later.tables, data=later.data)
        repeatable = self._repeatable(whole, changed)
        findings = [repeatable]
        if repeatable.verdict is Verdict.FAIL:
            findings += [_unclear("No look-ahead"), _unclear("Survives a restart")]
        else:
            self._reach = self._reach._replace(arrays=later.arrays, reports=later.reports)
            findings += [self._look_ahead(whole, cuts), self._restart(whole, restarts)]
        findings.append(_hidden_inputs(self._reach))
        if not whole.decisions:
            findings = [finding.without_evidence() for finding in findings]
        return CheckResult(
            title=self._strategy.__name__, data=repr(self._setting.data), decisions=len(whole.decisions),
            fills=len(whole.fills), findings=tuple(findings),
        )  # fmt: skip

    # ---- the checks

    def _repeatable(self, whole: Observed, changed: Sequence[str]) -> Finding:
        difference = _parts(whole, self._run(self._steps, forgive=True))
        if difference is None:
            return Finding("Repeatable", Verdict.PASS, "the same data gave the same signals, requests and fills twice")
        causes = [f"it keeps things in {name}, which outlives a run; declare them in State" for name in changed]
        causes += [f"it draws random numbers from {name}" for name in self._reach.dice]
        causes += [f"it reads the wall clock: {name}" for name in self._reach.clocks]
        return Finding(
            "Repeatable", Verdict.FAIL, "a second run on the same data decided otherwise", difference,
            tuple(causes) or ("it depends on something outside of its data, parameters and State",),
        )  # fmt: skip

    def _look_ahead(self, whole: Observed, count: int) -> Finding:
        name = "No look-ahead"
        difference = _parts(whole, self._run(_as_it_comes(self._steps), forgive=True))
        if difference is not None:
            return self._sees_ahead(name, difference, "with the data ending at each step as it came")
        cuts = self._drawn(whole, count)
        for number in cuts:
            difference = _parts(whole, self._run_until(number), number)
            if difference is not None:
                return self._sees_ahead(name, difference, f"with the data ending at step {number:,}")
        told = f"nothing changed with the data ending at each step, and at {len(cuts)} steps for good"
        return Finding(name, Verdict.PASS, told)

    def _sees_ahead(self, name: str, difference: Difference, when: str) -> Finding:
        causes = [f"it reads {one}, which holds the future of the data" for one in self._reach.data]
        causes += [f"it reads {table.name}, {_future_of(table)}" for table in self._reach.tables]
        return Finding(
            name, Verdict.FAIL, f"{when} it decided otherwise: it had used what came later", difference,
            tuple(causes) or ("it asks for more of the data than what its hooks and `history` gave it",),
        )  # fmt: skip

    def _restart(self, whole: Observed, count: int) -> Finding:
        name = "Survives a restart"
        points = self._drawn(whole, count)
        again = self._run(self._steps, points, forgive=True)
        difference = _parts(whole, again)
        steps = ", ".join(f"{number:,}" for number in points)
        if difference is None:
            return Finding(name, Verdict.PASS, f"losing everything after the steps {steps} changed nothing")
        causes = [f"self.{one} changes while it runs and is not in State: declare it there" for one in whole.unkept]
        if "on_start" in vars(self._strategy) and not causes:
            causes.append("on_start runs again after every restart: it must not begin anew what goes on")
        return Finding(
            name, Verdict.FAIL, f"it decided otherwise after losing everything after the steps {steps}", difference,
            tuple(causes) or ("it depends on something that is neither in State nor in the feed's last `warmup` bars",),
        )  # fmt: skip

    # ---- running

    def _run(self, steps: Iterable[Step], restarts: Sequence[int] = (), *, forgive: bool = False) -> Observed:
        for empty in self._reach.caches:
            empty()
        return observe(self._setting, self._strategy, steps, frozenset(restarts), forgive=forgive)

    def _run_until(self, number: int) -> Observed:
        """With nothing after that step in any FeedData, and in no table with times that the code reaches."""
        steps = [step for step in self._steps if step.number <= number]
        end = steps[-1].time
        with ExitStack() as stack:
            stack.enter_context(nothing_after(end))
            for table in self._reach.tables:
                _cut(stack, table, end)
            return self._run(steps, forgive=True)

    def _drawn(self, whole: Observed, count: int) -> list[int]:
        """Steps to cut at: most of them where it decided, since a cut right there hides the most from it."""
        last = self._steps[-1].number
        decided = sorted({said.step for said in whole.decisions if said.step < last})
        others = [step.number for step in self._steps[:-1]]
        chosen = set(self._draws.sample(decided, min(len(decided), max(count - 1, 1))))
        rest = [number for number in others if number not in chosen]
        chosen |= set(self._draws.sample(rest, min(len(rest), count - len(chosen))))
        return sorted(chosen)


def _parts(whole: Observed, other: Observed, until: int | None = None) -> Difference | None:
    """Where another run leaves the whole one: in a decision, in a fill, or because it raised."""
    end = other.stopped.step if other.stopped else until
    difference = first_difference(whole.decisions, other.decisions, end)
    if difference is None and until is None:
        difference = first_difference(whole.fills, other.fills, end)
    if difference is None and other.stopped is not None:
        stopped = other.stopped
        difference = Difference(stopped.step, stopped.time, stopped.instrument, "went on", stopped.words)
    return difference


def _as_it_comes(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps, and while each of them is worked on, no FeedData reaches further."""
    for step in steps:
        with nothing_after(step.time):
            yield step


def _cut(stack: ExitStack, table: Table, end: FeedTime) -> None:
    """Leave of a table what is known at `end`: of bare dates those that are over, for each tells a whole day."""
    whole: Any = table.home[table.key]
    last = pd.Timestamp(int(end), unit="ns", tz="UTC")
    zone = whole.index.tz
    known = whole.index + pd.DateOffset(days=1) if _are_dates(whole.index) else whole.index
    table.home[table.key] = whole[known <= (last.tz_convert(zone) if zone else last.tz_localize(None))]
    stack.callback(table.home.__setitem__, table.key, whole)


def _future_of(table: Table) -> str:
    if _are_dates(table.home[table.key].index):
        return "whose row of a date is not known before that date is over; shift it by a day, or give it times"
    return "which holds the future of the data"


def _are_dates(index: pd.DatetimeIndex) -> bool:
    known = index.dropna()
    return len(known) > 0 and bool((known == known.normalize()).all())


def _looks(found: Reach) -> dict[str, str]:
    return {name: repr(value) for name, value in found.changeable}


def _unclear(name: str) -> Finding:
    return Finding(name, Verdict.INCONCLUSIVE, "cannot be told while two runs on the same data differ")


def _hidden_inputs(found: Reach) -> Finding:
    name = "Hidden inputs"
    causes = [f"{one} is the wall clock; take the time of the bar or quote, or set a timer" for one in found.clocks]
    causes += [
        f"{one} rolls dice, which a restart does not bring back; draw from something in State" for one in found.dice
    ]
    if causes:
        return Finding(name, Verdict.FAIL, "it reads what no backtest and no restart can repeat", None, tuple(causes))
    causes = [
        f"{one} has no times that this check could cut it at; see that it holds no future" for one in found.arrays
    ]
    causes += [
        f"{one} reads a file or a program, which no check can cut and no version keeps; see that it holds no future"
        for one in found.files
    ]
    causes += [f"{one} tells of the whole data, which no check can cut; see that it uses none" for one in found.reports]
    if causes:
        told = "it reads what this check cannot look into"
        return Finding(name, Verdict.INCONCLUSIVE, told, None, tuple(causes))
    told = "no clock, file, program, dice or figures without times found in its code and what it uses of its module"
    return Finding(name, Verdict.PASS, told)
