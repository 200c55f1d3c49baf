"""`execution init` and `execution new`: lay out a desk or a strategy, whole or not at all; they never overwrite."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import banner, command, say, say_json
from execution.home import Home
from execution.settings import Settings, read_settings
from execution.templates import desk_files, strategy_file
from toolkit.domain.people import RESERVED
from toolkit.simulation.sample_feed import sample_instruments

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")  # each word begins with a letter: the class's name says it back
LONGEST_NAME = 40
NAMED_AT_MOST = 5
CAPITAL = 10_000
BESIDE_OTHERS = "tests/unit/notebooks/strategies"  # where the project itself keeps them
STRATEGIES = "config/strategies.yaml"


def init(folder: Path, *, as_json: bool) -> Exit:
    """Lay out a desk in a folder that is empty or not there yet."""
    target = folder.expanduser().resolve()
    kind, files = _lay_out(target)
    name = _typed_anywhere()
    lines = [
        *([] if target == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]),
        f"{name} doctor",
        f"{name} up --lab",
        f"{name} new first_idea",
    ][:3]
    if as_json:
        say_json({"desk": str(target), "files": files, "next": lines})
    else:
        say(banner(kind, f"a desk lies in {target}: {len(files)} files"))
        _say_next(lines)
    return Exit.DONE


def new(given: Path | None, name: str, *, as_json: bool) -> Exit:
    """Lay out strategy, notebook and test in the desk; what runs stays as it is."""
    _check_name(name)
    home = the_home(given)
    settings = read_settings(home.root)
    if name in settings.strategies:
        raise Stop(Exit.USAGE, f"config/strategies.yaml has {name!r} already, in {settings.strategies[name].source}; "
                   "choose another name")  # fmt: skip
    instruments = _instruments(settings)
    files = _strategy_files(home.root, name, instruments)
    _write_all(home.root, files)
    rows = {STRATEGIES: _row(name, instruments)}
    lines = _try_it(home, name, list(files)[-1])
    if as_json:
        say_json({"strategy": name, "files": list(files), "add": rows, "next": lines})
    else:
        say(banner(settings.desk.kind, f"{name} is laid out in {home.root}; nothing runs it yet"))
        for file in files:
            say(f"  {file}")
        say(f"\nFor the desk to run it from its next start, add to {STRATEGIES}:\n\n{rows[STRATEGIES]}".rstrip())
        _say_next(lines)
    return Exit.DONE


# ---- a desk


def _refuse_what_is_there(target: Path) -> None:
    if target.is_dir():
        found = sorted(path.name + "/" * path.is_dir() for path in target.iterdir())
        if found:
            raise Stop(Exit.USAGE, f"{target} is not empty: {_some(found)}; name a new or an empty folder")
    elif target.exists() or target.is_symlink():
        raise Stop(Exit.USAGE, f"{target} is there and is no folder; name a new or an empty folder")


def _lay_out(target: Path) -> tuple[str, list[str]]:
    """Write and read everything beside its place first, then move it there. Returns the desk's kind and its files."""
    files = desk_files()
    try:
        _refuse_what_is_there(target)
        there = target.is_dir()
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".execution-init-", dir=target if there else target.parent) as beside:
            draft = Path(beside) / "desk"
            for name, source in files.items():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, draft / name)
            kind = read_settings(draft).desk.kind
            if there:
                _move_into(target, draft)
            else:
                draft.rename(target)
    except OSError as problem:
        raise Stop(Exit.USAGE, f"no desk was laid out in {target}: {problem.strerror or problem}") from None
    return kind, list(files)


def _move_into(target: Path, draft: Path) -> None:
    """Into a folder that stays itself: a shell stands in it, or it is a mount. Last config/, which makes it a desk."""
    moved: list[Path] = []
    try:
        for path in sorted(draft.iterdir(), key=lambda path: path.name == "config"):
            place = target / path.name
            if path.is_dir():
                path.rename(place)  # refuses a folder that has come to hold something
            else:
                with place.open("xb") as file:
                    file.write(path.read_bytes())
            moved.append(place)
    except OSError:
        for place in moved:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        raise


