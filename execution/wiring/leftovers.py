"""Ends the servers of a desk whose supervisor is gone; it needs no configuration, since that may be what is broken."""

from __future__ import annotations

from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.client.home import Home


def end_servers(home: Home) -> list[str]:
    """End both servers, whoever started them; the names of those that ran."""
    servers = EmbeddedServers(home.run, home.servers, home.logs, books=())
    return [f"{role.value}-server" for role in servers.stop()]
