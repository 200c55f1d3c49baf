"""What a process under the supervisor does first: it forgets what would open a page's doors, and it may stand back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from execution.child import AUTOGROUP, forget_page_settings, stand_back


def test_settings_of_pages_in_the_environment_are_forgotten_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOKEH_ALLOW_WS_ORIGIN", "PANEL_OAUTH_PROVIDER", "EXECUTION_HOME"):
        monkeypatch.setenv(name, "anything")
    forget_page_settings()
    assert not [name for name in os.environ if name.startswith(("BOKEH_", "PANEL_"))]
    assert os.environ["EXECUTION_HOME"] == "anything"


def standing_back(steps: int) -> tuple[str, str]:
    """Niceness and weight of the session of a process that stood back in a session of its own."""
    code = "import os; from execution.child import AUTOGROUP, stand_back; "
    code += f"stand_back({steps}); print(os.nice(0), AUTOGROUP.read_text())"
    said = subprocess.run(
        (sys.executable, "-c", code), start_new_session=True, capture_output=True, text=True, check=True, timeout=60
    )
    own, _, session = said.stdout.strip().partition(" ")
    return own, session


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="optional: this kernel does not weigh sessions")
def test_who_stands_back_does_so_with_its_whole_session() -> None:
    own, session = standing_back(7)
    assert (own, session.rpartition(" ")[2]) == (str(min(19, os.nice(0) + 7)), "7")


@pytest.mark.parametrize(("leads", "written"), [(True, "7"), (False, "")])
def test_a_session_that_is_shared_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leads: bool, written: str
) -> None:
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid() if leads else 1)
    weight = tmp_path / "weight"
    weight.touch()
    stand_back(7, weight)
    assert weight.read_text() == written


def test_where_sessions_have_no_weight_niceness_is_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "nice", given.append)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid())
    stand_back(7, tmp_path / "no" / "such" / "file")
    assert given == [7]
