"""The desk's own user gets in by a link that opens once, as who the people file knows it; nobody else does."""

import asyncio
from pathlib import Path

import pytest

from execution.operations.links import FILE, OneTimeSecret, link
from execution.operations.logins import BY_LINK, Logins
from execution.operations.sessions import Session, Sessions
from execution.settings.people import PeopleTable
from toolkit.domain.people import Identity, People, Role

OWNER = "unix:anna"
KNOWN = People(rows=(Identity(identity=OWNER, person="anna", roles=(Role.OPERATOR,)),))


def logins(people: People, owner: str = OWNER) -> Logins:
    table = PeopleTable(people=people, secrets={})
    sessions = Sessions(b"x" * 32, hours=1)
    return Logins(sessions, read_table=lambda: table, in_force=lambda: people, owner=owner)


def test_a_secret_opens_once_and_another_one_stands_there_then(tmp_path: Path) -> None:
    path = tmp_path / FILE
    secret = OneTimeSecret(path)
    first = secret.now()
    assert path.stat().st_mode & 0o777 == 0o600
    assert link("http://127.0.0.1:8601/", tmp_path) == f"http://127.0.0.1:8601/enter?once={first}"
    assert not secret.use("")
    assert not secret.use(f"{first}x")
    assert secret.now() == first, "a wrong one uses nothing up"
    assert secret.use(first)
    assert not secret.use(first)
    assert secret.use(secret.now())


def test_a_secret_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE
    first = OneTimeSecret(path).now()
    path.chmod(0o644)
    assert OneTimeSecret(path).now() != first
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("people", "person", "roles"),
    [(KNOWN, "anna", {Role.VIEWER, Role.OPERATOR}), (People(), OWNER, {Role.VIEWER})],
)
def test_who_has_the_link_is_the_desks_user_and_looks_on_in_any_case(
    people: People, person: str, roles: set[Role]
) -> None:
    app = logins(people)
    session = app.sessions.read(app.enter())
    visitor = app.visitor(session)
    assert visitor is not None
    assert (visitor.person, set(visitor.roles)) == (person, roles)
    assert session is not None
    app.sessions.end(session)
    assert app.visitor(session) is None


def test_an_app_without_a_link_knows_no_such_session() -> None:
    """The app with the buttons gives no commands to whoever only found a link."""
    ends = 2**40
    forged = Session(login=OWNER, key=BY_LINK, ends=ends, number="1")
    assert logins(KNOWN, owner="").visitor(forged) is None
    other = Session(login="unix:bob", key=BY_LINK, ends=ends, number="2")
    assert logins(KNOWN).visitor(other) is None


def test_nobody_gets_in_by_that_name_and_a_password() -> None:
    with pytest.raises(Exception, match="name or password is wrong"):
        asyncio.run(logins(KNOWN).log_in(OWNER.removeprefix("unix:"), BY_LINK))
