"""Four eyes that are one person's are told: one user under two names, a file that others write, a person's desk."""

import os
import pwd
from pathlib import Path

import pytest

from execution.wiring.four_eyes import not_real

ME = pwd.getpwuid(os.getuid()).pw_name
HASH = "scrypt:16384:8:1:c2FsdA==:aGFzaA=="


def doubts(home: Path, people: str, four_eyes: str = "on") -> str:
    config = home / "config"
    config.mkdir(mode=0o755)
    (config / "people.yaml").write_text(f"four_eyes: {four_eyes}\npeople:\n{people}")
    (config / "people.yaml").chmod(0o644)
    return "; ".join(not_real(home))


TWO = f"  anna: {{roles: [risk], token: {HASH}}}\n  bob: {{roles: [operator, risk], token: {HASH}}}\n"


def test_two_people_with_tokens_of_their_own_are_two(tmp_path: Path) -> None:
    assert doubts(tmp_path, TWO) == ""


def test_where_four_eyes_are_off_nothing_is_promised(tmp_path: Path) -> None:
    assert doubts(tmp_path, f"  anna: {{roles: [risk], unix: {ME}}}\n", four_eyes="off") == ""


def test_the_user_that_the_desk_runs_as_could_do_anything_alone(tmp_path: Path) -> None:
    said = doubts(tmp_path, f"{TWO}  carl: {{roles: [quant], unix: {ME}}}\n")
    assert f"the desk runs as {ME}, who is carl" in said


def test_two_names_of_one_unix_user_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(pwd, "getpwnam", lambda _: same)
    people = "  anna: {roles: [risk], unix: anna}\n  bob: {roles: [risk], unix: bob}\n"
    assert f"anna and bob are one unix user, number {same.pw_uid}" in doubts(tmp_path, people)


def test_a_unix_user_whom_the_machine_does_not_know_is_told(tmp_path: Path) -> None:
    people = f"  anna: {{roles: [risk], unix: nobody_of_this_name}}\n  bob: {{roles: [risk], token: {HASH}}}\n"
    assert "whom this machine does not know" in doubts(tmp_path, people)


@pytest.mark.parametrize("path", ["config", "config/people.yaml"])
def test_a_file_that_others_may_write_is_anybodys(tmp_path: Path, path: str) -> None:
    assert doubts(tmp_path, TWO) == ""
    (tmp_path / path).chmod(0o777)
    assert "may be written by others" in "; ".join(not_real(tmp_path))
