"""pyproject.toml, constraints.txt and environment.yml say the same; nothing that is installed is left to chance."""

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture(scope="module")
def pyproject(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins(repository: Path) -> dict[str, Version]:
    lines = (repository / "constraints.txt").read_text().splitlines()
    parts = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(part) == 2 for part in parts), "every line of constraints.txt is name==version"
    return {canonicalize_name(name): Version(version) for name, version in parts}


def every_requirement(pyproject: dict[str, Any]) -> list[Requirement]:
    project = pyproject["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    lines = [*pyproject["build-system"]["requires"], *project["dependencies"], *extras]
    return [Requirement(line) for line in lines if not line.startswith("quarterdeck[")]


def test_every_requirement_is_pinned_within_its_range(pyproject: dict[str, Any], pins: dict[str, Version]) -> None:
    for requirement in every_requirement(pyproject):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is in pyproject.toml but not in constraints.txt"
        assert pin in requirement.specifier, f"constraints.txt has {requirement.name}=={pin}, outside of {requirement}"


def test_what_these_packages_need_themselves_is_pinned_too(pyproject: dict[str, Any], pins: dict[str, Version]) -> None:
    todo = {canonicalize_name(r.name) for r in every_requirement(pyproject)} - {"hatchling"}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        assert name in pins, f"{name} is installed but not in constraints.txt"
        todo |= needs_here(name) - seen
    assert len(seen) > 50, "the walk over the installed packages found too few of them to mean anything"


def needs_here(name: str) -> set[str]:
    """Names that the installed package needs on this machine; none for one that this machine does not need."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name) for r in found if r.marker is None or r.marker.evaluate({"extra": ""})}


def test_the_installed_versions_are_the_pinned_ones(pins: dict[str, Version]) -> None:
    different = {
        name: (str(pin), found)
        for name, pin in pins.items()
        if (found := installed(name)) is not None and Version(found) != pin
    }
    assert not different, f"pinned and installed differ: {different}; run `make setup-dev`"


def installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def test_the_conda_environment_installs_the_same_pins(repository: Path, pyproject: dict[str, Any]) -> None:
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    by_pip = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]

    assert environment["name"] == pyproject["project"]["name"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert plain == [f"python{pyproject['project']['requires-python']},<3.14", "redis-server>=7", "pip"]
    assert by_pip == [["-c constraints.txt", "-e ."]], "a version written here too would drift from constraints.txt"


def test_the_pythons_of_ci_are_the_pythons_that_we_claim(repository: Path, pyproject: dict[str, Any]) -> None:
    workflow = yaml.safe_load((repository / ".github/workflows/ci.yml").read_text())
    tested = workflow["jobs"]["run"]["strategy"]["matrix"]["python"]
    claimed = [
        match[1]
        for line in pyproject["project"]["classifiers"]
        if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    ]
    assert tested == claimed
    assert pyproject["project"]["requires-python"] == f">={claimed[0]}"


def test_nothing_at_run_time_is_under_gpl_or_agpl(pyproject: dict[str, Any]) -> None:
    todo = {canonicalize_name(Requirement(line).name) for line in pyproject["project"]["dependencies"]}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        licence = licence_of(name)
        assert not re.search(r"(?<![L])A?GPL|Affero", licence), f"{name} is under {licence}"
        todo |= needs_here(name) - seen


def licence_of(name: str) -> str:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License")]
    first_line = (about.get("License") or "").partition("\n")[0]
    return " | ".join([about.get("License-Expression") or first_line, *classifiers])
