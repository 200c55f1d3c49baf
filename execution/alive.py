"""What a page of a desk answers to who asks whether it lives: whose it is, since any desk may listen on a port."""

from __future__ import annotations

import os
from http.client import HTTPConnection, HTTPException
from typing import Final

import msgspec

HOST: Final = "127.0.0.1"
PATH: Final = "/alive"


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The book that is shown, and by which process."""

    book: str
    pid: int


def alive_here(book: str) -> bytes:
    """The answer of this process."""
    return msgspec.json.encode(Alive(book=book, pid=os.getpid()))


def who_lives(port: int, patience: float = 1.0) -> Alive | None:
    """Who answers at a port; None where nobody does, or says something else."""
    said = page(port, PATH, patience)
    try:
        return None if said is None else msgspec.json.decode(said, type=Alive)
    except msgspec.MsgspecError:
        return None


def page(port: int, path: str, patience: float = 1.0) -> bytes | None:
    """A page that is not only listened for but served; None else."""
    line = HTTPConnection(HOST, port, timeout=patience)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        return answer.read() if answer.status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        line.close()
