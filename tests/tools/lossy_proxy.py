"""A unix socket in front of a server that loses what a test tells it to: a request before it, or a reply behind it."""

from __future__ import annotations

import asyncio
from enum import Enum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from toolkit.adapters.server_address import ServerAddress


class Lose(Enum):
    NOTHING = "nothing"
    REQUEST = "request"
    REPLY = "reply"


class LossyProxy:
    """Loses once what `lose` says, by cutting the line at a message that holds `marker`; then loses nothing again."""

    def __init__(self, target: ServerAddress, path: Path, marker: bytes) -> None:
        self.lose = Lose.NOTHING
        self.address = target._replace(url=f"unix://{path}")
        self._target = urlsplit(target.url).path
        self._path = path
        self._marker = marker
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        replies, requests = await asyncio.open_unix_connection(self._target)
        backward = asyncio.create_task(_pump(replies, writer))
        try:
            while data := await reader.read(1 << 16):
                losing, marked = self.lose, self._marker in data
                if marked:
                    self.lose = Lose.NOTHING
                if marked and losing is Lose.REQUEST:
                    return
                if marked and losing is Lose.REPLY:
                    backward.cancel()
                    requests.write(data)
                    await replies.read(1)  # the server has answered; nobody hears it
                    return
                requests.write(data)
        finally:
            backward.cancel()
            writer.close()
            requests.close()
            self._tasks.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()
