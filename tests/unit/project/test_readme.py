"""The README says what the code says: commands, exit codes, controls, order states; its strategy runs."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import toolkit as tk
from tests.tools.readme import between, blocks
from toolkit.engine.risk.controls import CONTROLS

ELSEWHERE = {
    6: "the router: cancels go first",
    9: "the ledger: reservations over intervals",
}
"""Controls that are no check of a single order."""
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "runbooks/README.md")


@pytest.fixture
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("marker", blocks())
def test_what_the_code_knows_better_is_what_the_code_says(readme: str, marker: str) -> None:
    assert between(readme, marker) == blocks()[marker], "run: python -m tests.tools.readme"


def test_the_table_of_controls_has_those_that_are_there(readme: str) -> None:
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \| .* \|$", between(readme, "controls"), re.MULTILINE)
    assert {int(number) for number, _ in rows} == {control.number for control in CONTROLS} | set(ELSEWHERE)
    binds_exits = {control.number for control in CONTROLS if control.binds_exits}
    assert {int(number) for number, binds in rows if binds == "E, X" or binds == "by state"} == binds_exits


def test_the_strategy_on_the_first_page_trades(readme: str) -> None:
    source = between(readme, "strategy").removeprefix("```python\n").removesuffix("```")
    module = ModuleType("readme_strategy")
    exec(compile(source, "README.md", "exec"), module.__dict__)
    result = tk.backtest(module.Dip)
    assert len(result.fills) > 0
    assert f"{-result.pnl:,.0f} USD of 100,000" in readme.replace("\n", " ")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(repository: Path, page: str) -> None:
    text = (repository / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    targets = {(repository / page).parent / (inline or tag) for inline, tag in links}
    assert [str(target) for target in targets if not target.exists()] == []


def test_every_link_within_the_page_leads_to_a_heading(readme: str) -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", readme, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", readme)) <= headings


def test_pictures_load_quickly(repository: Path) -> None:
    pictures = list((repository / "notebooks" / "pictures").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 200_000] == []
