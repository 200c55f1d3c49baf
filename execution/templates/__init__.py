"""Where the templates of desks and strategies lie, in a checkout and in a wheel; it writes nothing."""

from __future__ import annotations

from pathlib import Path
from string import Template

from execution.home import PROJECT

HERE = Path(__file__).resolve().parent
# What a desk is made of, and nothing that somebody keeps beside it: secrets, pictures, caches.
PARTS = (
    "config/*.yaml", "notebooks/*.ipynb", "notebooks/strategies/*.py", "runbooks/*.md", "runbooks/*.ipynb",
)  # fmt: skip
OF_EVERY_DESK = {"README.md": "README.md.txt", ".gitignore": "gitignore.txt"}


def desk_files() -> dict[str, Path]:
    """Path within a desk → the file that it is a copy of: the project's own, which a wheel carries beside this module.

    pyproject.toml says where it puts them (`tool.hatch.build.targets.wheel.sources`).
    """
    packed = HERE / "desk"
    origin = packed if (packed / "config").is_dir() else PROJECT
    own = {name: packed / file for name, file in OF_EVERY_DESK.items()}
    parts = sorted(path for pattern in PARTS for path in origin.glob(pattern))
    return own | {path.relative_to(origin).as_posix(): path for path in parts}


def strategy_file(kind: str, **words: str) -> str:
    """One file of a new strategy (`strategy.py`, `test.py`, `notebook.ipynb`) with its $words put in."""
    return Template((HERE / "strategy" / f"{kind}.txt").read_text(encoding="utf-8")).substitute(words)
