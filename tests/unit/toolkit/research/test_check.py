"""`tk.check` catches what no backtest shows: each way to cheat or to forget once, and no false alarm."""

import random
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import time
from typing import Any, ClassVar

import numpy as np
import pytest

import toolkit as tk
from toolkit.domain.errors import ConfigError
from toolkit.domain.time import FeedTime
from toolkit.research.check_result import CheckResult, Verdict
from toolkit.research.horizon import nothing_after
from toolkit.research.observation import Said, first_difference
from toolkit.research.reach import reach

DATA = tk.data.sample(8, ["IBM", "MSFT"])
TABLE = DATA.frame()
LARGE = np.zeros(2_000)
SEEN: list[float] = []
CLOSES = TABLE[TABLE["instrument"] == "IBM"]["mid"].groupby(lambda time: time.normalize()).last()
CLOSES_BY_NUMBER = [float(number) for number in range(21)]
SIGNS = {f"2026-01-{day:02}": {"IBM": day % 2} for day in range(1, 31)}
SETTINGS = {"IBM": 10.0, "MSFT": 20.0}


class Daily(tk.Strategy):
    bar = "1d"
    warmup = 1

    def on_bar(self, bar: Any) -> None:
        self.target_position(bar.instrument, self.size(bar))

    def size(self, bar: Any) -> int:
        return 10 if bar.close > bar.open else -10


class Tables(Daily):
    """Knows the last price from a table of its module."""

    def size(self, bar: Any) -> int:
        return 10 if TABLE[TABLE["instrument"] == bar.instrument]["mid"].iloc[-1] > bar.close else -10


class Sampler(Daily):
    """Makes the data anew inside of a hook."""

    instruments = ("IBM",)

    def size(self, bar: Any) -> int:
        return int(tk.data.sample(4, ["IBM"]).summary.steps)


class Indexer(Daily):
    """Asks for the price of a step that is still to come."""

    def size(self, bar: Any) -> int:
        return 10 if TABLE["mid"].iloc[60] > bar.close else -10


class Dice(Daily):
    def size(self, bar: Any) -> int:
        return random.randint(1, 1_000)


class WallClock(Daily):
    """Decides by the hour on the wall: the same in two runs of one minute."""

    def size(self, bar: Any) -> int:
        return 10 + datetime.now(UTC).year


class Hoarder(Daily):
    """Collects in a list of its module."""

    def size(self, bar: Any) -> int:
        SEEN.append(bar.close)
        return len(SEEN)


class ClassHoarder(Daily):
    """Collects in a list of its class."""

    seen: ClassVar[list[float]] = []

    def size(self, bar: Any) -> int:
        self.seen.append(bar.close)
        return len(self.seen)


class Weights(Daily):
    """Reads a large array, of which nobody knows what it holds."""

    def size(self, bar: Any) -> int:
        return 10 + int(LARGE[3])


class SameDay(tk.Strategy):
    """At the day's first step it knows how that day will close, from a table of bare dates."""

    def on_quote(self, quote: Any) -> None:
        closes = CLOSES[: str(self.now)[:10]]
        self.target_position(quote.instrument, 10 if len(closes) and closes.iloc[-1] > quote.bid else -10)


class Listed(Daily):
    """Reads a list that is short, and yet longer than any settings."""

    def size(self, bar: Any) -> int:
        return 10 + int(CLOSES_BY_NUMBER[3])


class Signed(Daily):
    """Reads a number a day from a dict."""

    def size(self, bar: Any) -> int:
        return 10 + SIGNS["2026-01-02"]["IBM"]


class OfItsClass(Daily):
    """Holds the table itself, where no cut can reach it."""

    closes: ClassVar[Any] = CLOSES

    def size(self, bar: Any) -> int:
        return 10 + len(self.closes)


class Reader(Daily):
    """Reads a file when asked, which nobody can end."""

    def size(self, bar: Any) -> int:
        opened: Any = open
        with opened(__file__, encoding="utf-8") as text:
            return 10 + len(text.readline())


class PathReader(Daily):
    """The same through a path, a few calls away."""

    def size(self, bar: Any) -> int:
        return Shelf().length()


