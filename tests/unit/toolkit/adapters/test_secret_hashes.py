"""Secrets are known by hash alone; a hash says nothing of its secret, and nothing but the secret opens it."""

import pytest

from toolkit.adapters.secret_hashes import is_secret, new_secret, same, secret_hash


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
