"""config/people.yaml: who may do what on a desk; secrets stand in it as hashes only, and nothing here opens one."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from execution.settings.documents import Document, read_document
from execution.settings.models import Name, Strict
from execution.settings.problems import problem, validate
from toolkit.domain.people import (
    APPROVAL_HOURS,
    LONGEST_APPROVAL_HOURS,
    Identity,
    People,
    Role,
    can_decide,
    fingerprint,
)

PEOPLE_FILE = "config/people.yaml"

UnixUser = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$")]
SecretHash = Annotated[str, Field(pattern=r"^scrypt:[0-9]+:[0-9]+:[0-9]+:[A-Za-z0-9_=-]+:[A-Za-z0-9_=-]+$")]
PasswordHash = Annotated[
    str,
    Field(
        pattern=r"^(\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+|scrypt:[A-Za-z0-9_=:-]+)$"
    ),
]


class PersonRow(Strict):
    """One person and all ways to be that person.

    `unix` is a user of this machine, proved by the system; `runs_the_desk` is the user that the desk itself runs as.
    `login` and `token` are hashes of a password for the operations app and of a token file.
    """

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    unix: UnixUser | None = None
    runs_the_desk: StrictBool = False
    login: PasswordHash | None = None
    token: SecretHash | None = None


class PeopleFile(Strict):
    """config/people.yaml"""

    four_eyes: Literal["on", "off"]
    socket: Annotated[str, Field(pattern=r"^/\S{1,99}$")] | None = None
    approval_hours: Annotated[int, Field(ge=1, le=LONGEST_APPROVAL_HOURS)] = APPROVAL_HOURS
    people: Annotated[dict[Name, PersonRow], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class PeopleTable:
    """The people of a desk as the engine takes them; the hashes of their secrets by identity it never sees."""

    people: People
    secrets: Mapping[str, str] = field(repr=False)
    socket: Path | None = None
    """Where the front desk hears other users of this machine as well."""


def read_people(home: Path) -> PeopleTable:
    """ConfigError with line and mend for a file that cannot be used, or by which nobody could decide anything."""
    document = read_document(home / "config" / "people.yaml", PEOPLE_FILE)
    file = validate(document, PeopleFile)
    secrets: dict[str, str] = {}
    rows: dict[str, Identity] = {}
    for identity, secret in _identities(document, file, desk_user(home)):
        if identity.identity in rows:
            other = rows[identity.identity].person
            raise problem(document, ("people", identity.person), f"is {identity.identity}, and so is {other}; "
                          "an identity belongs to one person")  # fmt: skip
        rows[identity.identity] = identity
        if secret:
            secrets[identity.identity] = secret
    people = People(rows=tuple(rows.values()), four_eyes=file.four_eyes == "on", approval_hours=file.approval_hours)
    if not can_decide(people):
        wanted = "give a second person role quant, operator or risk, or say four_eyes: off" if people.with_role(
            Role.RISK
        ) else "give one person role risk"  # fmt: skip
        raise problem(document, ("four_eyes",), f"is {file.four_eyes}, and nobody could approve anything; {wanted}")
    return PeopleTable(
        people=people, secrets=MappingProxyType(secrets), socket=Path(file.socket) if file.socket else None
    )


def desk_user(home: Path) -> str:
    """The unix user that a desk runs as: who owns its var/, else who asks."""
    var = home / "var"
    return unix_name(var.stat().st_uid if var.is_dir() else os.getuid())


def unix_name(user_id: int) -> str:
    """The name of a unix user, or its number where it has none."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def _identities(document: Document, file: PeopleFile, runs_desk: str) -> Iterator[tuple[Identity, str]]:
    for name, row in file.people.items():
        ways = [(f"unix:{row.unix}", "")] if row.unix else []
        ways += [(f"unix:{runs_desk}", "")] if row.runs_the_desk and row.unix != runs_desk else []
        ways += [(f"login:{name}", row.login)] if row.login else []
        ways += [(f"token:{name}", row.token)] if row.token else []
        if not ways:
            wanted = "has no way to be recognised; give it unix, runs_the_desk, login or token"
            raise problem(document, ("people", name), wanted)
        for identity, secret in ways:
            key = fingerprint(secret) if secret else ""
            yield Identity(identity=identity, person=name, roles=tuple(sorted(set(row.roles))), key=key), secret
