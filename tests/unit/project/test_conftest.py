"""The rules of the test suite itself: in CI a skip is a failure unless optional, and second tries are few and told."""

from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no server on this machine")
def test_left_out(): pass

def test_left_out_while_running(): pytest.skip("no browser")

@pytest.mark.skip(reason="optional: needs recordings")
def test_optional(): pass

@pytest.mark.xfail(reason="known", strict=True)
def test_expected_to_fail(): assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, repository: Path) -> pytest.Pytester:
    pytester.makeconftest((repository / "tests" / "conftest.py").read_text())
    pytester.makepyfile(test_skips=SKIPS)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_on_a_desk_a_skip_is_a_skip(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXECUTION_CI", raising=False)
    run(suite).assert_outcomes(passed=1, skipped=3, xfailed=1)


def test_in_ci_only_an_optional_skip_is_a_skip(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECUTION_CI", "1")
    result = run(suite, "-n", "1")  # through a worker, as `make test` runs them
    result.assert_outcomes(passed=1, skipped=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*skipped in CI, where it must run: *no browser*"])


def test_in_ci_a_module_that_skips_itself_fails_too(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXECUTION_CI", "1")
    suite.makepyfile(test_skips="import pytest; pytest.importorskip('no_such_package')")
    result = run(suite)
    result.assert_outcomes(errors=1)
    assert result.ret != 0


def test_full_counts_are_asked_for(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_skips="""
        import hypothesis

        def test_small(full):
            assert not full and hypothesis.settings.default.derandomize

        def test_large(full):
            assert full and hypothesis.settings.default.max_examples >= 1000
        """
    )
    run(suite, "-k", "small").assert_outcomes(passed=1, deselected=1)
    run(suite, "--full", "-k", "large").assert_outcomes(passed=1, deselected=1)


RACES = """
import pathlib
import pytest

@pytest.mark.{mark}
@pytest.mark.parametrize("number", range({count}))
def test_that_works_the_second_time(number, tmp_path_factory):
    seen = tmp_path_factory.getbasetemp().parent / f"seen-{{number}}"
    first = not seen.exists()
    seen.touch()
    assert not first, "nobody had answered yet"
"""


@pytest.mark.parametrize(
    ("mark", "count", "outcome"),
    [
        ("integration", 2, {"passed": 2}),
        ("integration", 3, {"passed": 3}),
        ("skipif(False, reason='')", 1, {"failed": 1}),
    ],
)
def test_in_ci_what_starts_processes_may_fail_once_and_few_times_in_all(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, mark: str, count: int, outcome: dict[str, int]
) -> None:
    monkeypatch.setenv("EXECUTION_CI", "1")
    suite.makepyfile(test_skips=RACES.format(mark=mark, count=count))
    result = run(suite, "-n", "1")
    result.assert_outcomes(**outcome)
    assert (result.ret == 0) == (mark == "integration" and count <= 2)
    if mark == "integration":
        result.stdout.fnmatch_lines(["*FAILED ONCE*", "*nobody had answered yet*"])


def test_on_a_desk_nothing_is_tried_twice(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXECUTION_CI", raising=False)
    suite.makepyfile(test_skips=RACES.format(mark="integration", count=1))
    run(suite).assert_outcomes(failed=1)
