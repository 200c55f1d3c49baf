"""`tk.check` finds the future where a strategy's module keeps it out of sight, and leaves settings alone."""

import ast
import io
import json
import os
import subprocess
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from string import Template
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import toolkit as tk
from toolkit.domain.time import FeedTime
from toolkit.research.check_result import CheckResult, Verdict
from toolkit.research.held import is_more_than_settings, parts
from toolkit.research.horizon import nothing_after
from toolkit.research.reach import reach

DATA = tk.data.sample(8, ["IBM", "MSFT"])
BY = {symbol: DATA.frame(symbol) for symbol in ("IBM", "MSFT")}
MIDS = [float(mid) for mid in BY["IBM"]["mid"]]
DAYS = pd.bdate_range("2024-03-04", periods=12).strftime("%Y-%m-%d")
CLOSES = [100.0 + number % 3 for number in range(12)]
PRICES = pd.DataFrame({"date": DAYS, "open": 101.0, "high": 103.0, "low": 99.0, "close": CLOSES, "volume": 4_000})
ACME = tk.data.instruments(
    pd.DataFrame({"symbol": ["ACME"], "tick": ["0.01"], "lot": ["1"], "currency": ["USD"], "calendar": ["XNYS"]})
)
OWN = tk.data.from_pandas(PRICES, ACME)
LATE: dict[str, Any] = {}
TABLE: pd.DataFrame | None = None


class Daily(tk.Strategy):
    bar = "1d"
    warmup = 1

    def on_bar(self, bar: Any) -> None:
        self.target_position(bar.instrument, 10 if self.last(bar) > bar.close else -10)

    def last(self, bar: Any) -> float:
        return float(bar.open)


class ByDict(Daily):
    """The usual shape for several instruments."""

    def last(self, bar: Any) -> float:
        return float(BY[bar.instrument]["mid"].iloc[-1])


class ByDictOfItsClass(Daily):
    tables: ClassVar[dict[str, dict[str, pd.DataFrame]]] = {"mids": BY}

    def last(self, bar: Any) -> float:
        return float(self.tables["mids"][bar.instrument]["mid"].iloc[-1])


@lru_cache
def from_file() -> float:
    return float(len(Path(__file__).read_text()))


class FileOnce(Daily):
    def last(self, bar: Any) -> float:
        return from_file()


def told(function: Callable[[], float]) -> Callable[[], float]:
    @wraps(function)
    def telling() -> float:
        return function()

    return telling


FROM_FILE = {"file": told(told(from_file))}


class FileInDict(Daily):
    """The function is in a dict, behind decorators."""

    def last(self, bar: Any) -> float:
        return FROM_FILE["file"]()


@lru_cache
def whole_table() -> pd.DataFrame:
    return DATA.frame("IBM")


class TableOnce(Daily):
    """Keeps the table of the first run for those in which the future is taken away."""

    def last(self, bar: Any) -> float:
        return float(whole_table()["mid"].iloc[-1])


class TableLater(Daily):
    """Has no table before it runs."""

    def last(self, bar: Any) -> float:
        global TABLE  # the shape that is to be found
        if TABLE is None:
            TABLE = DATA.frame("IBM")
        return float(TABLE["mid"].iloc[-1])


class ListLater(Daily):
    """Has no list before it runs."""

    def last(self, bar: Any) -> float:
        if not LATE:
            LATE["mids"] = DATA.frame("IBM")["mid"].tolist()
        return float(LATE["mids"][-1])


class Reporter(Daily):
    """The report of own data holds all of it."""

    def last(self, bar: Any) -> float:
        return float(OWN.report.spans[0].series.values["close"][-1]) / 100


class ReporterInDict(Daily):
    """The same a function away, and the data in a dict."""

    def last(self, bar: Any) -> float:
        return highest(DATASETS["own"])


DATASETS = {"own": OWN}
REPORT = OWN.report


def highest(data: Any) -> float:
    return float(data.report.spans[0].series.values["close"].max()) / 100


class Kept(Daily):
    def last(self, bar: Any) -> float:
        return float(REPORT.spans[0].series.values["close"][-1]) / 100


def causes(result: CheckResult) -> str:
    return " ".join(cause for finding in result.findings for cause in finding.causes)


