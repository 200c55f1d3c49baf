"""Sends a message to people by an apprise address, and calls an address that says "alive"; an address is never shown.

Everything blocks, for some seconds at most: each channel has a thread of its own that may. apprise takes a third of a
second and 45 MB to load, so it is loaded with the first channel and not before.
"""

from __future__ import annotations

import http.client
import logging
import urllib.request
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit.domain.errors import ConfigError

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 4.0
KINDS: Final = {"critical": "failure", "warning": "warning", "info": "info"}
_OWN_RETRIES: Final = "retry=0&wait=0"
"""Trying again is the desk's own work: it knows who stands in meanwhile."""


class Notifications:
    """One channel of people. ConfigError for an address that apprise does not know; it names no part of it."""

    def __init__(self, name: str, address: str) -> None:
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would log addresses, and people's names
        self._name = name
        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(_bounded(address)):
            raise ConfigError(f"channel {name}: its address is none that apprise knows; it begins with one of "
                              "json, mailto, slack, ntfy, pover, tgram … and `://`")  # fmt: skip

    def send(self, title: str, body: str, severity: str) -> str:
        """Blocks. Why the channel did not take it, "" when it did."""
        taken = self._apprise.notify(title=title, body=body, notify_type=KINDS.get(severity, "info"))
        return "" if taken else f"channel {self._name} did not take it (refused, unreachable or too slow)"


def call(address: str, patience: float = ANSWER_SECONDS) -> str:
    """GET an http(s) address and drop what it answers. Blocks. Why it was not heard, "" when it was."""
    if urlsplit(address).scheme not in ("http", "https"):
        return "the heartbeat address is no http or https address"
    try:
        with urllib.request.urlopen(address, timeout=patience):
            return ""
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return f"the heartbeat address does not answer ({type(problem).__name__})"


def _bounded(address: str) -> str:
    """With time-outs and without retries, unless the address says otherwise."""
    wanted = [] if "rto=" in address else [f"cto={CONNECT_SECONDS:g}&rto={ANSWER_SECONDS:g}"]
    wanted += [] if "retry=" in address else [_OWN_RETRIES]
    return "&".join((address, *wanted)) if "?" in address else "?".join((address, "&".join(wanted)))
