"""A link that lets the desk's own user in once, kept for that user alone, who could read all of it anyway."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

FILE: Final = "dashboards-link"
_BYTES: Final = 24


class OneTimeSecret:
    """One secret in a file of mode 0600. Once it was used, another one stands there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> str:
        """The one that is good now; made when there is none, or when others might have read it."""
        try:
            if self._path.stat().st_mode & 0o077 == 0:
                kept = self._path.read_text(encoding="ascii").strip()
                if kept:
                    return kept
        except FileNotFoundError:
            pass
        return self.renew()

    def renew(self) -> str:
        """Another one; the one before opens nothing any more."""
        secret = secrets.token_urlsafe(_BYTES)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secret}\n")
        draft.replace(self._path)
        return secret

    def use(self, shown: str) -> bool:
        """Whether this is it; from then on it is not."""
        if not hmac.compare_digest(shown.encode(), self.now().encode()):
            return False
        self.renew()
        return True


def link(address: str, run: Path) -> str:
    """The address of the dashboards with what opens them once, for the desk's own user; the bare one on a full disk."""
    try:
        return f"{address}enter?once={OneTimeSecret(run / FILE).now()}"
    except OSError as problem:
        return f"{address} (with a password alone: {problem})"
