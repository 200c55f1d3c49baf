"""A sweep that was tried is known again by all of its code: a helper that changes makes it another one."""

import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from toolkit.research.imported_sources import imported_digest, imported_files
from toolkit.research.sweep_store import Store

STRATEGY = """\
import numpy as np
import toolkit as tk
from swept_helper import level

class Swept(tk.Strategy):
    instruments = ("IBM",)
    bar = "1d"

    def on_bar(self, bar):
        self.target_position(level(bar.close))
"""
FILES = {
    "swept_strategy.py": STRATEGY,
    "swept_helper.py": "import json\nfrom swept_package import deep\n\ndef level(x):\n    return deep.EDGE\n",
    "swept_package/__init__.py": "",
    "swept_package/deep.py": "from . import deeper\nfrom .constants import *\nEDGE = 1\n",
    "swept_package/deeper.py": "def later():\n    import swept_late\n",
    "swept_package/constants.py": "import swept_helper\n",
    "swept_late.py": "",
    "swept_stranger.py": "",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("swept_")]:
        del sys.modules[name]


def test_everything_of_ones_own_is_found_and_nothing_else_and_nothing_is_imported(place: Path) -> None:
    found = imported_files(STRATEGY)
    assert {str(path.relative_to(place)) for path in found.values()} == FILES.keys() - {
        "swept_strategy.py", "swept_stranger.py",
    }  # fmt: skip
    assert not [name for name in sys.modules if name.startswith("swept_")]


@pytest.mark.parametrize("changed", sorted(FILES.keys() - {"swept_strategy.py", "swept_stranger.py"}))
def test_a_change_in_any_of_them_changes_the_digest(place: Path, changed: str) -> None:
    before = imported_digest(STRATEGY)
    (place / "swept_stranger.py").write_text("X = 2\n")
    assert imported_digest(STRATEGY) == before
    (place / changed).write_text(FILES[changed] + "# changed\n")
    assert imported_digest(STRATEGY) != before


def test_a_source_that_imports_only_packages_has_no_digest() -> None:
    assert imported_digest("import toolkit\nimport numpy.random\nfrom pandas import DataFrame\n") == b""


def test_points_of_a_sweep_are_not_those_of_another_helper(place: Path, tmp_path: Path) -> None:
    strategy = import_module("swept_strategy").Swept
    data = tk.data.sample(2, ["IBM"])
    before = Store.open(tmp_path / "sweeps", strategy, data, {})
    before.keep({"depth": 1}, {"pnl": 1.0})
    assert Store.open(tmp_path / "sweeps", strategy, data, {}).known({"depth": 1}) == {"pnl": 1.0}
    (place / "swept_package/deep.py").write_text("EDGE = 2\n")
    assert Store.open(tmp_path / "sweeps", strategy, data, {}).known({"depth": 1}) is None
