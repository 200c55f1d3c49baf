"""Secrets are known by hash alone; a hash says nothing of its secret, and nothing but the secret opens it."""

import pytest

from toolkit.adapters.secret_hashes import is_secret, new_secret, password_hash, same, secret_hash


def test_only_the_secret_itself_opens_its_hash() -> None:
    secret = new_secret()
    known = secret_hash(secret)
    assert is_secret(secret, known)
    assert not is_secret(secret + "x", known)
    assert not is_secret("", known)
    assert secret not in known


def test_the_same_secret_has_another_hash_each_time() -> None:
    assert secret_hash("word") != secret_hash("word")


@pytest.mark.parametrize(
    "known",
    ["", "scrypt", "scrypt:a:8:1:c2FsdA==:aGFzaA==", "scrypt:1099511627776:8:1:eA==:eA==", "md5:2:8:1:eA==:eA==",
     "scrypt:16384:8:1:€:aGFzaA=="],
)  # fmt: skip
def test_a_hash_that_nobody_here_made_opens_for_nobody(known: str) -> None:
    assert not is_secret("word", known)


def test_two_secrets_are_equal_or_not() -> None:
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("é", "e")


def test_a_password_is_kept_by_argon2_and_only_it_opens_its_hash() -> None:
    known = password_hash("a long enough password")
    assert known.startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    assert is_secret("a long enough password", known)
    assert not is_secret("a long enough passwort", known)
    assert not is_secret("", known)
    assert password_hash("a long enough password") != known


@pytest.mark.parametrize(
    "known",
    ["$argon2id$", "$argon2id$v=19$m=32768,t=3,p=1$AAAA", "$argon2id$v=19$m=99999999,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
     "$argon2id$v=19$m=1024,t=9999,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "$argon2id$v=19$m=x,t=3,p=1$€$€"],
)  # fmt: skip
def test_a_password_hash_that_is_broken_or_would_cost_too_much_opens_for_nobody(known: str) -> None:
    assert not is_secret("word", known)
