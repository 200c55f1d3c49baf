"""The doctor warns of what will stop a desk before it does: full servers, no breakers, an app without logins."""

import shutil
from pathlib import Path

import pytest

from execution.commands.doctor import _alerts, _breakers, _logins, _memory
from execution.home import Home
from execution.wiring.examination import Server, memory_taken
from toolkit.adapters.secret_hashes import password_hash
from toolkit.domain.errors import ConfigError

MEGABYTE = 2**20


def test_memory_is_measured_against_the_servers_own_bound_and_else_against_the_machine() -> None:
    said = {"used_memory": f"{64 * MEGABYTE}\r", "maxmemory": "0\r", "total_system_memory": f"{256 * MEGABYTE}\r"}
    assert memory_taken(said) == 0.25
    assert memory_taken({**said, "maxmemory": f"{128 * MEGABYTE}\r"}) == 0.5
    assert memory_taken({}) == 0.0


@pytest.mark.parametrize(
    ("full", "verdict"), [(0.0, "ok"), (0.49, "ok"), (0.5, "look"), (0.8, "wrong"), (1.2, "wrong")]
)
def test_a_server_that_fills_up_is_told_of(full: float, verdict: str) -> None:
    finding = _memory(Server("journal server", "answers", full))
    assert (finding.verdict, bool(finding.mend)) == (verdict, verdict != "ok")


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Home:
    shutil.copytree(repository / "config", tmp_path / "config")
    return Home(tmp_path)


def change(home: Home, name: str, old: str, new: str) -> None:
    path = home.root / f"config/{name}.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_venue_without_breakers_is_sent_no_entries_and_the_doctor_says_so(home: Home) -> None:
    assert list(_breakers(home, None)) == []
    change(home, "venues", "breakers:\n  paper:\n", "breakers:\n  paper: off\nbudgets:\n  paper:\n")
    path = home.root / "config/venues.yaml"
    before, _, _ = path.read_text().partition("budgets:\n  paper:\n")
    path.write_text(before)
    assert [finding.verdict for finding in _breakers(home, None)] == ["look"]
    path.write_text(before.replace("breakers:\n  paper: off\n", ""))
    (finding,) = _breakers(home, None)
    assert (finding.verdict, "sent no entries" in finding.said) == ("wrong", True)


def test_an_app_that_nobody_can_log_into_is_told_of(home: Home) -> None:
    assert list(_logins(home, None)) == []
    change(home, "desk", "  enabled: false          # true:", "  enabled: true          # true:")
    (finding,) = _logins(home, None)
    assert (finding.verdict, "nobody can log in" in finding.said) == ("wrong", True)
    login = f"    runs_the_desk: true\n    login: {password_hash('a secret word')}"
    change(home, "people", "    runs_the_desk: true", login)
    (finding,) = _logins(home, None)
    assert (finding.verdict, finding.said) == ("ok", "enabled; owner can log in")


def test_alerts_that_nobody_hears_are_told_of(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.verdict for finding in _alerts(home, None)] == ["look"]
    monkeypatch.setenv("EXECUTION_ALERTS_DESK", "json://127.0.0.1:1/secret")
    first, *rest = _alerts(home, None)
    assert (first.verdict, first.said.partition(" alerts, ")[2]) == ("ok", "told by desk")
    assert any("channel phone tells nobody" in finding.said for finding in rest)
    assert "secret" not in repr((first, rest))
    change(home, "monitoring", "channels: [desk, phone]", "channels: [desk, phon]")
    with pytest.raises(ConfigError, match="did you mean 'phone'"):
        list(_alerts(home, None))