# ---- a strategy


def _check_name(name: str) -> None:
    if name in RESERVED:
        raise Stop(Exit.USAGE, f"{name!r} is a name of the desk's own processes; choose another")
    if NAME.fullmatch(name) and len(name) <= LONGEST_NAME and not iskeyword(name):
        return
    words = re.findall(r"[a-z][a-z0-9]*", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    better = "_".join(words)[:LONGEST_NAME].rstrip("_")
    if not better or iskeyword(better):
        better = f"{better or 'my'}_strategy"
    rule = f"small letters and digits, words apart by _, each beginning with a letter, at most {LONGEST_NAME}"
    raise Stop(Exit.USAGE, f"{name!r} is no name for a strategy ({rule}; no word of Python's own); how about {better}?")


def _instruments(settings: Settings) -> tuple[str, ...]:
    """Two that the desk trades and the sample data has. Stop when there is none: the test could not run."""
    sample = {instrument.symbol for instrument in sample_instruments()}
    found = tuple(one.symbol for one in settings.instruments if one.symbol in sample)
    if not found:
        raise Stop(Exit.USAGE, f"config/instruments.yaml has none of {', '.join(sorted(sample))}, which the sample "
                   "data of the new test are; add one")  # fmt: skip
    return found[:2]


def _strategy_files(root: Path, name: str, instruments: tuple[str, ...]) -> dict[str, str]:
    """Path within the desk → text."""
    tests = "tests"
    if (root / BESIDE_OTHERS).is_dir():
        tests = BESIDE_OTHERS
    test = f"{tests}/test_{name}.py"
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "class_name": _class_name(name),
        "instruments": ", ".join(f'"{symbol}"' for symbol in instruments) + "," * (len(instruments) == 1),
        "test": test,
        "depth": str(test.count("/")),
    }
    return {
        f"notebooks/strategies/{name}.py": strategy_file("strategy.py", **words),
        f"notebooks/{name}.ipynb": strategy_file("notebook.ipynb", **words),
        test: strategy_file("test.py", **words),
    }


def _write_all(root: Path, files: Mapping[str, str]) -> None:
    """All or none; a file that is there already is refused, also one that comes meanwhile."""
    taken = [name for name in files if (root / name).exists()]
    if taken:
        raise Stop(Exit.USAGE, f"there already: {', '.join(taken)}; nothing was written. Choose another name")
    written: list[Path] = []
    try:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("x", encoding="utf-8") as file:
                written.append(root / name)
                file.write(text)
    except OSError as problem:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise Stop(Exit.USAGE, f"nothing was laid out: {problem}") from None


def _class_name(name: str) -> str:
    """`mean_reversion` → `MeanReversion`, which `tk.promote` calls `mean_reversion` again."""
    return "".join(word.capitalize() for word in name.split("_"))


def _row(name: str, instruments: tuple[str, ...]) -> str:
    """What config/strategies.yaml needs, indented as it belongs there."""
    return (
        f"  {name}:\n"
        f"    source: notebooks/strategies/{name}.py\n"
        f"    class: {_class_name(name)}\n"
        f"    capital: {CAPITAL}\n"
        f"    instruments: [{', '.join(instruments)}]\n"
        f"    parameters: {{}}\n"
        f"    enabled: true\n"
    )


def _try_it(home: Home, name: str, test: str) -> list[str]:
    lines = [] if home.root == Path.cwd() else [f"cd {shlex.quote(str(home.root))}"]
    lines += [] if find_spec("pytest") else ["python -m pip install pytest"]
    return [*lines, f"python -m pytest {test}", f"jupyter lab notebooks/{name}.ipynb"]


# ---- what people read


def _typed_anywhere() -> str:
    """What to type for this program also from another folder."""
    name = command()
    return name if name == "execution" or name.endswith(" -m execution.cli") else str(Path(name).resolve())


def _say_next(lines: Iterable[str]) -> None:
    say("\nNow type:\n\n" + "\n".join(f"  {line}" for line in lines))


def _some(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
