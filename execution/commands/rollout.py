"""`execution rollout validate` and `simulate`: what config/rollout.yaml promises, and does to made-up versions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import msgspec

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, heading, paint, say, say_json, table
from execution.settings.problems import nearest
from execution.settings.rollout import SOURCE, read_plan, without_limits
from toolkit.rollout.forecast import Forecast, GateForecast, Pace, forecast
from toolkit.rollout.gates import Kind
from toolkit.rollout.scenarios import SHIPPED, Scenario
from toolkit.rollout.simulator import COMPLETED, ROLLED_BACK, STUCK, Summary, simulate

FEWEST_ORDERS = 100
"""Fewer say little about tails and dependence, which is what a history is asked for."""


def validate(given: Path | None, pace: Pace, *, as_json: bool) -> Exit:
    """What the plan promises to a strategy of this pace; FINDINGS when it may not be run."""
    home = the_home(given).root
    plan = read_plan(home)
    promised = forecast(plan, pace)
    promised = promised._replace(problems=(*promised.problems, *without_limits(home, plan)))
    if as_json:
        say_json(_document(promised))
    else:
        _show(promised, pace)
    return Exit.FINDINGS if promised.problems else Exit.DONE


def run_simulation(
    given: Path | None,
    names: list[str],
    count: int,
    orders_a_day: int | None,
    seed: int,
    history: Path | None,
    *,
    as_json: bool,
) -> Exit:
    """Rollouts of made-up versions through the plan's own gates; `history` has the noise of real orders for them."""
    plan = read_plan(the_home(given).root)
    chosen = [_scenario(name) for name in names] or [*SHIPPED]
    if orders_a_day is not None:
        chosen = [msgspec.structs.replace(each, orders_a_day=orders_a_day) for each in chosen]
    if history is not None:
        noise = read_differences(history)
        chosen = [msgspec.structs.replace(each, noise="history", history=noise) for each in chosen]
    summaries = []
    for scenario in chosen:
        summaries.append(simulate(plan, scenario, count, seed, _progress(scenario, count)))
        if not as_json:
            _clear()
    if as_json:
        say_json([_summary(each) for each in summaries])
    else:
        _show_summaries(summaries, count, history)
    return Exit.DONE


def _show(promised: Forecast, pace: Pace) -> None:
    say(heading(f"  {SOURCE} for {pace.orders_a_day:g} orders a day, σ of an order {pace.deviation:g} bp"))
    say("")
    rows = []
    for stage in promised.stages:
        for place, gate in enumerate(stage.gates):
            first = (stage.stage.name, f"{stage.orders:,}", f"{stage.days:.1f}") if not place else ("", "", "")
            rows.append((*first, gate.gate.name + (" (dry run)" if gate.gate.dry_run else ""),
                         f"{gate.false_alarms:.2%}", _detectable(gate), f"{gate.total_failure:,}"))  # fmt: skip
    say(table(("stage", "orders>", "days>", "gate", "false alarms>", "finds>", "total failure, orders>"), rows))
    say("")
    say(f"  all of the capital after {promised.days:.1f} days at the earliest")
    slowest = max(stage.worst_days for stage in promised.stages)
    say(f"  harm of the size that a gate finds lasts {slowest:.1f} days at the most, with a probability of 0.8")
    say(f"  an honest version is rolled back with a probability of {promised.false_alarms:.2%} at the most")
    for each in promised.problems:
        say(paint(f"  ✗ {each}", RED))
    if not promised.problems:
        say(paint("  ✓ may be run", GREEN))


def _detectable(gate: GateForecast) -> str:
    if isnan(gate.detectable):
        return "nothing: too few orders"
    if gate.gate.kind is Kind.EVENT:
        return "the first"
    if gate.gate.kind is Kind.MEAN:
        return f"{gate.detectable:.2f} bp worse"
    return f"{gate.detectable:.1%} of orders"


def _show_summaries(summaries: list[Summary], count: int, history: Path | None) -> None:
    noise = "" if history is None else f", all with the noise of {history}"
    say(heading(f"  {count:,} rollouts of each, through the gates of {SOURCE}{noise}"))
    say("")
    rows = [
        (
            each.scenario.name, f"{each.share(COMPLETED):.1%}", f"{each.share(ROLLED_BACK):.1%}",
            f"{each.share(STUCK):.1%}", f"{each.caught_by('LIVE_10'):.1%}", _counts(each.stages()),
            _number(each.median_orders()), _number(each.median_days()), _counts(each.gates()),
        )
        for each in summaries
    ]  # fmt: skip
    columns = (
        "scenario",
        "completed>",
        "rolled back>",
        "stuck>",
        "by LIVE_10>",
        "in stage",
        "orders until>",
        "days in all>",
        "by gate",
    )
    say(table(columns, rows))


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {times:,}" for name, times in found.items()) or "–"


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:,.0f}"


def read_differences(path: Path) -> tuple[float, ...]:
    """B4 − B3 of real orders in bp, one a line in their order; Stop names the line that is no number."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise Stop(Exit.USAGE, f"{path} cannot be read: {problem}") from None
    for number, line in enumerate(lines, start=1):
        try:
            found.append(float(line))
        except ValueError:
            raise Stop(Exit.USAGE, f"{path}:{number}: {line!r} is no number; give bp, one order a line") from None
    if len(found) < FEWEST_ORDERS or not all(map(isfinite, found)) or len(set(found)) == 1:
        raise Stop(Exit.USAGE, f"{path}: give at least {FEWEST_ORDERS} orders whose differences are known and vary")
    return tuple(found)


def _scenario(name: str) -> Scenario:
    found = [each for each in SHIPPED if each.name == name]
    if not found:
        raise Stop(Exit.USAGE, f"no scenario is called {name!r}; {nearest(name, [each.name for each in SHIPPED])}")
    return found[0]


def _progress(scenario: Scenario, count: int) -> Any:
    """A moving line on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(done: int) -> None:
        if done % 10 == 0 or done == count:
            sys.stderr.write(f"\r\033[K  {scenario.name}: {done:,} of {count:,}")
            sys.stderr.flush()

    return show


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "scenario": summary.scenario.name, "rollouts": len(summary.rollouts), "completed": summary.share(COMPLETED),
        "rolled_back": summary.share(ROLLED_BACK), "stuck": summary.share(STUCK),
        "caught_by_live_10": summary.caught_by("LIVE_10"), "median_orders": _known(summary.median_orders()),
        "median_days": _known(summary.median_days()), "stages": dict(summary.stages()),
        "gates": dict(summary.gates()),
    }  # fmt: skip


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _document(promised: Forecast) -> dict[str, Any]:
    return {
        "days_to_full_capital": promised.days,
        "false_alarms": promised.false_alarms,
        "problems": list(promised.problems),
        "stages": [
            {
                "stage": stage.stage.name, "orders": stage.orders, "days": stage.days, "worst_days": stage.worst_days,
                "gates": [
                    {"gate": gate.gate.name, "dry_run": gate.gate.dry_run, "alpha": gate.false_alarms,
                     "detectable": _known(gate.detectable), "total_failure_orders": gate.total_failure}
                    for gate in stage.gates
                ],
            }
            for stage in promised.stages
        ],
    }  # fmt: skip
