"""What a process under the supervisor does first: nothing in its environment opens a page's doors; some stand back."""

import os
import subprocess
import sys

import pytest

from execution.child import forget_page_settings


def test_settings_of_pages_in_the_environment_are_forgotten_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOKEH_ALLOW_WS_ORIGIN", "PANEL_OAUTH_PROVIDER", "EXECUTION_HOME"):
        monkeypatch.setenv(name, "anything")
    forget_page_settings()
    assert not [name for name in os.environ if name.startswith(("BOKEH_", "PANEL_"))]
    assert os.environ["EXECUTION_HOME"] == "anything"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has an idle class")
def test_who_stands_back_is_of_the_idle_class_with_all_that_it_starts_and_only_nice_where_that_is_forbidden() -> None:
    found = _said(
        "import os, threading; from execution.child import stand_back; stand_back();"
        "thread = threading.Thread(target=lambda: print(os.sched_getscheduler(0) == os.SCHED_IDLE));"
        "thread.start(); thread.join(); print(os.sched_getscheduler(0) == os.SCHED_IDLE, os.nice(0))"
    )
    assert found == ["True", f"True {os.nice(0)}"]
    found = _said(
        "import os; from execution.child import stand_back\n"
        "def forbidden(*_): raise PermissionError\n"
        "os.sched_setscheduler = forbidden; stand_back(); print(os.nice(0))"
    )
    assert found == ["19"]


def _said(code: str) -> list[str]:
    return subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout.splitlines()
