"""Whether four eyes are two people: what `doctor` and `execution people` say of a desk whose files promise more."""

from __future__ import annotations

import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from execution.settings.people import PEOPLE_FILE, desk_user, read_people
from toolkit.domain.people import COMMANDING, People, Role


def not_real(home: Path) -> list[str]:
    """Why one person could do alone what should take two, in words; nothing where four eyes are off."""
    people = read_people(home).people
    return list(_doubts(home, people)) if people.four_eyes else []


def _doubts(home: Path, people: People) -> Iterator[str]:
    if len(people.with_role(*COMMANDING)) < 2:
        yield f"{PEOPLE_FILE} names one person who may command; name a second, or say four_eyes: off"
    if not _somebody_else_approves(people):
        yield "whoever proposes, nobody else may approve: give a second person role risk, or the first another proposer"
    yield from _shared_users(people)
    user = desk_user(home)
    if (known := people.find(f"unix:{user}")) is not None:
        yield (
            f"the desk runs as {user}, who is {known.person}: that user can read every secret of the desk and write "
            "its streams; run it as a user of its own"
        )
    for path in (home / "config", home / PEOPLE_FILE):
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield f"{path} may be written by others than its owner; run `chmod go-w` on it"


def _somebody_else_approves(people: People) -> bool:
    approvers, proposers = people.with_role(Role.RISK), people.with_role(*COMMANDING)
    return any(approver != proposer for approver in approvers for proposer in proposers)


def _shared_users(people: People) -> Iterator[str]:
    """Two names of one unix user are one user."""
    seen: dict[int, str] = {}
    for row in people.rows:
        kind, _, name = row.identity.partition(":")
        if kind != "unix":
            continue
        try:
            user_id = pwd.getpwnam(name).pw_uid
        except KeyError:
            yield f"{row.person} is unix user {name}, whom this machine does not know"
            continue
        other = seen.setdefault(user_id, row.person)
        if other != row.person:
            yield f"{other} and {row.person} are one unix user, number {user_id}"
