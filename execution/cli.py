"""The command `execution`, also as a plain path from any folder and any Python; what it does stands in `commands`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
OLDEST = (3, 11)
NEEDED = ("hiredis", "msgspec", "typer")


def main() -> None:
    """The console script."""
    from execution.commands.app import run

    sys.exit(run())


def main_of_a_path() -> None:
    """`python execution/cli.py …`: make the packages importable, in the project's own environment if need be."""
    # Python put this folder first, where our neighbours would shadow standard modules.
    sys.path[:] = [str(PROJECT), *(entry for entry in sys.path if Path(entry or ".").resolve() not in (HERE, PROJECT))]
    if tuple(sys.version_info[:2]) < OLDEST:
        restart(f"this is Python {sys.version_info[0]}.{sys.version_info[1]}, 3.11 or later is needed")
    try:
        for name in NEEDED:
            import_module(name)
    except ImportError as missing:
        restart(f"this Python has no {missing.name}")
    main()


def restart(reason: str) -> None:
    """Go on in the project's environment; without one, say what to type."""
    environment = PROJECT / ".venv"
    python = environment / "bin" / "python"
    if python.exists() and Path(sys.prefix) != environment:
        os.execv(str(python), [str(python), str(HERE / "cli.py"), *sys.argv[1:]])
    sys.stderr.write(
        f"execution: {reason}. Type this once, then the same command again:\n\n    make -C '{PROJECT}' setup\n"
    )
    sys.exit(2)


if __name__ == "__main__":
    main_of_a_path()
