"""What is said on the front desk's socket: a command or an answer, how its person is recognised, what became of it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from toolkit.domain.alerts import AlertAnswer
from toolkit.domain.commands import Command


class Credential(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="credential"):
    """How somebody is recognised where the unix user on the other end of the socket does not say it.

    `token` is what stands in a token file. An app that has checked a password itself gives its name, the secret that it
    was handed at its start, and whom it vouches for in `login`.
    """

    token: str = ""
    app: str = ""
    secret: str = ""
    login: str = ""

    def __repr__(self) -> str:
        return f"Credential(app={self.app!r}, login={self.login!r})"  # no log shows a secret


NOBODY = Credential()
"""Nothing is shown: the system says who it is."""


class Peer(NamedTuple):
    """Who is at the other end of a socket, as the system knows it: the number of the unix user, and the process."""

    user: int
    process: int


class Ask(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="ask"):
    """`patience` is how many seconds the asker waits for an engine. Without a command: what waits for an approval?

    `answer` is said to an alert instead of a command.

    `asked` is when that was, in seconds of the machine's steady clock: who has given up is not obeyed later.
    """

    body: Command | None
    credential: Credential = NOBODY
    patience: float = 5.0
    asked: float = 0.0
    answer: AlertAnswer | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for another person. `changes` in words; `stands` says whether a person stands behind it; UTC ns."""

    proposal: str
    what: str
    changes: tuple[str, ...]
    who: str
    stands: bool
    source: str
    reason: str
    expires: int


class Told(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="told"):
    """The event that says what became of a command, why it was refused, or the proposal that it has become.

    `problem` says why nobody knows: no engine took it in time, or the journal is away. `unproved`: whoever asked showed
    something that proves nothing, and the command went nowhere.
    """

    event: int = 0
    refused: str = ""
    proposal: str = ""
    problem: str = ""
    unproved: str = ""
    waiting: tuple[Waiting, ...] = ()