class Shelf:
    """What a strategy of its module uses."""

    closes: ClassVar[list[float]] = CLOSES_BY_NUMBER

    def length(self) -> int:
        return 10 + len(Path(__file__).read_text().splitlines()[0])


class ByDefault(Daily):
    """Has the table in the default of an argument."""

    def size(self, bar: Any, closes: Any = CLOSES) -> int:
        return 10 + len(closes)


def higher(closes: list[float], price: float) -> int:
    return 10 + int(max(closes) > price)


HIGHER = partial(higher, CLOSES_BY_NUMBER)
TEXT = ",".join(map(str, range(400)))


class Bound(Daily):
    """Has the numbers bound to a function."""

    def size(self, bar: Any) -> int:
        return HIGHER(bar.close)


class Text(Daily):
    """Has them in a text."""

    def size(self, bar: Any) -> int:
        return 10 + len(TEXT.split(","))


class Written(Daily):
    """Has them in its code."""

    def size(self, bar: Any) -> int:
        return 10 + int(bar.close in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21))


class LocalClock(Daily):
    """Imports the clock where it reads it."""

    def size(self, bar: Any) -> int:
        import time as clock

        return 10 + int(clock.time() > 0)


class Namesake(Daily):
    """Asks a bar for `open`, itself for `time` and a module for a time of day: neither a file nor a clock."""

    def size(self, bar: Any) -> int:
        import datetime as calendar

        return 10 + int(bar.open > 0) + self.time + calendar.time(9, 30).hour

    @property
    def time(self) -> int:
        return 1


class Set(Daily):
    """Reads a few settings of its module, as it may."""

    def size(self, bar: Any) -> int:
        return int(SETTINGS[bar.instrument])


class Silent(tk.Strategy):
    bar = "1d"

    def on_bar(self, bar: Any) -> None:
        self.log("nothing to say")


class Raiser(Daily):
    def size(self, bar: Any) -> int:
        raise ZeroDivisionError("a slip")


def verdicts(result: CheckResult) -> dict[str, str]:
    return {finding.name: str(finding.verdict) for finding in result.findings}


CLEAN = dict.fromkeys(("Repeatable", "No look-ahead", "Survives a restart", "Hidden inputs"), "PASS")
UNTOLD = {"No look-ahead": "INCONCLUSIVE", "Survives a restart": "INCONCLUSIVE"}


@pytest.mark.parametrize(
    ("strategy", "unlike_clean", "cause"),
    [
        (Daily, {}, ""),
        (Tables, {"No look-ahead": "FAIL"}, "TABLE"),
        (Indexer, {"No look-ahead": "FAIL"}, "TABLE"),
        (Sampler, {"No look-ahead": "FAIL"}, "more of the data"),
        (Dice, {"Repeatable": "FAIL", "Hidden inputs": "FAIL"} | UNTOLD, "random numbers from random"),
        (WallClock, {"Hidden inputs": "FAIL"}, "datetime.now is the wall clock"),
        (Hoarder, {"Repeatable": "FAIL"} | UNTOLD, "it keeps things in SEEN"),
        (ClassHoarder, {"Repeatable": "FAIL"} | UNTOLD, "ClassHoarder.seen"),
        (Weights, {"Hidden inputs": "INCONCLUSIVE"}, "LARGE has no times"),
        (SameDay, {"No look-ahead": "FAIL"}, "CLOSES, whose row of a date is not known before that date is over"),
        (Listed, {"Hidden inputs": "INCONCLUSIVE"}, "CLOSES_BY_NUMBER has no times"),
        (Signed, {"Hidden inputs": "INCONCLUSIVE"}, "SIGNS has no times"),
        (OfItsClass, {"Hidden inputs": "INCONCLUSIVE"}, "OfItsClass.closes has no times"),
        (Reader, {"Hidden inputs": "INCONCLUSIVE"}, "open reads a file"),
        (PathReader, {"Hidden inputs": "INCONCLUSIVE"}, "Shelf.closes has no times"),
        (PathReader, {"Hidden inputs": "INCONCLUSIVE"}, "read_text reads a file"),
        (ByDefault, {"Hidden inputs": "INCONCLUSIVE"}, "size(closes=…) has no times"),
        (Bound, {"Hidden inputs": "INCONCLUSIVE"}, "HIGHER has no times"),
        (Text, {"Hidden inputs": "INCONCLUSIVE"}, "TEXT has no times"),
        (Written, {"Hidden inputs": "INCONCLUSIVE"}, "what size lists has no times"),
        (LocalClock, {"Hidden inputs": "FAIL"}, "time.time is the wall clock"),
        (Namesake, {}, ""),
        (Set, {}, ""),
        (Silent, dict.fromkeys(CLEAN, "INCONCLUSIVE"), ""),
    ],
)
def test_each_way_to_cheat_and_to_forget(strategy: type[tk.Strategy], unlike_clean: dict[str, str], cause: str) -> None:
    result = tk.check(strategy, DATA)
    assert verdicts(result) == CLEAN | unlike_clean
    assert result.passed == (not unlike_clean)
    assert cause in " ".join(cause for finding in result.findings for cause in finding.causes)


