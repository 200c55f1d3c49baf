"""`make mutate`: every proof of every control passes, and every breach fails once its control is switched off.

    python -m tests.tools.mutate [NUMBER…]

A proof is a test with the mark `proves(control, kind)`; its kinds are legal, edge, breach and unset. What passed is
written to execution/controls_proven.json, with commit and date, and goes out with the release.
"""

import contextlib
import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tools.mutations import NAMES, NUMBERS, switched_off

ROOT = Path(__file__).resolve().parents[2]
PROVEN = ROOT / "execution" / "controls_proven.json"
KINDS = ("legal", "edge", "breach", "unset")
PLACES = ("tests/unit/toolkit/engine", "tests/stories")

ALONE = (sys.executable, "-m", "tests.tools.mutate")

Proofs = Mapping[int, Mapping[str, Sequence[str]]]


class Run(NamedTuple):
    """Tests by their ids: those that passed and those that did not."""

    passed: frozenset[str]
    failed: frozenset[str]


class Collector:
    """What is marked as a proof, by control and kind."""

    def __init__(self) -> None:
        self.proofs: defaultdict[int, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("proves"):
                number, kind = mark.args
                self.proofs[number][kind].append(item.nodeid)


class Outcomes:
    """What became of each test."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def collected() -> Proofs:
    """Every proof there is."""
    found = Collector()
    _pytest(["--collect-only", *PLACES], found)
    return found.proofs


def missing(proofs: Proofs) -> list[str]:
    """What a control still lacks, in words."""
    return [
        f"control {number} ({NAMES[number]}) has no proof of kind {kind}: mark a test with proves({number}, {kind!r})"
        for number in NUMBERS
        for kind in KINDS
        if not proofs.get(number, {}).get(kind)
    ]


def ran(tests: Iterable[str]) -> Run:
    outcomes = Outcomes()
    _pytest(sorted(tests), outcomes)
    return Run(frozenset(outcomes.passed - outcomes.failed), frozenset(outcomes.failed))


def survivors(number: int, breaches: Sequence[str]) -> list[str]:
    """Breaches that nobody notices without the control."""
    with switched_off(number):
        return sorted(ran(breaches).passed)


def listed() -> Proofs:
    """Every proof there is, from within a test: pytest runs once per process."""
    said = subprocess.run([*ALONE, "--list"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=1200).stdout
    return {int(number): kinds for number, kinds in json.loads(said).items()}


def ran_alone(tests: Sequence[str], off: int | None) -> int:
    """How many of these tests fail in a process of their own, with a control switched off."""
    command = [*ALONE, "--failures", str(off or 0), *tests]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=1200).stdout)


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--list"]:
        _say(json.dumps(collected()))
        return 0
    if arguments[:1] == ["--failures"]:
        number, tests = int(arguments[1]), arguments[2:]
        with switched_off(number) if number else contextlib.nullcontext():
            _say(str(len(ran(tests).failed)))
        return 0
    numbers = [int(argument) for argument in arguments] or list(NUMBERS)
    proofs = collected()
    problems = missing(proofs)
    failed = ran({test for number in numbers for tests in proofs.get(number, {}).values() for test in tests}).failed
    problems += [f"{test} fails with every control in force" for test in sorted(failed)]
    for number in numbers:
        breaches = proofs.get(number, {}).get("breach", [])
        alive = survivors(number, breaches)
        problems += [f"{test} passes without control {number}" for test in alive]
        killed = len(breaches) - len(alive)
        _say(f"{number:>3} {NAMES[number]:<45} {killed} of {len(breaches)} breaches noticed")
    for problem in problems:
        _say(problem)
    if not problems and numbers == list(NUMBERS):
        PROVEN.write_text(written(proofs), encoding="utf-8")
        _say(f"written: {PROVEN.relative_to(ROOT)}")
    return 1 if problems else 0


def written(proofs: Proofs) -> str:
    """The file that a release carries: which tests prove which control, of which commit and day."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    date = datetime.now(UTC).date().isoformat()
    rows = {
        str(number): {
            "name": NAMES[number],
            "commit": commit,
            "date": date,
            "tests": {kind: sorted(proofs[number][kind]) for kind in KINDS},
        }
        for number in NUMBERS
    }
    return json.dumps(rows, indent=1) + "\n"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _pytest(arguments: Sequence[str], plugin: object) -> None:
    if not arguments:
        return
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *arguments], plugins=[plugin])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
