"""Secrets that people keep and desks only know by hash: made, hashed with scrypt, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

COST, BLOCK, LANES = 1 << 14, 8, 1
"""16 MB and some 50 ms a try. A token has 256 random bits; this is for passwords, which have not."""

MOST_COST: Final = 1 << 17
MEMORY: Final = 256 * 1024 * 1024


def new_secret() -> str:
    """256 random bits in letters and digits."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> str:
    """What a file may hold: `scrypt:cost:block:lanes:salt:hash`."""
    salt = secrets.token_bytes(16)
    derived = _derive(secret, salt, COST, BLOCK, LANES)
    return f"scrypt:{COST}:{BLOCK}:{LANES}:{_text(salt)}:{_text(derived)}"


def is_secret(secret: str, known: str) -> bool:
    """Whether this is the secret behind a hash; False as well for a hash that nobody here made."""
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


def _derive(secret: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()