def test_tables_are_whole_again_after_a_check() -> None:
    before = len(TABLE)
    tk.check(Tables, DATA)
    assert len(TABLE) == before


def test_the_same_seed_draws_the_same_steps() -> None:
    assert str(tk.check(Daily, DATA, seed=3)) == str(tk.check(Daily, DATA, seed=3))
    assert str(tk.check(Daily, DATA, seed=3)) != str(tk.check(Daily, DATA, seed=4))


def test_the_page_shows_verdict_place_and_both_words_and_escapes_them() -> None:
    result = tk.check(Tables, DATA)
    page = result._repr_html_()
    difference = result.finding("No look-ahead").difference
    assert difference is not None
    assert all(part in page for part in ("FAIL", "PASS", f"step {difference.step:,}", difference.instrument))
    assert "<script" not in page
    assert difference.expected is not None
    assert difference.expected in page


def test_what_it_raises_on_the_whole_data_goes_through() -> None:
    with pytest.raises(ZeroDivisionError, match="a slip"):
        tk.check(Raiser, DATA)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [({"cuts": 0}, "cuts is 0"), ({"restarts": 0}, "restarts is 0"), ({"parameters": {"sise": 1}}, "no parameter")],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tk.check(Daily, DATA, **arguments)


def test_an_instance_is_no_class() -> None:
    instance: Any = Daily()
    with pytest.raises(ConfigError, match="takes one strategy class"):
        tk.check(instance, DATA)


def test_a_horizon_ends_every_data_and_only_while_it_stands() -> None:
    steps = list(DATA)
    assert DATA.summary.steps == len(steps) == 120
    with nothing_after(FeedTime(steps[28].time)):
        assert len(list(DATA)) == len(DATA) == len(tk.data.sample(3, ["IBM", "MSFT"])) == 29
        assert DATA.frame("IBM").index[-1].value == steps[28].time
    assert len(DATA) == 120


def test_reach_knows_what_a_class_asks_for_outside_of_itself() -> None:
    found = reach(Timed)
    assert (found.clocks, found.dice, found.data) == (("time",), ("GENERATOR",), ("DATA",))
    assert [name for name, _ in found.changeable] == ["SEEN"]


GENERATOR = np.random.default_rng(7)


def helper() -> float:
    return float(GENERATOR.normal()) + len(SEEN)


class Timed(Daily):
    """Reaches through a function of its module, too."""

    def size(self, bar: Any) -> int:
        return int(helper() + time() + len(DATA))


def test_runs_part_where_one_says_more_less_or_something_else() -> None:
    said = [Said(1, 10, "IBM", "a"), Said(3, 30, "IBM", "b"), Said(3, 30, "MSFT", "c")]
    assert first_difference(said, said) is None
    assert first_difference(said, said[:2], until=2) is None
    assert first_difference(said, said[:2]) == (3, 30, "MSFT", "c", None)
    assert first_difference(said[1:], said) == (1, 10, "IBM", None, "a")
    assert first_difference(said, [*said[:1], Said(3, 30, "IBM", "x"), said[2]]) == (3, 30, "IBM", "b", "x")


def test_only_a_pass_of_everything_is_a_pass() -> None:
    assert tk.check(Weights, DATA).verdict is Verdict.INCONCLUSIVE
    assert tk.check(WallClock, DATA).verdict is Verdict.FAIL
