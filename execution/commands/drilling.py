"""`execution drill`: breaks a desk of its own on purpose and writes down how long it took to notice and to be safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import GREEN, RED, banner, paint, say, say_json
from execution.drills.catalogue import DRILLS, run_drill
from execution.drills.outcome import Finding, Outcome
from execution.drills.report import write_report
from execution.wiring.drill_desk import drill_desk

RUNS = 3


def drill(
    given: Path | None, names: Sequence[str], *, everything: bool, short: bool, reports: Path | None, as_json: bool
) -> Exit:
    """Run drills one after the other and report. FINDINGS when one did not pass."""
    if everything == bool(names):
        raise Stop(Exit.USAGE, f"name drills, or say --all; there are {', '.join(DRILLS)}")
    unknown = [name for name in names if name not in DRILLS]
    if unknown:
        raise Stop(Exit.USAGE, f"no drill {', '.join(unknown)}; there are {', '.join(DRILLS)}")
    folder = reports or the_home(given).root / "reports" / "drills"
    began, started = datetime.now(UTC), time.monotonic()
    if not as_json:
        say(banner("paper", "drills, on a desk of their own that is gone afterwards"))
    outcomes = asyncio.run(_run(list(DRILLS) if everything else list(names), 1 if short else RUNS, quiet=as_json))
    page = write_report(folder, outcomes, began, time.monotonic() - started)
    passed = all(outcome.passed for outcome in outcomes)
    if as_json:
        say_json({"passed": passed, "report": str(page), "drills": {each.name: each.passed for each in outcomes}})
    else:
        say(f"  {page}")
    return Exit.DONE if passed else Exit.FINDINGS


async def _run(names: Sequence[str], runs: int, *, quiet: bool) -> list[Outcome]:
    outcomes = []
    async with drill_desk() as desk:
        for name in names:
            findings = [await run_drill(desk, name) for _ in range(runs)]
            outcome = Outcome(name=name, page=DRILLS[name][1], findings=tuple(findings))
            outcomes.append(outcome)
            if not quiet:
                _tell(outcome)
    return outcomes


def _tell(outcome: Outcome) -> None:
    sign = paint("✓", GREEN) if outcome.passed else paint("✗", RED)
    worst = max(outcome.findings, key=lambda finding: (not finding.passed, finding.safe_seconds or 0))
    say(f"  {sign} {outcome.name:<16} {_after(worst.detect_seconds):>8} noticed, {_after(worst.safe_seconds):>8} safe")
    if not outcome.passed:
        say(paint(f"    {_problem(worst)}", RED))


def _problem(finding: Finding) -> str:
    return f"{finding.ended}; the venue: {finding.venue_says}"


def _after(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"
