"""A session is what this desk signed, until it ends or is ended; passwords are tried a few times a minute."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.operations.sessions import LONGEST_COOKIE, Sessions, Tries, desk_secret
from toolkit.domain.errors import ConfigError


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_known_by_its_cookie_until_it_ends() -> None:
    clock = Clock()
    sessions = Sessions(b"secret", hours=2, now=clock)
    session, cookie = sessions.begin("anna", "fingerprint")
    assert sessions.read(cookie) == session
    clock.now += 2 * 3600 + 1
    assert sessions.read(cookie) is None
    assert not sessions.is_open(session)


def test_who_logs_out_is_out_with_every_copy_of_the_cookie() -> None:
    sessions = Sessions(b"secret", hours=2)
    session, cookie = sessions.begin("anna", "fingerprint")
    other, its_cookie = sessions.begin("anna", "fingerprint")
    sessions.end(session)
    assert sessions.read(cookie) is None
    assert sessions.read(its_cookie) == other


def test_what_was_ended_is_forgotten_once_its_time_is_over() -> None:
    clock = Clock()
    sessions = Sessions(b"secret", hours=1, now=clock)
    for _ in range(5):
        sessions.end(sessions.begin("anna", "")[0])
        clock.now += 3601
    assert len(sessions._ended) == 1


@given(place=st.integers(min_value=0), letter=st.sampled_from("Aa0_."))
def test_one_changed_letter_and_nobody_knows_it(place: int, letter: str) -> None:
    sessions = Sessions(b"secret", hours=2)
    _, cookie = sessions.begin("anna", "fingerprint")
    place %= len(cookie)
    changed = cookie[:place] + letter + cookie[place + 1 :]
    assert (sessions.read(changed) is None) or changed == cookie


def test_another_desk_signs_otherwise() -> None:
    _, cookie = Sessions(b"secret", hours=2).begin("anna", "fingerprint")
    assert Sessions(b"other", hours=2).read(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "€.€", "A" * (LONGEST_COOKIE + 1)])
def test_nonsense_is_no_session(cookie: str) -> None:
    assert Sessions(b"secret", hours=2).read(cookie) is None


def test_the_sixth_try_in_a_minute_waits_and_others_do_not() -> None:
    clock = Clock()
    tries = Tries(most=5, seconds=60, now=clock)
    assert [tries.begin("anna") for _ in range(5)] == [0.0] * 5
    assert 0 < tries.begin("anna") <= 60
    assert tries.begin("bob") == 0
    clock.now += 60
    assert tries.begin("anna") == 0


def test_the_right_password_forgets_the_slips() -> None:
    tries = Tries(most=2)
    tries.begin("anna")
    tries.begin("anna")
    tries.passed("anna")
    assert tries.begin("anna") == 0


def test_names_that_nobody_has_take_no_memory() -> None:
    tries = Tries(most=2)
    waits = [tries.begin(f"name {number}") for number in range(1000)]
    assert len(tries._tries) <= 257
    assert waits[-1] > 0, "past that many names all strangers share their tries"


def test_the_desk_keeps_its_secret_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = desk_secret(path)
    assert desk_secret(path) == secret
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("content", "mode"), [(b"x" * 32, 0o640), (b"short", 0o600)])
def test_a_secret_that_others_may_read_or_that_is_cut_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="delete it"):
        desk_secret(path)
