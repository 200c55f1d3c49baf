"""The proofs of controls that this release passed: which tests, of which commit and day. It runs none of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

FILE = "controls_proven.json"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One control's. `tests` are by kind: legal, edge, breach, unset; each breach failed without the control."""

    control: int
    name: str
    commit: str
    date: str
    tests: Mapping[str, tuple[str, ...]]


def proven() -> Mapping[int, Proof]:
    """By number of the control; what is missing here is not proven."""
    rows = json.loads(files("execution").joinpath(FILE).read_text(encoding="utf-8"))
    return {
        int(number): Proof(
            control=int(number),
            name=row["name"],
            commit=row["commit"],
            date=row["date"],
            tests={kind: tuple(tests) for kind, tests in row["tests"].items()},
        )
        for number, row in rows.items()
    }
