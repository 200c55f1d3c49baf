"""`tk.promote`: from a file and from a notebook's cells, refused where it does not load, and told to a desk."""

import importlib.util
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from toolkit.adapters.versions import content_digest, load_version, read_manifest
from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.research.promote import Promoted, promote
from toolkit.research.strategy_source import strategy_source

IN_A_FILE = """
import toolkit as tk

LIMIT = 3


class FileTrend(tk.Strategy):
    instruments = ("AAPL",)
    fast: int = 20

    def on_bar(self, bar):
        self.target_position(LIMIT)
"""

CELLS = [
    "import math\nimport toolkit as tk\nfrom statistics import fmean as average\nimport collections.abc as abc",
    "SCALE = {'AAPL': 2.5}\nSECRET = object()\nnoise = SECRET",
    "def scaled(x: float) -> float:\n    return average([x, x]) * SCALE['AAPL']",
    """
    %precision 3
    @(lambda cls: cls)
    class Base(tk.Strategy):
        def size(self, noise=1) -> 'abc.Sequence':
            return [scaled(step) for step in range(noise)]

    class CellTrend(Base):
        instruments = ('AAPL',)
        fast: int = 5

        def on_bar(self, bar):
            noise = math.floor(scaled(bar.close))
            self.target_position(noise)

    raise_after = 1 / 2
    """,
]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "desk.yaml").write_text("name: test\n")
    return tmp_path


def from_file(folder: Path, text: str, name: str) -> type[Strategy]:
    path = folder / f"{name.lower()}_source.py"
    path.write_text(text)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    found = getattr(module, name)
    assert issubclass(found, Strategy)
    return found


