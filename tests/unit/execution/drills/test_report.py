"""A drill's report: the worst run counts, and what did not pass says so first."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from execution.drills.catalogue import DRILLS
from execution.drills.outcome import Finding, Outcome
from execution.drills.report import markdown, write_report

WHEN = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
GOOD = Finding(
    injected="a fault", detected_by="the engine", detect_seconds=0.02, safe_when="it is over", safe_seconds=1.5,
    ended="as before", venue_says="nothing arrived", passed=True,
)  # fmt: skip
SLOWER = msgspec.structs.replace(GOOD, detect_seconds=0.5, safe_seconds=4.0)
NEVER = Finding(injected="a fault", ended="NOT as it should: nothing within 10 s")


def outcome(*findings: Finding) -> Outcome:
    return Outcome(name="bad-tick", page="bad-tick.md", findings=findings)


def test_the_worst_of_the_runs_counts() -> None:
    found = outcome(GOOD, SLOWER)
    assert (found.slowest_detect, found.slowest_safe, found.passed) == (0.5, 4.0, True)


def test_a_run_that_never_noticed_it_is_not_hidden_by_one_that_did() -> None:
    found = outcome(GOOD, NEVER)
    assert (found.slowest_detect, found.slowest_safe, found.passed) == (None, None, False)


def test_without_a_run_nothing_has_passed() -> None:
    assert not outcome().passed


def test_the_page_says_first_what_did_not_pass() -> None:
    page = markdown([outcome(GOOD, NEVER)], WHEN, 12.0)
    assert "**NOT passed: bad-tick**" in page
    assert "| bad-tick | – | – | **no** |" in page
    assert "NOT as it should: nothing within 10 s" in page
    assert "All passed" not in page


def test_the_page_of_a_good_day() -> None:
    page = markdown([outcome(GOOD)], WHEN, 12.0)
    assert "All passed. 1 drills in 12 s." in page
    assert "| bad-tick | 20 ms | 1.5 s | yes |" in page
    assert "the venue: nothing arrived" in page


def test_both_files_bear_the_time(tmp_path: Path) -> None:
    page = write_report(tmp_path / "drills", [outcome(GOOD)], WHEN, 12.0)
    assert page.name == "2026-01-05T093000Z.md"
    document = msgspec.json.decode(page.with_suffix(".json").read_bytes())
    assert (document["passed"], document["drills"][0]["passed"]) == (True, True)


def test_every_drill_has_the_page_of_its_real_counterpart(repository: Path) -> None:
    for name, (_, page) in DRILLS.items():
        assert f"execution drill {name}" in (repository / "runbooks" / page).read_text(), name
