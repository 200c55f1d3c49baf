"""Finds the source that a strategy class needs to live on its own: its file, or what a notebook's cells say of it."""

from __future__ import annotations

import ast
import builtins
import linecache
import symtable
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from toolkit.domain.errors import ConfigError
from toolkit.research.signals import SignalStrategy

_LITERALS: Final = (int, float, complex, str, bytes, bool, type(None))


class StrategySource(NamedTuple):
    """`file` is the name for the source, `path` where it came from (None: a notebook), `class_name` the class in it."""

    file: str
    text: str
    path: Path | None
    class_name: str


def strategy_source(strategy: type) -> StrategySource:
    """The source of a class: the whole file that defines it, or for a notebook its cell's class and all that it uses.

    ConfigError when there is none (a class made at a prompt), or when the class uses something that cannot be written
    down, naming it.
    """
    if "<locals>" in strategy.__qualname__:
        raise ConfigError(f"{strategy.__name__} is defined in a function; move it to the top of its file or cell")
    module = sys.modules.get(strategy.__module__)
    path = getattr(module, "__file__", None)
    if path is not None and (strategy.__module__ != "__main__" or _is_source(path, strategy)):
        file = Path(path)
        return StrategySource(file.name, file.read_text(encoding="utf-8"), file, _bound_name(strategy, vars(module)))
    if module is None:
        raise ConfigError(f"the module {strategy.__module__} of {strategy.__name__} is gone; import it again")
    text = _Collector(vars(module)).collect(strategy)
    return StrategySource(f"{strategy_name(strategy)}.py", text, None, strategy.__name__)


def _bound_name(strategy: type, names: dict[str, Any]) -> str:
    """The name under which its module holds the class: its own, unless `from_signal` made it."""
    if names.get(strategy.__name__) is strategy or not issubclass(strategy, SignalStrategy):
        return strategy.__name__
    found = next((name for name, value in names.items() if value is strategy), None)
    if found is None:
        raise ConfigError(
            f"{strategy.__name__} has no name in its file; write {strategy.__name__} = tk.from_signal(…) at its top"
        )
    return found