def in_notebook(cells: list[str], last: str) -> str:
    """Run cells as a notebook's kernel does, then print what `last` says."""
    program = f"""
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        for cell in {[textwrap.dedent(cell).strip() for cell in cells]!r}:
            shell.run_cell(cell).raise_error()
        shell.run_cell({textwrap.dedent(last).strip()!r}).raise_error()
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=300
    )
    return ran.stdout if ran.returncode == 0 else ran.stdout + ran.stderr


def test_a_class_in_a_file_becomes_a_version_with_its_whole_file(desk: Path) -> None:
    result = promote(from_file(desk, IN_A_FILE, "FileTrend"), parameters={"fast": 7}, home=desk)
    assert (result.strategy, result.version, result.fresh) == ("file_trend", 1, True)
    assert (result.path / "filetrend_source.py").read_text() == IN_A_FILE
    assert read_manifest(result.path).parameters == {"fast": 7}
    assert "No desk runs here" in result.note
    again = promote(from_file(desk, IN_A_FILE, "FileTrend"), parameters={"fast": 7}, home=desk)
    assert (again.version, again.fresh) == (1, False)


def test_it_looks_like_something_in_a_notebook(desk: Path) -> None:
    page = promote(from_file(desk, IN_A_FILE, "FileTrend"), "trend", {"fast": 7}, home=desk)._repr_html_()
    assert "<b>trend v1</b>" in page
    assert "fast = 7" in page
    assert "AAPL" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import neighbour_of_mine\n", r"source.py:1 in <module>: ModuleNotFoundError.*put its code into the"),
        ("assert 'registry' not in __file__, 'x'\n", r"source.py:1 in <module>: AssertionError: x; mend that line"),
        ("import os\nif 'registry' in __file__: os._exit(3)\n", "ended the interpreter with code 3"),
    ],
)
def test_what_loads_here_but_not_elsewhere_is_refused_and_leaves_nothing(desk: Path, text: str, told: str) -> None:
    (desk / "neighbour_of_mine.py").write_text("")
    sys.path.insert(0, str(desk))
    try:
        strategy = from_file(desk, text + IN_A_FILE, "FileTrend")
    finally:
        sys.path.remove(str(desk))
    with pytest.raises(ConfigError, match=told):
        promote(strategy, home=desk)
    assert not list(desk.glob("var/registry/*"))


def test_bad_names_parameters_and_classes_are_refused_first(desk: Path) -> None:
    strategy = from_file(desk, IN_A_FILE, "FileTrend")
    with pytest.raises(ConfigError, match="small letters"):
        promote(strategy, "../Trend", home=desk)
    with pytest.raises(ConfigError, match="did you mean 'fast'"):
        promote(strategy, parameters={"fsat": 1}, home=desk)
    with pytest.raises(ConfigError, match="names no instruments"):
        promote(from_file(desk, IN_A_FILE.replace('("AAPL",)', "()"), "FileTrend"), home=desk)
    with pytest.raises(TypeError, match="takes a strategy class"):
        promote(strategy(), home=desk)
    with pytest.raises(ConfigError, match="no desk"):
        promote(strategy, home=desk / "config")
    assert not list(desk.glob("var/registry/*"))


def test_a_class_inside_of_a_function_is_refused() -> None:
    class Local(Strategy): ...

    with pytest.raises(ConfigError, match="move it to the top"):
        strategy_source(Local)


def test_a_class_in_a_cell_is_promoted_with_what_it_uses_and_nothing_else(desk: Path) -> None:
    said = in_notebook(CELLS, f"print(tk.promote(CellTrend, home={str(desk)!r}))")
    assert "cell_trend v1" in said, said
    folder = desk / "var" / "registry" / "cell_trend" / "v1"
    text = (folder / "cell_trend.py").read_text()
    assert "SECRET" not in text
    assert "raise_after" not in text
    (digest,) = (line for line in said.split() if line.startswith("("))
    full = content_digest(folder)
    assert digest == f"({full[:6]})."
    assert load_version(folder, full).strategy_class.__name__ == "CellTrend"


def test_a_signal_in_a_cell_is_promoted_with_its_function_and_the_call_that_made_it(desk: Path) -> None:
    cell = """
    TOP = 2

    def ranked(closes, days: int = 5):
        rose = closes.iloc[-1] / closes.iloc[-days]
        return (rose.rank() > TOP) * (1 / scaled(len(rose)))

    Ranked = tk.from_signal(ranked, instruments=["AAPL", "IBM", "MSFT"], warmup="days", band=0.02)
    """
    said = in_notebook([*CELLS[:3], cell], f"print(tk.promote(Ranked, home={str(desk)!r}, parameters={{'days': 9}}))")
    assert "ranked v1" in said, said
    folder = desk / "var" / "registry" / "ranked" / "v1"
    text = (folder / "ranked.py").read_text()
    call = "Ranked = from_signal(ranked, instruments=('AAPL', 'IBM', 'MSFT'), warmup='days', band=0.02)"
    assert text.rstrip().splitlines()[-1] == call
    assert "TOP = 2" in text
    assert "SECRET" not in text
    loaded = load_version(folder, content_digest(folder))
    assert (loaded.strategy_class.__name__, loaded.manifest.parameters) == ("Ranked", {"days": 9})
    assert loaded.strategy_class.instruments == ("AAPL", "IBM", "MSFT")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            "class Using(tk.Strategy):\n    instruments = ('A',)\n    def on_bar(self, bar):\n        print(SECRET)",
            "Using uses SECRET, a object of this notebook",
        ),
        ("class Using(tk.Strategy):\n    instruments = ('A',)", "give it at least one method"),
    ],
)
def test_what_a_cell_cannot_bring_along_is_named(desk: Path, cell: str, told: str) -> None:
    said = in_notebook([*CELLS[:2], cell], f"print(tk.promote(Using, home={str(desk)!r}))")
    assert told in " ".join(said.split())
    assert not list(desk.glob("var/registry/*"))


def test_a_result_reads_as_a_sentence(tmp_path: Path) -> None:
    result = Promoted("trend", 2, "7f3ac1" + "0" * 58, tmp_path, {}, ("AAPL",), False, "No desk runs here.")
    assert str(result) == "trend v2 (7f3ac1). Nothing changed since it was promoted before. No desk runs here."
