"""What every test gets: a clean environment, two sizes of everything, and in CI no silent skips."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["pytester", "tests.servers"]

REPOSITORY = Path(__file__).resolve().parent.parent

_ANY_SPEED: dict[str, Any] = {
    "database": None, "deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True
}  # fmt: skip
hypothesis.settings.register_profile("ci", derandomize=True, max_examples=50, **_ANY_SPEED)
hypothesis.settings.register_profile("full", max_examples=2000, **_ANY_SPEED)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="full counts and random seeds instead of small fixed ones")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("full" if config.getoption("--full") else "ci")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_silent_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_silent_skip(report)
    return report


def refuse_silent_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI a test runs, or its reason to skip begins with "optional:"; anything else is a hole in the proof."""
    if not os.environ.get("EXECUTION_CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith("optional:"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where it must run: {reason}"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk, a failpoint or a credential of the person who runs the tests never reaches them."""
    for name in os.environ:
        if name.startswith("EXECUTION_") and name != "EXECUTION_CI":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds `toolkit/`, `execution/` and `config/`."""
    return REPOSITORY


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True under `--full`: a test that repeats itself takes its large count then."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Real recordings with their oracles, which lie beside the repository: `SHARED_DATA`, else `../shared/data`."""
    folder = Path(os.environ.get("SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "README.md").is_file():
        pytest.skip(f"optional: no recordings in {folder}; name their folder in SHARED_DATA")
    return folder
