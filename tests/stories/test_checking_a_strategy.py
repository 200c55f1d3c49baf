"""`tk.check`: before a strategy is promoted it is searched for a hidden future, and a restart must change nothing."""

from typing import Any

import msgspec

import toolkit as tk
from toolkit.research.check_result import Verdict

DATA = tk.data.sample(12, ["IBM", "MSFT"])


class Patient(tk.Strategy):
    """Adds to what rises, and keeps its count in State."""

    bar = "1d"
    warmup = 3

    class State(msgspec.Struct):
        bars: int = 0

    def on_bar(self, bar: Any) -> None:
        self.state.bars += 1
        closes = self.history.closes(bar.instrument, 3)
        self.target_position(bar.instrument, 10 * self.state.bars if closes[-1] > closes[0] else 0, reason="rises")


class Forgetful(tk.Strategy):
    """Counts where a restart forgets."""

    bar = "1d"

    def on_start(self) -> None:
        self.seen: list[float] = []

    def on_bar(self, bar: Any) -> None:
        self.seen.append(bar.close)
        self.target_position(bar.instrument, 10 * len(self.seen))


class Clairvoyant(tk.Strategy):
    """Looks up how it ends."""

    bar = "1d"
    warmup = 1

    def on_bar(self, bar: Any) -> None:
        last = DATA.frame(bar.instrument)["mid"].iloc[-1]
        self.target_position(bar.instrument, 100 if last > bar.close else -100)


def test_a_strategy_that_keeps_to_its_data_and_its_state_passes() -> None:
    result = tk.check(Patient, DATA)
    assert result.passed, result
    assert result.decisions > 20
    assert result.fills > 10


def test_what_is_kept_outside_of_state_is_lost_by_a_restart_and_named() -> None:
    result = tk.check(Forgetful, DATA)
    finding = result.finding("Survives a restart")
    assert finding.verdict is Verdict.FAIL
    assert finding.difference is not None
    assert (finding.difference.instrument, finding.difference.found) == ("IBM", "signal: hold 10")
    assert "self.seen" in finding.causes[0]
    assert [one.name for one in result.findings if one.verdict is Verdict.FAIL] == ["Survives a restart"]


def test_who_reads_ahead_is_told_where_it_first_decided_on_the_future() -> None:
    finding = tk.check(Clairvoyant, DATA).finding("No look-ahead")
    assert finding.verdict is Verdict.FAIL
    assert "DATA, which holds the future" in finding.causes[0]
    assert finding.difference is not None
    assert {finding.difference.expected, finding.difference.found} == {"signal: hold 100", "signal: hold -100"}
