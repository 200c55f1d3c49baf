"""What import contracts cannot say: code that decides asks no clock, even through a module that it may import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

DECIDING = ("domain", "engine", "simulation", "rollout")
CLOCKS = {"now", "today", "utcnow"}  # of datetime, date, Timestamp
OUTSIDE = {"open", "print", "input", "breakpoint", "exec", "eval", "__import__"}


def deciding_modules(repository: Path) -> list[Path]:
    return sorted(path for layer in DECIDING for path in (repository / "toolkit" / layer).rglob("*.py"))


def outside_calls(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if name in CLOCKS and owner in {
                "datetime",
                "date",
                "Timestamp",
            }:
                yield f"line {node.lineno}: {owner}.{name}() reads the clock; take `now` as an argument"
            case ast.Call(func=ast.Name(id=name)) if name in OUTSIDE:
                yield f"line {node.lineno}: {name}() reaches outside; that is an adapter's work"
            case ast.Call(func=ast.Name(id=("hash" | "id") as name)):
                yield f"line {node.lineno}: {name}() differs from run to run; a decision may not hang on it"


def test_code_that_decides_asks_no_clock_and_reaches_nothing_outside(repository: Path) -> None:
    modules = deciding_modules(repository)
    assert modules
    found = [
        f"{module.relative_to(repository)} {call}" for module in modules for call in outside_calls(module.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", ["datetime.now(UTC)", "date.today()", "open('x')", "print(1)", "hash(order)"])
def test_the_search_knows_a_reach_outside_when_it_sees_one(line: str) -> None:
    assert list(outside_calls(line))


def test_a_module_opens_with_one_sentence(repository: Path) -> None:
    sources = [path for package in ("toolkit", "execution") for path in (repository / package).rglob("*.py")]
    silent = [
        str(path.relative_to(repository)) for path in sources if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_a_module_stays_small_enough_to_be_read_at_once(repository: Path) -> None:
    sources = [path for package in ("toolkit", "execution") for path in (repository / package).rglob("*.py")]
    long = {
        str(path.relative_to(repository)): lines
        for path in sources
        if (lines := len(path.read_text().splitlines())) > 500
    }
    assert not long, f"split these: {long}"
