"""The registry on disk: same content same version, nothing half done, and a changed file does not load."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.adapters.versions import (
    ChangedVersion,
    NotLoadable,
    Registry,
    Version,
    content_digest,
    load_version,
    read_manifest,
    requirements,
)
from toolkit.domain.errors import ConfigError

SOURCE = """import math

import toolkit as tk


class Trend(tk.Strategy):
    fast: int = 20

    def on_bar(self, bar):
        self.log(math.pi / 0)
"""


def allow(folder: Path, digest: str) -> None:
    """A check that lets everything pass."""


def add(root: Path, source: str = SOURCE, check: Callable[[Path, str], None] = allow, **parameters: object) -> Version:
    return Registry(root).add("trend", "trend.py", source, "Trend", parameters, ("AAPL", "MSFT"), check)


def test_a_version_is_its_source_its_parameters_and_what_it_declares(tmp_path: Path) -> None:
    version = add(tmp_path, fast=5)
    assert (version.number, version.path, version.fresh) == (1, tmp_path / "trend" / "v1", True)
    assert version.label == f"trend v1 ({version.digest[:6]})"
    assert (version.path / "trend.py").read_text() == SOURCE
    manifest = read_manifest(version.path)
    assert (manifest.parameters, manifest.instruments, manifest.requires) == ({"fast": 5}, ("AAPL", "MSFT"), ())
    assert {path.stat().st_mode & 0o777 for path in version.path.iterdir()} == {0o444}


def test_the_same_content_is_the_same_version_and_another_is_the_next(tmp_path: Path) -> None:
    first = add(tmp_path, fast=5)
    again, other, edited = add(tmp_path, fast=5), add(tmp_path, fast=6), add(tmp_path, SOURCE + "\n")
    assert again == first._replace(fresh=False)
    assert (other.number, edited.number) == (2, 3)
    assert [version.number for version in Registry(tmp_path).versions("trend")] == [1, 2, 3]


def test_a_refused_version_leaves_nothing_behind(tmp_path: Path) -> None:
    def refuse(folder: Path, digest: str) -> None:
        assert content_digest(folder) == digest
        raise NotLoadable("no")

    with pytest.raises(NotLoadable):
        add(tmp_path, check=refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_somebody_else_took_in_the_meantime_is_skipped(tmp_path: Path) -> None:
    def hurry(folder: Path, digest: str) -> None:
        add(tmp_path, SOURCE + "# another\n")

    def move_away(folder: Path, digest: str) -> None:
        other = folder.with_name(".elsewhere")
        folder.rename(other)
        hurry(folder, digest)
        other.rename(folder)

    assert add(tmp_path, check=move_away).number == 2


@pytest.mark.parametrize("parameters", [{"when": object()}, {"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}])
def test_parameters_that_cannot_be_written_down_are_refused(tmp_path: Path, parameters: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"give (numbers|finite numbers)"):
        add(tmp_path, **parameters)
    assert list(tmp_path.iterdir()) == []


def test_it_loads_what_was_promoted(tmp_path: Path) -> None:
    version = add(tmp_path, fast=5)
    loaded = load_version(version.path, version.digest)
    assert loaded.strategy_class.__name__ == "Trend"
    assert loaded.manifest.parameters == {"fast": 5}
    assert sorted(path.name for path in version.path.iterdir()) == ["manifest.json", "trend.py"]


def change_source(folder: Path) -> str:
    (folder / "trend.py").chmod(0o644)
    (folder / "trend.py").write_text(SOURCE + " ")
    return "trend.py was changed"


def change_manifest(folder: Path) -> str:
    manifest = folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("AAPL", "TSLA"))
    return "manifest.json was changed"


def break_manifest(folder: Path) -> str:
    (folder / "manifest.json").chmod(0o644)
    (folder / "manifest.json").write_text("{")
    return "manifest.json was changed"


def add_file(folder: Path) -> str:
    (folder / "sitecustomize.py").write_text("")
    return "sitecustomize.py was not there"


def remove_source(folder: Path) -> str:
    (folder / "trend.py").unlink()
    return "trend.py is missing"


def remove_all(folder: Path) -> str:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return "v1 is missing"


@pytest.mark.parametrize(
    "change", [change_source, change_manifest, break_manifest, add_file, remove_source, remove_all]
)
def test_what_was_changed_does_not_load_and_is_named(tmp_path: Path, change: Callable[[Path], str]) -> None:
    version = add(tmp_path)
    told = change(version.path)
    with pytest.raises(ChangedVersion, match=told):
        load_version(version.path, version.digest)


def test_another_digest_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(ChangedVersion):
        load_version(add(tmp_path).path, "0" * 64)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import toolkit\nimport no_such\n", r"trend.py:2 in <module>: ModuleNotFoundError.*; install that package"),
        ("x = 1\ny = unknown\n", r"trend.py:2 in <module>: NameError.*; define or import it"),
        ("raise SystemExit(3)\n", r"trend.py:1 in <module>: SystemExit: 3"),
        ("def f():\n    return 1 / 0\nf()\n", r"trend.py:2 in f: ZeroDivisionError"),
        ("Trend = 5\n", "no class Trend in it"),
    ],
)
def test_what_does_not_import_is_refused_with_its_place(tmp_path: Path, source: str, told: str) -> None:
    version = add(tmp_path, source)
    with pytest.raises(NotLoadable, match=told):
        load_version(version.path, version.digest)


def test_what_cannot_even_be_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(NotLoadable, match=r"trend.py:2: "):
        add(tmp_path, "x = 1\ndef broken(:\n")
    assert list(tmp_path.iterdir()) == []


def test_requirements_are_the_packages_of_others() -> None:
    source = "import os, numpy as np\nfrom scipy.stats import norm\nimport toolkit as tk\nfrom . import x\n"
    assert requirements(source) == ("numpy", "scipy")
