"""How a person shows who that is where the system does not: a token file, a password; no command is sent here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from toolkit.adapters.secret_hashes import is_secret, new_secret, password_hash, same, secret_hash
from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import NOBODY, Credential
from toolkit.domain.people import People, fingerprint

TOKEN_FILE: Final = "EXECUTION_TOKEN_FILE"

__all__ = [
    "TOKEN_FILE", "credential_of", "new_secret", "password_hash", "proves", "read_token", "same", "secret_hash",
    "write_token",
]  # fmt: skip


def credential_of(environment: Mapping[str, str] | None = None) -> Credential:
    """The token in the file that EXECUTION_TOKEN_FILE names; without it the system says who it is."""
    named = (os.environ if environment is None else environment).get(TOKEN_FILE)
    return Credential(token=read_token(Path(named).expanduser())) if named else NOBODY


def read_token(path: Path) -> str:
    """`name.secret` of a token file. ConfigError when it is missing, empty, or others may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} may be read by others; run `chmod 600` on it, or have a new token made")
        token = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing; {TOKEN_FILE} names it, `execution people token NAME` makes one"
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read ({problem})") from None
    if "." not in token:
        raise ConfigError(f"{path} holds no token; `execution people token NAME` makes one")
    return token


def proves(identity: str, secret: str, secrets: Mapping[str, str], in_force: People) -> bool:
    """Whether this is the secret of an identity such as `login:anna`, by the hash of config/people.yaml in force.

    `secrets` are the hashes of the file (identity → hash); one that was saved and not approved yet proves nothing.
    Takes some 50 ms on purpose: call it in a thread.
    """
    known, row = secrets.get(identity), in_force.find(identity)
    if known is None or row is None or row.key != fingerprint(known):
        return False
    return is_secret(secret, known)


def write_token(path: Path, name: str) -> str:
    """Make a token for a person and keep it in a new file for its owner alone; returns the hash for people.yaml."""
    secret = new_secret()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise ConfigError(f"{path} cannot be made ({problem.strerror}); name a file that is not there yet") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{name}.{secret}\n")
    return secret_hash(secret)
