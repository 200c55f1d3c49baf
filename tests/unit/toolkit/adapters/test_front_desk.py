"""The front desk's socket: who asks is what the system says, and what cannot be read is answered, not believed."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from toolkit.adapters import codec, front_desk
from toolkit.adapters.front_desk import FrontDeskSocket, ask_front_desk
from toolkit.domain.commands import CancelAll, Who
from toolkit.domain.errors import AmbiguousOutcome, TransportError
from toolkit.domain.front_desk import Ask, Peer, Told

ASK = Ask(body=CancelAll(who=Who(identity="unix:claimed", verified=True, source="cli"), reason="a test"), patience=0.3)


class Desk:
    """Answers with what it was asked, or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[Ask, Peer]] = []
        self.silent = False
        self.socket = FrontDeskSocket(path, self._answer)

    async def _answer(self, ask: Ask, peer: Peer) -> Told:
        self.heard.append((ask, peer))
        if self.silent:
            await asyncio.sleep(60)
        return Told(event=7)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "people.sock")
    await made.socket.open()
    yield made
    await made.socket.close()


async def test_a_question_is_answered_with_the_user_that_the_system_names(desk: Desk) -> None:
    assert await asyncio.to_thread(ask_front_desk, desk.path, ASK) == Told(event=7)
    ((heard, peer),) = desk.heard
    assert (heard.body, heard.patience, peer) == (ASK.body, ASK.patience, Peer(os.getuid(), os.getpid()))


async def test_the_socket_is_for_its_owner_and_gone_when_nobody_listens(desk: Desk) -> None:
    assert desk.path.stat().st_mode & 0o077 == 0
    await desk.socket.close()
    with pytest.raises(TransportError, match="does not answer"):
        ask_front_desk(desk.path, ASK)


async def test_a_socket_that_a_killed_desk_left_makes_way(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "people.sock"))
    left.close()
    desk = Desk(tmp_path / "people.sock")
    await desk.socket.open()
    assert await asyncio.to_thread(ask_front_desk, desk.path, ASK) == Told(event=7)
    await desk.socket.close()


async def test_silence_is_no_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_desk, "SLACK_SECONDS", 0.0)
    desk.silent = True
    with pytest.raises(AmbiguousOutcome, match="fell silent"):
        await asyncio.to_thread(ask_front_desk, desk.path, ASK)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\x00\x00\x00\x03abc", "cannot be read|cannot read this"),
        (b"\x7f\xff\xff\xff", "at most 1048576 are heard"),
        (b"\x00\x00\x00\x01\xc0", "cannot read this"),
    ],
)
async def test_what_cannot_be_read_goes_nowhere(desk: Desk, sent: bytes, said: str) -> None:
    reader, writer = await asyncio.open_unix_connection(str(desk.path))
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert desk.heard == []
    assert any(part in answer.decode("utf-8", "replace") for part in said.split("|"))


async def test_who_leaves_in_the_middle_of_a_word_disturbs_nobody(desk: Desk) -> None:
    _, writer = await asyncio.open_unix_connection(str(desk.path))
    writer.write(codec.encode(ASK)[:9])
    writer.close()
    assert await asyncio.to_thread(ask_front_desk, desk.path, ASK) == Told(event=7)


async def test_who_has_given_up_is_not_obeyed_later(desk: Desk) -> None:
    """A desk that hung finds questions waiting at its socket; whoever asked has gone another way by then."""
    long_ago = msgspec.structs.replace(ASK, asked=time.monotonic() - 60)
    for ask, hangs_up in ((long_ago, False), (msgspec.structs.replace(ASK, asked=time.monotonic()), True)):
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(desk.path))
        body = codec.encode(ask)
        line.sendall(len(body).to_bytes(4, "big") + body)
        if hangs_up:
            line.close()
        await asyncio.sleep(0.1)
        line.close()
    assert desk.heard == []