@pytest.mark.parametrize(
    ("strategy", "cause"),
    [
        (ByDict, "BY['IBM'], which holds the future"),
        (ByDictOfItsClass, "ByDictOfItsClass.tables['MSFT'], which holds the future"),
        (TableOnce, "DATA, which holds the future"),
        (TableLater, "TABLE, which holds the future"),
    ],
)
def test_a_table_that_knows_more_than_the_time_fails(strategy: type[tk.Strategy], cause: str) -> None:
    before = {symbol: len(table) for symbol, table in BY.items()}
    result = tk.check(strategy, DATA)
    assert result.finding("No look-ahead").verdict is Verdict.FAIL
    assert cause in causes(result)
    assert {symbol: len(table) for symbol, table in BY.items()} == before, "they are whole again"


@pytest.mark.parametrize(
    ("strategy", "data", "cause"),
    [
        (FileOnce, DATA, "read_text reads a file"),
        (FileInDict, DATA, "read_text reads a file"),
        (ListLater, DATA, "LATE has no times"),
        (Reporter, OWN, "OWN.report tells of the whole data"),
        (ReporterInDict, OWN, "DATASETS.report tells of the whole data"),
        (Kept, OWN, "REPORT has no times"),
    ],
)
def test_what_nobody_can_cut_is_inconclusive(strategy: type[tk.Strategy], data: tk.data.FeedData, cause: str) -> None:
    result = tk.check(strategy, data)
    assert result.finding("Hidden inputs").verdict is Verdict.INCONCLUSIVE
    assert not result.passed
    assert cause in causes(result)


def test_own_data_that_is_not_asked_for_its_report_is_clean() -> None:
    assert tk.check(Daily, OWN).passed


def test_own_data_says_no_more_of_itself_than_what_is_past() -> None:
    assert "102.00" in repr(OWN)
    with nothing_after(FeedTime(next(iter(OWN)).time)):
        assert "102.00" not in repr(OWN) + OWN._repr_html_()


def reader(held: object) -> type[tk.Strategy]:
    """A strategy that has something in a closure."""

    class Reading(Daily):
        def last(self, bar: Any) -> float:
            return float(bar.close if held else 0)

    return Reading


@dataclass
class Kit:
    """An object that a strategy uses."""

    prices: object


class Slotted:
    __slots__ = ("prices",)

    def __init__(self, prices: object) -> None:
        self.prices = prices


ROWS = [f"2026-01-05 09:{number % 60:02},up" for number in range(500)]


@pytest.mark.parametrize(
    "held",
    [
        deque(MIDS),
        [np.array(MIDS[:8]), np.array(MIDS[8:16]), np.array(MIDS[16:24])],
        ROWS,
        ROWS[:21],
        {"rows": ("up",) * 500},
        dict.fromkeys(ROWS[:30], "up"),
        pd.DatetimeIndex(BY["IBM"].index),
        pd.Index(ROWS[:30]),
        np.array(ROWS[:30]),
        np.array(MIDS[:30], dtype=object),
        array("d", MIDS),
        memoryview(array("d", MIDS)),
        bytearray(30),
        {"a": {"b": [{"c": tuple(MIDS[:21])}]}},
        MappingProxyType({"mids": MIDS}),
        {"mids": MIDS}.values(),
        [BY["IBM"]],
        BY["IBM"]["mid"].reset_index(drop=True),
        pd.Categorical(ROWS[:30]),
        pd.array(MIDS),
        SimpleNamespace(prices=MIDS),
        Kit(MIDS),
        Kit(Kit(BY["IBM"])),
        Slotted(MIDS),
        [Kit(number) for number in range(30)],
        Kit(MIDS).__eq__,
        list(DATA)[:30],
        [None] * 10_000,
    ],
    ids=lambda held: type(held).__name__,
)
def test_more_than_settings_is_found_in_each_shape(held: object) -> None:
    assert is_more_than_settings(held)
    assert reach(reader(held)).arrays == ("held",)


