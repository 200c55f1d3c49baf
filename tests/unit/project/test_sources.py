"""What no file of the project holds: download addresses, paths of somebody's machine, keys."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDRESS = re.compile(r"\b(?:https?|ftp|git\+\w+|wss?)://(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)")
# Loopback, names reserved for examples, XML namespaces, and the text of the licence. None of them is fetched from.
HARMLESS_HOST = re.compile(
    r"(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|(?:[\w-]+\.)*(?:example(?:\.com|\.org|\.net)?|test|invalid)|www\.w3\.org|www\.apache\.org)\.?"
)
# Written so that this file does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+|tmp/brie[f]|opt/pyp[i])(?=/|\b)")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KE[Y]-----")
INDEX_OPTION = re.compile(r"--(?:extra-)?index-ur[l]|--find-link[s]")


def text_files(repository: Path) -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repository,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("optional: not a git checkout, so there is no list of its files")
    for name in sorted(filter(None, listed.stdout.decode().split("\0"))):
        path = repository / name
        if path.is_file():
            data = path.read_bytes()
            if b"\0" not in data[:8192]:
                yield name, data.decode("utf-8", errors="replace")


def finds(repository: Path, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    return [
        (f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}", match)
        for name, text in text_files(repository)
        for match in pattern.finditer(text)
    ]


def test_no_file_holds_a_download_address(repository: Path) -> None:
    bad = [place for place, match in finds(repository, ADDRESS) if not HARMLESS_HOST.fullmatch(match["host"])]
    assert not bad, "\n".join(bad)


def test_no_file_names_a_package_index(repository: Path) -> None:
    assert not [place for place, _ in finds(repository, INDEX_OPTION)]


def test_no_file_holds_a_path_of_one_machine(repository: Path) -> None:
    assert not [place for place, _ in finds(repository, MACHINE_PATH)]


def test_no_file_holds_a_private_key(repository: Path) -> None:
    assert not [place for place, _ in finds(repository, PRIVATE_KEY)]


@pytest.mark.parametrize("host", ["pypi" + ".org", "files.pythonhosted" + ".org", "github" + ".com", "10.1.2.3"])
def test_the_search_knows_an_address_when_it_sees_one(host: str) -> None:
    match = ADDRESS.search("https" + f"://{host}/simple")
    assert match is not None
    assert not HARMLESS_HOST.fullmatch(match["host"])


def test_the_search_knows_a_machine_path_when_it_sees_one() -> None:
    assert MACHINE_PATH.search("open('/" + "root/x')")
    assert MACHINE_PATH.search("/" + "home/ada/desk")
    assert not MACHINE_PATH.search("framework/work/main and ./work/x")
