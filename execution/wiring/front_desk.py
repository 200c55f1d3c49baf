"""The front desk on its socket; recognising people is the supervision's work, sending what they say the line's."""

from __future__ import annotations

from collections.abc import Mapping

from execution.settings import Settings
from execution.supervision.front_desk import FrontDesk
from execution.supervision.managed import Managed
from execution.wiring.desk_line import DeskLine
from toolkit.adapters.front_desk import FrontDeskSocket
from toolkit.adapters.process_identity import lineage
from toolkit.client.commands import front_desk_socket
from toolkit.client.home import Home


class Door:
    """`desk` recognises; `open` lets people in until `close`."""

    def __init__(self, home: Home, settings: Settings, line: DeskLine, managed: Mapping[str, Managed]) -> None:
        """`managed` are the desk's processes as they run now."""

        def is_strategy(process: int) -> bool:
            descent = lineage(process)
            return any(each.pid in descent for each in managed.values() if each.specification.kind == "runner")

        self.desk = FrontDesk(
            settings.people.secrets,
            people=lambda: line.replica.ledger.people,
            give=line.give_for_people,
            is_strategy=is_strategy,
        )
        self._socket = FrontDeskSocket(front_desk_socket(home), self.desk.answer)

    async def open(self) -> None:
        await self._socket.open()

    async def close(self) -> None:
        """Nobody is let in any more; who asked before gets an answer."""
        await self._socket.close()