@pytest.mark.parametrize(
    "held",
    [
        {"fast": 20, "slow": 50, "share": 0.3, "name": "trend"},
        ["AAPL", "FB", "GOOG", "IBM", "MSFT", "ESZ6", "7203"],
        tuple(f"SYM{chr(65 + one)}{chr(65 + two)}" for one in range(12) for two in range(12)),
        {symbol: {"tick": 0.01, "lot": 100} for symbol in ("7203", "6758", "9984", "8306", "6861")},
        {"ESZ6": 50.0, "NQZ6": 20.0, "CLF7": 1_000.0},
        np.array([0.1, 0.2, 0.7]),
        pd.Index(["IBM", "MSFT"]),
        deque(maxlen=5),
        Kit({"fast": 20}),
        [*DATA.instruments, *ACME] * 9,
        DATA,
        BY,
        range(1_000),
        np,
        tk,
        pd.Timestamp("2026-01-05", tz="America/New_York"),
        pd.Timestamp("2026-01-05", tz="America/New_York").tzinfo,
        lru_cache(len),
        None,
    ],
    ids=lambda held: type(held).__name__,
)
def test_settings_are_left_alone(held: object) -> None:
    assert not is_more_than_settings(held)
    assert reach(reader(held)).arrays == ()


def test_what_holds_itself_is_looked_through_once() -> None:
    ring: list[Any] = [1, 2]
    ring.append({"ring": ring})
    assert not is_more_than_settings(ring)
    assert len(list(parts(ring))) == 5


def test_what_is_looked_at_is_not_used_up() -> None:
    rows = iter(MIDS)
    assert not is_more_than_settings([rows])
    assert len(list(rows)) == len(MIDS)


def test_a_name_without_a_value_yet_is_nothing() -> None:
    reading = reader(MIDS)
    assert reach(reading).arrays == ("held",)
    [cell] = vars(reading)["last"].__closure__
    del cell.cell_contents
    assert reach(reading).arrays == ()


def piped() -> object:
    return os.popen("true")


def described() -> object:
    number = os.open(__file__, os.O_RDONLY)
    return os.read(number, 10)


def asked() -> object:
    return subprocess.run(["true"], check=True)


def opened() -> object:
    return FILES.open(__file__)


def asked_within() -> object:
    from subprocess import check_output

    return check_output(["true"])


FILES = io
ASK = subprocess.check_output
POPEN, READ = os.popen, os.read


def asked_by_name() -> object:
    return ASK(["true"])


def piped_by_name() -> object:
    return POPEN("true")


def read_by_name() -> object:
    return READ(0, 10)


@pytest.mark.parametrize(
    ("function", "files"),
    [
        (piped, ("os.popen",)),
        (described, ("os.open", "os.read")),
        (asked, ("subprocess",)),
        (opened, ("FILES.open",)),
        (asked_within, ("subprocess",)),
        (asked_by_name, ("ASK",)),
        (piped_by_name, ("POPEN",)),
        (read_by_name, ("READ",)),
    ],
)
def test_other_ways_to_a_file_are_found(function: Callable[[], object], files: tuple[str, ...]) -> None:
    class Reading(Daily):
        def last(self, bar: Any) -> float:
            return float(bar.close if function() else 0)

    assert reach(Reading).files == files


# ---- no false alarms


def classes_of(source: str) -> Iterator[type[tk.Strategy]]:
    """The strategies of a source; of its other lines only imports are carried out."""
    whole = ast.parse(source)
    whole.body = [one for one in whole.body if isinstance(one, ast.Import | ast.ImportFrom | ast.ClassDef)]
    module = ModuleType("shipped")
    exec(compile(whole, "shipped", "exec"), vars(module))
    yield from (one for one in vars(module).values() if isinstance(one, type) and issubclass(one, tk.Strategy))


def shipped(repository: Path) -> Mapping[str, str]:
    sources = {path.name: path.read_text() for path in (repository / "notebooks" / "strategies").glob("*.py")}
    cells = json.loads((repository / "notebooks" / "03_write_a_strategy.ipynb").read_text())["cells"]
    sources["03"] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    template = (repository / "execution" / "templates" / "strategy" / "strategy.py.txt").read_text()
    return sources | {"template": Template(template).safe_substitute(class_name="Mine", instruments='"IBM",')}


def test_nothing_is_found_in_what_is_shipped(repository: Path) -> None:
    strategies = [strategy for source in shipped(repository).values() for strategy in classes_of(source)]
    names = {strategy.__name__ for strategy in strategies}
    assert names >= {"Trend", "Quoting", "MeanReversion", "Trailing", "Forgetful", "Mine"}
    found = [reach(strategy) for strategy in strategies]
    assert {(one.clocks, one.dice, one.files, one.data, one.arrays, one.reports) for one in found} == {((),) * 6}
