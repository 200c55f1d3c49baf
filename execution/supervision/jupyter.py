"""JupyterLab beside the desk: a free port on loopback, a token of its own; a notebook is a client, no owner."""

from __future__ import annotations

import secrets
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.domain.errors import ConfigError

HOST = "127.0.0.1"
PORTS_TRIED = 50


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where JupyterLab will be. The token is new at each start and handed over on a pipe."""

    port: int
    token: str = field(repr=False)

    @property
    def link(self) -> str:
        """The address that logs in."""
        return f"http://{HOST}:{self.port}/lab?token={self.token}"

    def arguments(self, notebooks: Path) -> tuple[str, ...]:
        """The command line: a small process that ends JupyterLab when the supervisor is gone."""
        return (
            sys.executable, "-m", "execution.supervision.leash",
            sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.ip={HOST}",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={notebooks}",
            "--ServerApp.allow_root=True", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None", "--LabApp.collaborative=False",
        )  # fmt: skip


def new_lab(first_port: int) -> Lab:
    """The next free port from `first_port` on, with a fresh token."""
    return Lab(port=free_port(first_port), token=secrets.token_urlsafe(24))


def free_port(first: int, setting: str = "jupyter.first_port") -> int:
    """The first port from `first` on that nobody listens on. ConfigError when there is none near."""
    for port in range(first, min(first + PORTS_TRIED, 65_536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ConfigError(f"no free port from {first} to {first + PORTS_TRIED - 1}; set {setting}")


def answers(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((HOST, port)) == 0
