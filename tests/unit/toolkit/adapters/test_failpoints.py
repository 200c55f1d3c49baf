import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.adapters import failpoints
from toolkit.adapters.failpoints import VARIABLE, Failpoints, from_environment, inert
from toolkit.domain.errors import ConfigError, TransportError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "failpoints"


def test_without_a_file_nothing_happens() -> None:
    assert from_environment({}) is inert
    for name in failpoints.NAMES:
        inert(name)


def test_an_error_is_raised_once_at_its_count(path: Path) -> None:
    path.write_text("# a comment\n\nafter_send:error:2\n")
    reach = from_environment({VARIABLE: str(path)})
    reach("after_send")
    reach("before_append")
    with pytest.raises(TransportError, match="after_send"):
        reach("after_send")
    reach("after_send")


def test_a_file_that_changes_is_read_again(path: Path) -> None:
    points = Failpoints(path)
    points.reach("after_send")
    path.write_text("after_send:error\n")
    with pytest.raises(TransportError):
        points.reach("after_send")
    path.unlink()
    points.reach("after_send")


def test_a_delay_waits_each_time_from_its_count_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(failpoints.time, "sleep", waits.append)
    path.write_text("after_reply:delay=0.25:2")
    points = Failpoints(path)
    for _ in range(3):
        points.reach("after_reply")
    assert waits == [0.25, 0.25]


@pytest.mark.parametrize(("action", "number"), [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_kill_and_stop_are_what_they_say(path: Path, action: str, number: int) -> None:
    path.write_text(f"before_append:{action}\n")
    code = "from toolkit.adapters.failpoints import from_environment as f; f()('before_append')"
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, VARIABLE: str(path)})
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    ended = os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.WTERMSIG(status)
    if os.WIFSTOPPED(status):
        child.kill()
        child.wait()
    else:
        child.returncode = -ended
    assert ended == number


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("after_lunch:kill", "no failpoint is called 'after_lunch'"),
        ("after_send:explode", "'explode' is not"),
        ("after_send:delay=soon", "'delay=soon' is not"),
        ("after_send:kill:0", "count '0'"),
        ("after_send", "'' is not"),
    ],
)
def test_a_mistake_is_named_with_its_line(path: Path, line: str, problem: str) -> None:
    path.write_text(f"# first\n{line}\n")
    with pytest.raises(ConfigError, match=problem) as refusal:
        Failpoints(path)
    assert f"{path}:2" in str(refusal.value)
