"""Finds the files that a strategy's source imports from beside itself, and their digest; it imports none of them."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Final

_VERSIONED: Final = frozenset({"toolkit", "execution"})  # the version of the package stands for them
_INSTALLED: Final = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib"))


def imported_digest(source: str) -> bytes:
    """One digest of all files that `imported_files` finds; empty where there are none."""
    files = imported_files(source)
    if not files:
        return b""
    total = sha256()
    for name, path in sorted(files.items()):
        total.update(name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return total.digest()


def imported_files(source: str) -> dict[str, Path]:
    """Modules that `source` imports, and those that they import, with their files; no installed and no standard ones.

    Every import statement counts, wherever it stands. What code imports by a name that it makes up, and files that it
    reads, are not found.
    """
    files: dict[str, Path] = {}
    specs: dict[str, ModuleSpec | None] = {}
    waiting = deque(_imports(source, ""))
    while waiting:
        name = waiting.popleft()
        if name in specs:
            continue
        spec = specs[name] = _found(name, specs)
        if spec is None:
            continue
        path = _own_file(spec)
        if path is not None:
            files[name] = path
            if path.suffix == ".py":
                package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
                waiting += _imports(path.read_bytes(), package)
    return files


def _imports(source: str | bytes, package: str) -> Iterator[str]:
    """Names of what may be modules, each after its packages; `from a import b` may mean the module a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            names = [f"{base}.{alias.name}" for alias in node.names if alias.name != "*"] or [base]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _found(name: str, specs: dict[str, ModuleSpec | None]) -> ModuleSpec | None:
    """Where a module lies. A package is looked through without being run, so a part of it needs the package's spec."""
    parent, _, _ = name.rpartition(".")
    if not parent:
        if not name or name in _VERSIONED or name in sys.stdlib_module_names:
            return None
        try:
            return find_spec(name)
        except ValueError:  # a module that was made in memory, such as __main__, has no spec
            return None
    home = specs[parent]
    if home is None or home.submodule_search_locations is None or _is_installed(home):
        return None
    return PathFinder.find_spec(name, list(home.submodule_search_locations))


def _own_file(spec: ModuleSpec) -> Path | None:
    if not spec.has_location or spec.origin is None or _is_installed(spec):
        return None
    return Path(spec.origin)


def _is_installed(spec: ModuleSpec) -> bool:
    if spec.origin is None:
        return False
    path = Path(spec.origin).resolve()
    return any(path.is_relative_to(home) for home in _INSTALLED) or bool(
        {"site-packages", "dist-packages"} & set(path.parts)
    )
