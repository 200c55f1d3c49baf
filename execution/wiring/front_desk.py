"""The front desk on its socket; recognising people is the supervision's work, sending what they say the line's."""

from __future__ import annotations

from execution.settings import Settings
from execution.supervision.front_desk import FrontDesk
from execution.wiring.desk_line import DeskLine
from toolkit.adapters.front_desk import FrontDeskSocket
from toolkit.client.commands import front_desk_socket
from toolkit.client.home import Home


class Door:
    """`desk` recognises; `open` lets people in until `close`."""

    def __init__(self, home: Home, settings: Settings, line: DeskLine) -> None:
        self.desk = FrontDesk(
            settings.people.secrets, people=lambda: line.replica.ledger.people, give=line.give_for_people
        )
        self._socket = FrontDeskSocket(front_desk_socket(home), self.desk.answer)

    async def open(self) -> None:
        await self._socket.open()

    async def close(self) -> None:
        """Nobody is let in any more; who asked before gets an answer."""
        await self._socket.close()
