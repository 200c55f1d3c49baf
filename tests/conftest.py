"""What every test gets: a clean environment, two sizes of everything; in CI no silent skips and few second tries."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["pytester", "tests.servers"]

REPOSITORY = Path(__file__).resolve().parent.parent
MOST_RERUNS = 2

_ANY_SPEED: dict[str, Any] = {
    "database": None, "deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True
}  # fmt: skip
hypothesis.settings.register_profile("ci", derandomize=True, max_examples=50, **_ANY_SPEED)
hypothesis.settings.register_profile("full", max_examples=2000, **_ANY_SPEED)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="full counts and random seeds instead of small fixed ones")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("full" if config.getoption("--full") else "ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In CI, whose machine others load too, a test that starts processes may fail once; see `tell_reruns`."""
    if not os.environ.get("EXECUTION_CI"):
        return
    for item in items:
        if item.get_closest_marker("integration") or item.get_closest_marker("faults"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tell_reruns(terminalreporter.stats.get("rerun", []), terminalreporter)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", [])) > MOST_RERUNS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def tell_reruns(reports: list[pytest.TestReport], reporter: pytest.TerminalReporter) -> None:
    """Every first failure in full, so that it is mended and not forgotten; more than MOST_RERUNS fail the whole."""
    if not reports:
        return
    reporter.section(f"FAILED ONCE: {len(reports)}, at most {MOST_RERUNS} may; each is a race to mend", red=True)
    for report in reports:
        reporter.write_line(report.nodeid, red=True)
        reporter.write_line(report.longreprtext)


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
