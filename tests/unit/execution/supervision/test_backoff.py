"""A process comes back soon, then later and later; a runner that fails too often is given up."""

from execution.supervision.backoff import Backoff


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(first=0.5, longest=3.0)
    assert [backoff.failed(float(now)) for now in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_service_is_never_given_up() -> None:
    backoff = Backoff(first=0.5, longest=3.0)
    assert None not in [backoff.failed(0.0) for _ in range(100)]


def test_a_runner_is_given_up_at_its_fifth_failure_in_time() -> None:
    backoff = Backoff(first=1.0, longest=30.0, give_up_after=5, within=300.0)
    assert [backoff.failed(60.0 * n) for n in range(5)] == [1.0, 2.0, 4.0, 8.0, None]


def test_old_failures_no_longer_count() -> None:
    backoff = Backoff(first=1.0, longest=30.0, give_up_after=2, within=300.0)
    assert backoff.failed(0.0) == 1.0
    assert backoff.failed(300.0) == 1.0
    assert backoff.failures == 1


def test_a_person_gives_another_chance() -> None:
    backoff = Backoff(first=1.0, longest=30.0, give_up_after=2)
    backoff.failed(0.0)
    backoff.forgive()
    assert backoff.failed(1.0) == 1.0
