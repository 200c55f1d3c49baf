"""Who knows the password that the engine has in force is let in, and is nobody any more when that changes."""

import pytest

from execution.operations.logins import Logins, NotLetIn
from execution.operations.sessions import Sessions, Tries
from execution.settings.people import PeopleTable
from toolkit.client.credentials import password_hash
from toolkit.domain.errors import ConfigError
from toolkit.domain.people import Identity, People, Role, fingerprint

PASSWORD = "a long enough password"
KNOWN = password_hash(PASSWORD)
OTHER = password_hash("another password of hers")


def table(known: str = KNOWN, *roles: Role) -> PeopleTable:
    row = Identity(identity="login:anna", person="anna", roles=roles or (Role.OPERATOR,), key=fingerprint(known))
    return PeopleTable(people=People(rows=(row,)), secrets={"login:anna": known})


class Desk:
    """The file as it was saved, and what the engine has taken of it."""

    def __init__(self) -> None:
        self.saved = table()
        self.in_force = self.saved.people
        self.broken = False

    def read(self) -> PeopleTable:
        if self.broken:
            raise ConfigError("config/people.yaml line 3: no")
        return self.saved


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def logins(desk: Desk) -> Logins:
    return Logins(
        Sessions(b"secret", hours=1), read_table=desk.read, in_force=lambda: desk.in_force, tries=Tries(most=3)
    )


async def test_the_right_password_opens_a_session_of_that_person(logins: Logins) -> None:
    visitor = logins.visitor(logins.sessions.read(await logins.log_in("anna", PASSWORD)))
    assert visitor is not None
    assert (visitor.login, visitor.person, visitor.roles) == ("anna", "anna", {Role.OPERATOR})


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("anna", ""), ("carl", PASSWORD), ("", "")])
async def test_anything_else_does_not_and_says_no_more(logins: Logins, name: str, password: str) -> None:
    with pytest.raises(NotLetIn, match="name or password is wrong"):
        await logins.log_in(name, password)


async def test_a_password_that_waits_for_its_approval_opens_nothing(logins: Logins, desk: Desk) -> None:
    desk.saved = table(OTHER)
    for password in (PASSWORD, "another password of hers"):
        with pytest.raises(NotLetIn):
            await logins.log_in("anna", password)


async def test_a_file_that_was_saved_broken_locks_nobody_out(logins: Logins, desk: Desk) -> None:
    await logins.log_in("anna", PASSWORD)
    desk.broken = True
    assert await logins.log_in("anna", PASSWORD)


async def test_too_many_tries_wait_the_right_one_too(logins: Logins) -> None:
    for _ in range(3):
        with pytest.raises(NotLetIn, match="wrong"):
            await logins.log_in("anna", "wrong")
    with pytest.raises(NotLetIn, match="too many tries"):
        await logins.log_in("anna", PASSWORD)


async def test_a_session_ends_with_the_password_the_person_and_the_logout(logins: Logins, desk: Desk) -> None:
    session = logins.sessions.read(await logins.log_in("anna", PASSWORD))
    assert session is not None
    desk.in_force = table(OTHER).people
    assert logins.visitor(session) is None
    desk.in_force = People()
    assert logins.visitor(session) is None
    desk.in_force = table().people
    assert logins.visitor(session) is not None
    logins.sessions.end(session)
    assert logins.visitor(session) is None


async def test_roles_are_those_of_now(logins: Logins, desk: Desk) -> None:
    session = logins.sessions.read(await logins.log_in("anna", PASSWORD))
    desk.in_force = table(KNOWN, Role.VIEWER).people
    visitor = logins.visitor(session)
    assert visitor is not None
    assert visitor.roles == {Role.VIEWER}
