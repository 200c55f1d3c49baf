"""The notebooks that ship run from top to bottom in a kernel of their own, with other parameters too."""

from pathlib import Path

import nbformat
import papermill
import pytest

pytestmark = pytest.mark.integration


def test_the_first_backtest_runs_and_shows_its_result(repository: Path, tmp_path: Path) -> None:
    """Through papermill, so that its cell of parameters is one; fewer sessions, for time."""
    done = tmp_path / "done.ipynb"
    papermill.execute_notebook(
        repository / "notebooks" / "01_first_backtest.ipynb", done, parameters={"sessions": 45, "slow": 12, "fast": 4},
        cwd=str(tmp_path), progress_bar=False, start_timeout=60, execution_timeout=120,
    )  # fmt: skip
    notebook = nbformat.read(done, as_version=4)
    pages = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    results = [page for page in pages if "qd-result" in page]
    assert any(">BACKTEST<" in page for page in results)
    assert all("simulated quotes in real bars" in page for page in results)
    assert sum(len(page) > 500_000 for page in results) == 1, "bokeh's own script is stored once, not with each result"
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert last.outputs[0]["data"]["text/plain"] == "(True, True)"


def test_it_ships_without_outputs(repository: Path) -> None:
    for path in sorted((repository / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), path.name
