"""Token files: made for one person, kept for that person alone, and refused when others could have read them."""

from pathlib import Path

import pytest

from toolkit.adapters.secret_hashes import is_secret
from toolkit.client.credentials import credential_of, proves, read_token, secret_hash, write_token
from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import NOBODY, Credential
from toolkit.domain.people import Identity, People, Role, fingerprint


def test_a_token_file_shows_whose_it_is_and_only_its_hash_is_told(tmp_path: Path) -> None:
    path = tmp_path / "token"
    known = write_token(path, "anna")
    assert path.stat().st_mode & 0o777 == 0o600
    shown = credential_of({"EXECUTION_TOKEN_FILE": str(path)})
    name, _, secret = shown.token.partition(".")
    assert name == "anna"
    assert is_secret(secret, known)
    assert secret not in repr(shown)
    assert secret not in known


def test_without_a_token_file_the_system_says_who_it_is() -> None:
    assert credential_of({}) == NOBODY == Credential()


def test_a_token_that_others_could_have_read_is_none(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_token(path, "anna")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(path)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="not there yet"):
        write_token(path, "anna")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "no point in it"])
def test_a_file_without_a_token_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(ConfigError, match="holds no token"):
        read_token(path)
    with pytest.raises(ConfigError, match="is missing"):
        read_token(tmp_path / "none")


def test_a_password_proves_a_login_by_the_hash_that_is_in_force_and_by_no_other() -> None:
    approved, saved = secret_hash("a long password"), secret_hash("another password")
    row = Identity(identity="login:anna", person="anna", roles=(Role.RISK,), key=fingerprint(approved))
    in_force = People(rows=(row,))
    assert proves("login:anna", "a long password", {"login:anna": approved}, in_force)
    assert not proves("login:anna", "another password", {"login:anna": approved}, in_force)
    assert not proves("login:anna", "another password", {"login:anna": saved}, in_force), "saved, but not approved"
    assert not proves("login:bob", "a long password", {"login:bob": approved}, in_force)
    assert not proves("login:anna", "a long password", {}, in_force)
