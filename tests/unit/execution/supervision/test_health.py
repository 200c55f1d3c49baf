"""Silence is only held against a process while the supervisor itself was awake to hear it."""

import pytest

from execution.supervision.health import LONGEST_NAP, Pulse


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(hung_after=3.0)


def look(pulse: Pulse, sign: object, *times: float) -> list[tuple[str, ...]]:
    return [tuple(pulse.look({"engine": sign}, now)) for now in times]


def test_a_sign_that_does_not_change_for_too_long_is_a_hang(pulse: Pulse) -> None:
    assert look(pulse, "beat 1", 0.0, 1.0, 2.0, 3.0, 3.5) == [(), (), (), (), ("engine",)]


def test_who_is_given_more_time_is_accused_later_and_told_how_much_it_was(pulse: Pulse) -> None:
    signs, patience = {"engine": 1, "dashboards": 1}, {"dashboards": 2}
    found = [pulse.look(signs, now / 2, patience) for now in range(14)]
    assert found[6:8] == [{}, {"engine": 3.0}]
    assert found[12:] == [{"engine": 3.0}, {"engine": 3.0, "dashboards": 6.0}]


def test_a_new_sign_starts_the_clock_again(pulse: Pulse) -> None:
    look(pulse, "beat 1", 0.0, 1.0, 2.0)
    assert look(pulse, "beat 2", 3.0, 4.0, 5.0, 6.0) == [(), (), (), ()]
    assert look(pulse, "beat 2", 6.5) == [("engine",)]


def test_who_owes_no_sign_is_not_accused_and_starts_afresh(pulse: Pulse) -> None:
    look(pulse, "beat 1", 0.0, 1.0, 2.0)
    assert pulse.look({}, 3.0) == {}
    assert look(pulse, "beat 1", 4.0, 5.0, 6.0) == [(), (), ()]


def test_after_a_nap_of_its_own_the_supervisor_accuses_nobody(pulse: Pulse) -> None:
    look(pulse, "beat 1", 0.0, 1.0)
    woken = 1.0 + LONGEST_NAP + 100.0
    assert look(pulse, "beat 1", woken, woken + 1.0) == [(), ()]
