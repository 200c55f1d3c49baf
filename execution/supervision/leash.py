"""Holds a program that does not know our pipe (JupyterLab): hands it its token, ends it when the pipe closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from execution.child import read_secret

PATIENCE = 5.0


def main(arguments: Sequence[str]) -> int:
    """Run `arguments` with the first line of stdin as its token; returns its exit code."""
    environment = {**os.environ, "JUPYTER_TOKEN": read_secret()}
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_wait_for_the_end, args=(child,), daemon=True).start()
    try:
        return child.wait()
    finally:
        _end(child)


def _wait_for_the_end(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
