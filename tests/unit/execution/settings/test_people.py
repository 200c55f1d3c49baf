"""config/people.yaml: who is who, and files that say too little, too much, or the same of two people."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from execution.settings import PeopleTable, read_people, read_strategies
from toolkit.domain.errors import ConfigError
from toolkit.domain.people import Role, fingerprint

HASH = "scrypt:16384:8:1:c2FsdA==:aGFzaA=="
TWO = f"""
four_eyes: on
people:
  anna:
    roles: [risk, operator]
    unix: anna
    token: {HASH}
  bob:
    roles: [quant]
    login: {HASH}
"""


def read(home: Path, text: str) -> PeopleTable:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "people.yaml").write_text(text)
    return read_people(home)


def test_each_way_to_be_somebody_is_an_identity_of_that_person(tmp_path: Path) -> None:
    table = read(tmp_path, TWO)
    assert [(row.identity, row.person, row.roles) for row in table.people.rows] == [
        ("unix:anna", "anna", (Role.OPERATOR, Role.RISK)),
        ("token:anna", "anna", (Role.OPERATOR, Role.RISK)),
        ("login:bob", "bob", (Role.QUANT,)),
    ]
    assert table.people.four_eyes


def test_secrets_stay_outside_and_the_journal_sees_only_that_one_is_another(tmp_path: Path) -> None:
    table = read(tmp_path, TWO)
    assert set(table.secrets) == {"token:anna", "login:bob"}
    keys = {row.identity: row.key for row in table.people.rows}
    assert keys == {"unix:anna": "", "token:anna": fingerprint(HASH), "login:bob": fingerprint(HASH)}
    assert HASH not in repr(table)
    other = read(tmp_path, TWO.replace("c2FsdA==:aGFzaA==", "c2FsdA==:b3RoZXI="))
    assert other.people != table.people


def test_the_shipped_file_names_whoever_runs_the_desk_and_says_that_nobody_else_looks(repository: Path) -> None:
    table = read_people(repository)
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [row.identity for row in table.people.rows] == [f"unix:{me}"]
    assert table.people.alone


BAD = {
    "people:\n  anna: {roles: [risk], unix: anna}": "four_eyes is missing",
    "four_eyes: maybe\npeople:\n  anna: {roles: [risk], unix: anna}": "four_eyes is 'maybe'",
    "four_eyes: off\npeople:\n  anna: {rolls: [risk], unix: anna}": "'people.anna.rolls'; did you mean 'roles'",
    "four_eyes: off\npeople:\n  anna: {roles: [boss], unix: anna}": "'viewer', 'quant', 'operator' or 'risk'",
    "four_eyes: off\npeople:\n  anna: {roles: [], unix: anna}": "people.anna.roles is []",
    "four_eyes: off\npeople:\n  anna: {roles: [risk]}": "config/people.yaml:3: people.anna has no way to be recognised",
    "four_eyes: off\npeople:\n  anna: {roles: [risk], token: secret}": "people.anna.token is",
    "four_eyes: off\npeople:\n  anna: {roles: [quant], unix: anna}": "give one person role risk",
    "four_eyes: on\npeople:\n  anna: {roles: [risk], unix: anna}": "give a second person role",
    "four_eyes: on\npeople:\n  anna: {roles: [risk], unix: a}\n  bob: {roles: [risk], unix: a}": "belongs to one",
    "four_eyes: off\npeople: {}": "people is {}",
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_cannot_be_used_is_told_with_its_mend(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert BAD[text] in str(refused.value)
    assert "config/people.yaml" in str(refused.value)


def test_no_strategy_bears_the_name_under_which_people_speak(tmp_path: Path, repository: Path) -> None:
    shutil.copytree(repository / "config", tmp_path / "config")
    path = tmp_path / "config" / "strategies.yaml"
    path.write_text(path.read_text().replace("  trend:", "  people:"))
    with pytest.raises(ConfigError, match=r"strategies\.yaml:5: strategies\.people is a name of the desk's own"):
        read_strategies(tmp_path, ())
