"""Who may do what on the two embedded servers: users, rules and passwords; the default user is off."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from toolkit.adapters import keys
from toolkit.adapters.records import replace_file
from toolkit.domain.errors import ConfigError
from toolkit.domain.people import COMMANDERS


class ServerRole(StrEnum):
    """The journal keeps everything; the bus may lose everything."""

    JOURNAL = "journal"
    BUS = "bus"


PROCESSES: Final = ("engine", "operator", "viewer", "supervisor", "listener", "venue", "archiver", "monitor")

_CONNECT: Final = "+ping +hello +auth +client|setname +client|id"
_LOOK: Final = f"+@read -@dangerous {_CONNECT}"
_ADD: Final = "+xadd +multi +exec"


def runner_user(strategy: str) -> str:
    return f"runner-{strategy}"


def rules(role: ServerRole, books: Sequence[str], strategies: Sequence[str]) -> Mapping[str, str]:
    """User → what it may do, in the words of Redis ACL, without its password."""
    of_processes = _journal_rules(books) if role is ServerRole.JOURNAL else _bus_rules(books)
    of_runners = {runner_user(name): _runner_rule(role, books, name) for name in strategies}
    return {**of_processes, **of_runners}


def acl_file(allowed: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    """The text of an ACL file. Passwords stand in it as hashes only.

    Nobody can log in as the default user: it is off and has no password. Yet it keeps its rights, because Redis 7.0
    replays the transactions of its append-only file as that user, and drops each one that the user may not run.
    """
    lines = ["user default off resetpass ~* &* +@all"]
    lines += [f"user {user} {' '.join(words)}" for user, words in grants(allowed, passwords).items()]
    return "\n".join(lines) + "\n"


def grants(allowed: Mapping[str, str], passwords: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """User → the words behind `ACL SETUSER <user>`; unlike `ACL LOAD`, that cuts nobody's connection."""
    return {
        user: ("reset", "on", f"#{sha256(passwords[user].encode()).hexdigest()}", *rule.split())
        for user, rule in allowed.items()
    }


class Passwords:
    """Random passwords of the servers' users in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ensure(self, users: Sequence[str]) -> Mapping[str, str]:
        """The passwords of these users; new ones are made and kept."""
        known = dict(self.read()) if self._path.exists() else {}
        missing = [user for user in users if user not in known]
        if missing:
            known |= {user: secrets.token_urlsafe(24) for user in missing}
            text = json.dumps(known, indent=1, sort_keys=True)
            replace_file(self._path, self._path.with_name(self._path.name + ".new"), text.encode())
        return known

    def read(self) -> Mapping[str, str]:
        """Every password; ConfigError when the file is missing, damaged, or others may read it."""
        try:
            if self._path.stat().st_mode & 0o077:
                raise ConfigError(f"{self._path} may be read by others; run `chmod 600` on it and restart the servers")
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{self._path} is missing: the desk is not up; start it with `execution up`") from None
        except ValueError as error:
            raise ConfigError(f"{self._path} is damaged ({error}); delete it and restart the servers") from error
        if not isinstance(known, dict):
            raise ConfigError(f"{self._path} is damaged; delete it and restart the servers")
        return {str(user): str(password) for user, password in known.items()}

    def own(self, user: str) -> str:
        """One user's password; ConfigError when it has none."""
        password = self.read().get(user)
        if password is None:
            raise ConfigError(f"{self._path} knows no user {user!r}; start the desk anew so that it gets one")
        return password


def _journal_rules(books: Sequence[str]) -> dict[str, str]:
    all_keys = _patterns("~", books, "*")
    look = _patterns("%R~", books, "*")
    log = " ".join(f"%W~{keys.operations(book)}" for book in books)
    operator, people, supervisor = (
        " ".join(f"%W~{keys.commands(book, producer)}" for book in books) for producer in COMMANDERS
    )
    # A selector of its own: what may shorten the journal may not add to it.
    trim = f"({' '.join(f'%RW~{keys.journal(book)}' for book in books)} +xtrim)"
    return {
        "engine": f"{all_keys} +@all -@dangerous +info +config|get",
        "operator": f"{look} {log} {operator} {_LOOK} {_ADD} +info +config|get",
        "viewer": f"{look} {_LOOK} +info",
        "supervisor": f"{look} {log} {supervisor} {people} {_LOOK} {_ADD} +info +config|get +acl|setuser",
        "listener": f"{log} {_CONNECT} {_ADD}",
        "venue": f"{log} {_CONNECT} {_ADD}",
        "archiver": f"{look} {log} {_LOOK} {_ADD} {trim}",
        "monitor": f"{look} {log} {_LOOK} {_ADD} +info",
    }


def _bus_rules(books: Sequence[str]) -> dict[str, str]:
    look = _patterns("%R~", books, "*")
    beat = " ".join(f"%W~{keys.beats(book)}" for book in books)
    return {
        "engine": f"{_patterns('~', books, '*')} ~{keys.budget('*')} +@all -@dangerous +info +config|get",
        "operator": f"{look} {_LOOK} +info +config|get",
        "viewer": f"{look} {_LOOK} +info",
        "supervisor": f"{look} {beat} {_LOOK} +hset +info +config|get +acl|setuser",
        "listener": f"{look} {beat} {_patterns('%RW~', books, 'feed*')} {_LOOK} {_ADD} +hset +unlink",
        "venue": f"{look} {beat} {_LOOK} +hset",
        "archiver": f"{beat} {_CONNECT} +hset",
        "monitor": f"{look} {beat} {_LOOK} +hset +info",
    }


def _runner_rule(role: ServerRole, books: Sequence[str], strategy: str) -> str:
    """Add to its own command stream, read its own inbox; on the bus read feed, released steps and heartbeats."""
    if role is ServerRole.JOURNAL:
        own = " ".join(f"%RW~{keys.commands(book, strategy)} %R~{keys.inbox(book, strategy)}" for book in books)
        return f"{own} {_CONNECT} {_ADD} +xread +xrange +xlen"
    return f"{_patterns('%R~', books, 'feed*', 'released:*', 'beats')} {_CONNECT} +xread +xrevrange +hvals +hget"


def _patterns(permission: str, books: Sequence[str], *names: str) -> str:
    return " ".join(f"{permission}{{{book}}}:{name}" for book in books for name in names)