class _Collector:
    """Writes a module of the definitions that one class needs, in an order in which they can be executed."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._imports: dict[str, str] = {}
        self._constants: dict[str, str] = {}
        self._definitions: dict[str, str] = {}
        self._open: list[str] = []

    def collect(self, strategy: type) -> str:
        self._define(strategy.__name__, strategy)
        parts = ["from __future__ import annotations", "\n".join(sorted(self._imports.values()))]
        parts += ["\n".join(self._constants.values()), *self._definitions.values()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _define(self, name: str, found: type | FunctionType) -> None:
        """Add a class or function of the notebook, and before it what it uses."""
        if name in self._definitions or name in self._open:
            return
        self._open.append(name)
        if isinstance(found, type) and issubclass(found, SignalStrategy):
            source = self._made(name, found)
        else:
            source = self._with_what_it_uses(name, _definition(found))
        self._open.pop()
        self._definitions[name] = source

    def _with_what_it_uses(self, name: str, source: str) -> str:
        for used in sorted(_global_names(source)):
            if used in self._names and used != name:
                self._need(used, self._names[used], name)
        return source

    def _made(self, name: str, signal: type[SignalStrategy]) -> str:
        """The function of a signal and the call that makes the class of it."""
        self._imports["from_signal"] = "from toolkit import from_signal"
        function = signal._function
        if not isinstance(function, FunctionType):
            raise ConfigError(
                f"{name} is made of {function!r}, whose source cannot be had; make it of a function (def …)"
            )
        source = self._with_what_it_uses(function.__name__, _definition(function))
        return f"{source}\n\n\n{name} = {signal._made.call}"

    def _need(self, name: str, value: Any, user: str) -> None:
        home = getattr(value, "__module__", None)
        if isinstance(value, ModuleType):
            self._imports[name] = _import(value.__name__, name)
        elif isinstance(value, type | FunctionType) and home == "__main__":
            self._define(name, value)
        elif isinstance(home, str) and getattr(sys.modules.get(home), _own(value), None) is value:
            self._imports[name] = f"from {home} import {_own(value)}" + (f" as {name}" if _own(value) != name else "")
        elif _is_literal(value):
            self._constants[name] = f"{name} = {value!r}"
        else:
            raise ConfigError(
                f"{user} uses {name}, a {type(value).__name__} of this notebook that cannot be written into a file; "
                "make it a parameter, compute it in a hook, or move it into the class"
            )


def _definition(found: type | FunctionType) -> str:
    """The text of one class or function out of the cell that defined it."""
    code = _code(found)
    lines = linecache.getlines(code.co_filename) if code is not None else []
    if not lines:
        raise ConfigError(
            f"the source of {found.__name__} is not to be found: give it at least one method, define it in a cell or "
            "in a file (not at a prompt), and promote again"
        )
    kinds = (ast.ClassDef,) if isinstance(found, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
    text = "".join(lines)
    nodes = [node for node in _parsed(text).body if isinstance(node, kinds) and node.name == found.__name__]
    if not nodes:
        raise ConfigError(f"{found.__name__} is not at the top of its cell; define it there and promote again")
    node = nodes[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return textwrap.dedent("".join(text.splitlines(keepends=True)[first - 1 : node.end_lineno])).rstrip("\n")


def _parsed(text: str) -> ast.Module:
    """A cell's statements; lines of IPython's own (%, !, ?) are blanked, so that the others keep their places."""
    plain = [("\n" if line.lstrip().startswith(("%", "!", "?")) else line) for line in text.splitlines(keepends=True)]
    try:
        return ast.parse("".join(plain))
    except SyntaxError as error:
        where = f"line {error.lineno} of the cell cannot be read ({error.msg})"
        raise ConfigError(f"{where}; give the class a cell of its own") from error


def _code(found: type | FunctionType) -> Any:
    if isinstance(found, FunctionType):
        return found.__code__
    if issubclass(found, SignalStrategy):
        return getattr(found._function, "__code__", None)
    own = [value for value in vars(found).values() if isinstance(value, FunctionType)]
    properties = [value.fget for value in vars(found).values() if isinstance(value, property)]
    own += [getter for getter in properties if isinstance(getter, FunctionType)]
    nested = [value for value in vars(found).values() if isinstance(value, type)]
    codes = [function.__code__ for function in own if function.__module__ == found.__module__]
    return codes[0] if codes else next((code for inner in nested if (code := _code(inner)) is not None), None)


def _global_names(source: str) -> set[str]:
    """Every name that a definition takes from its module, those of annotations too."""
    used = set(_free(symtable.symtable(source, "cell", "exec")))
    for node in ast.walk(ast.parse(source)):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.AST):
            used |= {inner.id for inner in ast.walk(annotation) if isinstance(inner, ast.Name)}
    return used - set(dir(builtins))


def _free(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or (top and not symbol.is_assigned())):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _free(inner)


def _import(module: str, name: str) -> str:
    parent, _, last = module.rpartition(".")
    if module == name:
        return f"import {module}"
    return f"from {parent} import {last}" if parent and last == name else f"import {module} as {name}"


def _is_literal(value: object) -> bool:
    if isinstance(value, tuple | list | set | frozenset):
        return type(value) in (tuple, list, set) and all(map(_is_literal, value))
    if isinstance(value, dict):
        return type(value) is dict and all(_is_literal(key) and _is_literal(inner) for key, inner in value.items())
    return type(value) in _LITERALS and value == value and value not in (float("inf"), float("-inf"))


def _own(value: object) -> str:
    return str(getattr(value, "__name__", ""))


def _is_source(path: str, strategy: type) -> bool:
    """Whether a program that is run as `__main__` is the file that defines the class (a notebook's kernel is not)."""
    code = _code(strategy)
    return code is not None and Path(code.co_filename) == Path(path)


def strategy_name(strategy: type) -> str:
    """`MeanReversion` is called `mean_reversion`."""
    name = strategy.__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() and i else letter.lower() for i, letter in enumerate(name))
