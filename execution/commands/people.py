"""`execution people`: who is who, and the secrets by which people are recognised, which no file here ever holds."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import DIM, GREEN, YELLOW, banner, paint, say, say_json, table
from execution.home import Home
from execution.settings import read_people, read_settings
from execution.settings.problems import nearest
from execution.wiring.four_eyes import not_real
from toolkit.client.credentials import TOKEN_FILE, password_hash, write_token
from toolkit.domain.people import ROLES

SHORTEST_PASSWORD = 12


def show(given: Path | None, *, as_json: bool) -> Exit:
    """The people of config/people.yaml, and what is not as it seems."""
    home = the_home(given)
    people = read_people(home.root).people
    doubts = not_real(home.root)
    if as_json:
        rows = [{"identity": row.identity, "person": row.person, "roles": row.roles} for row in people.rows]
        say_json({"four_eyes": people.four_eyes, "people": rows, "not_real": doubts})
        return Exit.DONE
    say(banner(read_settings(home.root).desk.kind, f"who may do what · {home.root}"))
    say(table(("person", "recognised as", "roles"), [(r.person, r.identity, ", ".join(r.roles)) for r in people.rows]))
    for role, meaning in ROLES.items():
        say(paint(f"  {role.value:<9} {meaning}", DIM))
    if people.alone:
        say(paint("  four eyes are off: one person of role risk decides alone, and every record says so", YELLOW))
    for doubt in doubts:
        say(paint(f"  four eyes are not real: {doubt}", YELLOW))
    if not people.alone and not doubts:
        say(paint("  four eyes are on: what loosens takes two", GREEN))
    return Exit.DONE


def token(given: Path | None, name: str, file: Path, *, as_json: bool) -> Exit:
    """A new token in a file of its own; only its hash goes into config/people.yaml."""
    home = the_home(given)
    _check_person(home, name)
    path = file.expanduser().resolve()
    line = f"token: {write_token(path, name)}"
    if as_json:
        say_json({"file": str(path), "add": line})
        return Exit.DONE
    say(f"{path} is for {name} alone: {TOKEN_FILE} names it to `execution`. Add below {name} in config/people.yaml:")
    say(f"\n    {line}\n")
    say("A new secret takes another person's approval before it counts.")
    return Exit.DONE


def password(given: Path | None, name: str, *, as_json: bool) -> Exit:
    """Asked for twice on a terminal, read as one line elsewhere."""
    home = the_home(given)
    _check_person(home, name)
    secret = _ask(name) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(secret) < SHORTEST_PASSWORD:
        raise Stop(Exit.USAGE, f"a password of {len(secret)} characters; give at least {SHORTEST_PASSWORD}")
    line = f"login: {password_hash(secret)}"
    if as_json:
        say_json({"add": line})
    else:
        say(f"Add below {name} in config/people.yaml:\n\n    {line}\n\nA new secret takes another person's approval.")
    return Exit.DONE


def _ask(name: str) -> str:
    secret = getpass(f"password of {name}: ")
    if getpass("once more: ") != secret:
        raise Stop(Exit.USAGE, "the two differ; nothing was made")
    return secret


def _check_person(home: Home, name: str) -> None:
    known = {row.person for row in read_people(home.root).people.rows}
    if name not in known:
        raise Stop(Exit.USAGE, f"config/people.yaml has no {name!r}; {nearest(name, known)}")
