"""The rules of the test suite itself: in CI a skip is a failure unless it says that it is optional."""

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
