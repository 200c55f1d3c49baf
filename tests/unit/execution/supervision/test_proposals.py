"""A saved file asks for less trading at once; it never asks for more."""

from decimal import Decimal

from execution.settings import LimitTable
from execution.settings.models import StrategyRow
from execution.supervision.proposals import all_off, new_limits, switched_off
from toolkit.domain.commands import LimitRow, Who

WHO = Who(identity="unix:anna", verified=False, source="config/strategies.yaml")


def row(enabled: bool) -> StrategyRow:
    return StrategyRow(
        source="trend.py", class_name="Trend", capital=Decimal(1), instruments=("AAPL",), enabled=enabled
    )


def test_enabled_false_disables() -> None:
    (command,) = switched_off({"trend": row(True)}, {"trend": row(False)}, WHO)
    assert (command.strategy, command.flatten, command.who) == ("trend", False, WHO)
    assert command.reason == "config/strategies.yaml says enabled: false"


def test_a_strategy_that_is_no_longer_there_is_disabled() -> None:
    (command,) = switched_off({"trend": row(True), "quoting": row(True)}, {"quoting": row(True)}, WHO)
    assert command.strategy == "trend"


def test_a_file_never_re_enables() -> None:
    assert switched_off({"trend": row(False)}, {"trend": row(True), "new": row(True)}, WHO) == ()


def test_a_broken_file_disables_all_that_it_enabled() -> None:
    commands = all_off({"trend": row(True), "quoting": row(False)}, "line 7: not valid YAML", WHO)
    assert [command.strategy for command in commands] == ["trend"]
    assert "line 7" in commands[0].reason


def test_limits_are_proposed_whole_and_only_when_the_file_changed() -> None:
    old = LimitTable(rows=(), checksum="a")
    limit = LimitRow(scope="book", name="", limit="max_position", value="1", source="config/limits.yaml:3")
    new = LimitTable(rows=(limit,), checksum="b")
    assert new_limits(old, old, WHO) is None
    command = new_limits(old, new, WHO)
    assert command is not None
    assert (command.rows, command.checksum) == ((limit,), "b")
