"""Secrets that people keep and desks only know by hash: tokens by scrypt, passwords by argon2, in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

COST, BLOCK, LANES = 1 << 14, 8, 1
"""16 MB and some 50 ms a try, for tokens, which have 256 random bits."""

ARGON2: Final = "$argon2id$"
PASSWORD_MEMORY, PASSWORD_PASSES, PASSWORD_LANES = 32 * 1024, 3, 1
"""32 MiB (in KiB) and three passes a try, for passwords, which people can remember and others guess."""

MOST_COST: Final = 1 << 17
MOST_PASSES: Final = 16
MEMORY: Final = 256 * 1024 * 1024


def new_secret() -> str:
    """256 random bits in letters and digits."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """What a file may hold: `scrypt:cost:block:lanes:salt:hash`."""
    salt = secrets.token_bytes(16)
    derived = _derive(secret, salt, COST, BLOCK, LANES)
    return f"scrypt:{COST}:{BLOCK}:{LANES}:{_text(salt)}:{_text(derived)}"


def password_hash(password: str) -> str:
    """The same for a password, as argon2id writes it: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(
        time_cost=PASSWORD_PASSES, memory_cost=PASSWORD_MEMORY, parallelism=PASSWORD_LANES, hash_len=32, salt_len=16
    )
    return hasher.hash(password)


def is_secret(secret: str, known: str) -> bool:
    """Whether this is the secret behind a hash; False as well for a hash that nobody here made."""
    if known.startswith(ARGON2):
        return _is_password(secret, known)
    try:
        name, cost, block, lanes, salt, derived = known.split(":")
        numbers = int(cost), int(block), int(lanes)
        if name != "scrypt" or not 1 < numbers[0] <= MOST_COST:
            return False
        found = _derive(secret, urlsafe_b64decode(salt), *numbers)
        return hmac.compare_digest(found, urlsafe_b64decode(derived))
    except ValueError:
        return False


def same(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _is_password(password: str, known: str) -> bool:
    """A hash that asks for more memory or time than a password is worth opens for nobody."""
    from argon2 import PasswordHasher, extract_parameters
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        found = extract_parameters(known)
        if found.memory_cost * 1024 > MEMORY or found.time_cost > MOST_PASSES:
            return False
        return PasswordHasher().verify(known, password)
    except (InvalidHashError, VerificationError, ValueError):
        return False


def _derive(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()
