"""The notebooks that ship run from top to bottom in a kernel of their own, with other parameters too."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

pytestmark = pytest.mark.integration


def executed(repository: Path, folder: Path, name: str, **parameters: Any) -> Any:
    """In a desk of its own, through papermill so that its cell of parameters is one; fewer sessions, for time."""
    (folder / "config").mkdir()
    shutil.copy(repository / "config" / "rollout.yaml", folder / "config")
    (folder / "config" / "desk.yaml").write_text("name: test\n")
    done = folder / "done.ipynb"
    papermill.execute_notebook(
        repository / "notebooks" / name, done, parameters=parameters, cwd=str(folder), progress_bar=False,
        start_timeout=300, execution_timeout=600,
    )  # fmt: skip
    return nbformat.read(done, as_version=4)


def outputs(notebook: Any, kind: str) -> list[str]:
    """Everything of one kind that its cells show, in order."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    if kind == "stream":
        return [output["text"] for output in found if output["output_type"] == "stream"]
    return [output["data"][kind] for output in found if kind in output.get("data", {})]


def test_the_first_backtest_runs_and_shows_its_result(repository: Path, tmp_path: Path) -> None:
    notebook = executed(repository, tmp_path, "01_first_backtest.ipynb", sessions=45, slow=12, fast=4)
    results = [page for page in outputs(notebook, "text/html") if "qd-result" in page]
    assert any(">BACKTEST<" in page for page in results)
    assert all("simulated quotes in real bars" in page for page in results)
    assert sum(len(page) > 500_000 for page in results) == 1, "bokeh's own script is stored once, not with each result"
    assert outputs(notebook, "text/plain")[-1] == "(True, True)"


def test_own_data_shows_its_five_faults_is_refused_mended_and_traded(repository: Path, tmp_path: Path) -> None:
    notebook = executed(repository, tmp_path, "02_own_data.ipynb", sessions=60)
    faulty, mended, result = [page for page in outputs(notebook, "text/html") if "qd-result" in page]
    assert all(fault in faulty for fault in ("off tick", "impossible bar", "duplicate", "suspected split"))
    assert "nothing trades on data with errors" in outputs(notebook, "stream")[0]
    assert "0 errors, 3 warnings" in outputs(notebook, "text/plain")[2]
    assert "gap" in mended
    assert "simulated quotes in own bars, 2 ticks apart" in result


def test_writing_a_strategy_finds_the_one_that_forgets_and_moves_the_other(repository: Path, tmp_path: Path) -> None:
    notebook = executed(repository, tmp_path, "03_write_a_strategy.ipynb", sessions=80)
    verdicts = [text.split(" (")[0] for text in outputs(notebook, "text/plain") if "decisions" in text]
    assert verdicts == ["Forgetful: FAIL", "Trailing: PASS", "Strongest: PASS"]
    (view,) = outputs(notebook, "application/vnd.jupyter.widget-view+json")
    widgets = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    box = widgets[view["model_id"]]["state"]
    kinds = [widgets[child.removeprefix("IPY_MODEL_")]["model_name"] for child in box["children"]]
    assert kinds == ["IntSliderModel", "FloatSliderModel", "DropdownModel", "HTMLModel", "OutputModel"]
    shown = widgets[box["children"][-1].removeprefix("IPY_MODEL_")]["state"]["outputs"]
    assert "PnL after fees" in shown[0]["data"]["text/html"]


def test_a_sweep_on_all_cores_and_a_comparison(repository: Path, tmp_path: Path) -> None:
    notebook = executed(repository, tmp_path, "04_sweep_and_compare.ipynb", sessions=45, fast=[3, 5], slow=[8, 12])
    badges = [
        badge for page in outputs(notebook, "text/html") for badge in ("SWEEP", "COMPARE") if f">{badge}<" in page
    ]
    assert badges == ["SWEEP", "COMPARE"]
    said = "".join(outputs(notebook, "stream"))
    assert "4 of 4 points" in said
    assert "chosen on 30 sessions" in said
    assert len(list((tmp_path / "var" / "sweeps").glob("*/points/*.json"))) == 8


def test_it_ships_without_outputs(repository: Path) -> None:
    for path in sorted((repository / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), path.name


def test_how_the_gates_decide_shows_false_alarms_beside_ours(repository: Path, tmp_path: Path) -> None:
    notebook = executed(repository, tmp_path, "05_how_the_gates_decide.ipynb", orders=200, simulations=2)
    said = outputs(notebook, "stream")
    assert "fires within 30 days with probability 0.75 though nothing is wrong" in said[0]
    assert "13 days at the earliest" in said[1]
    assert any("broker outage, the champion too" in page for page in outputs(notebook, "text/html"))
    widgets = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    kinds = {each["model_name"] for each in widgets.values()}
    assert {"FloatSliderModel", "IntSliderModel", "CheckboxModel", "OutputModel"} <= kinds
