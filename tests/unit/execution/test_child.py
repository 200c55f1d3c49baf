"""What a process under the supervisor does first: nothing in its environment opens a page's doors."""

import os

import pytest

from execution.child import forget_page_settings


def test_settings_of_pages_in_the_environment_are_forgotten_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOKEH_ALLOW_WS_ORIGIN", "PANEL_OAUTH_PROVIDER", "EXECUTION_HOME"):
        monkeypatch.setenv(name, "anything")
    forget_page_settings()
    assert not [name for name in os.environ if name.startswith(("BOKEH_", "PANEL_"))]
    assert os.environ["EXECUTION_HOME"] == "anything"
