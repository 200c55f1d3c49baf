"""`import toolkit as tk` offers what it says, loads it when asked for, and nothing before."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit


@pytest.mark.parametrize("name", toolkit.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(toolkit, name) is not None
    assert name in dir(toolkit)


def test_the_table_and_the_types_say_the_same() -> None:
    """The mirror for type checkers and the table for run time name the same homes."""
    assert set(toolkit._HOMES) == set(toolkit.__all__)
    assert typed_homes(Path(toolkit.__file__)) == toolkit._HOMES


def typed_homes(source: Path) -> dict[str, str]:
    block = next(node for node in ast.parse(source.read_text()).body if isinstance(node, ast.If))
    homes: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            inside = source.parent.parent / str(node.module).replace(".", "/") / alias.name
            is_module = inside.is_dir() or inside.with_suffix(".py").is_file()
            homes[alias.asname or alias.name] = f"{node.module}{'.' if is_module else ':'}{alias.name}"
    return homes


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"'bactest'.*backtest"):
        toolkit.__getattr__("bactest")


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = "import toolkit, sys; print(sorted({'numpy', 'pandas', 'redis', 'msgspec', 'panel'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
