"""A desk or a strategy is laid out whole or not at all, over nothing that is there, and works as it is."""

import json
import re
from pathlib import Path
from shutil import copytree

import nbformat
import pytest
from typer.testing import CliRunner

from execution import templates
from execution.commands import laying_out
from execution.commands.app import app
from execution.commands.desk import Stop
from execution.commands.exits import Exit
from execution.settings import read_settings
from toolkit.domain.errors import ConfigError
from toolkit.research.strategy_source import strategy_name

STRATEGIES = "config/strategies.yaml"


def below(folder: Path) -> set[str]:
    """Every file, by its path within the folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("laid_out") / "desk"
    assert laying_out.init(folder, as_json=False) == Exit.DONE
    return folder


@pytest.fixture
def desk(laid_out: Path, tmp_path: Path) -> Path:
    return Path(copytree(laid_out, tmp_path / "desk"))


class TestInit:
    def test_a_desk_is_the_projects_own_configuration_and_notebooks(self, desk: Path, repository: Path) -> None:
        copied = below(desk) - set(templates.OF_EVERY_DESK)
        assert {"config/limits.yaml", "notebooks/01_first_backtest.ipynb", "notebooks/strategies/trend.py"} <= copied
        assert "runbooks/README.md" in copied
        for name in copied:
            assert (desk / name).read_bytes() == (repository / name).read_bytes(), name
        assert read_settings(desk).desk.kind == "paper"
        assert "var/" in (desk / ".gitignore").read_text().splitlines()

    def test_it_says_what_to_type_next(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        answer = CliRunner().invoke(app, ["init", "a desk"])
        assert answer.exit_code == Exit.DONE
        assert answer.output.startswith(" PAPER  a desk lies in")
        typed = answer.output.partition("Now type:\n\n")[2].splitlines()
        assert len(typed) == 3
        assert typed[0] == "  cd 'a desk'"
        assert typed[1].endswith("execution doctor")

    def test_it_answers_in_json(self, tmp_path: Path) -> None:
        said = json.loads(CliRunner().invoke(app, ["init", str(tmp_path / "desk"), "--json"]).output)
        assert said["desk"] == str(tmp_path / "desk")
        assert set(said["files"]) == below(tmp_path / "desk")
        assert len(said["next"]) == 3

    def test_what_is_in_the_way_is_named_and_stays(self, desk: Path) -> None:
        (desk / "config/limits.yaml").write_text("mine\n")
        with pytest.raises(
            Stop, match=r"desk is not empty: \.gitignore, README\.md, config/, notebooks/, runbooks/; name a"
        ) as stop:
            laying_out.init(desk, as_json=False)
        assert stop.value.code == Exit.USAGE
        assert (desk / "config/limits.yaml").read_text() == "mine\n"

    def test_a_file_is_no_place_for_a_desk(self, tmp_path: Path) -> None:
        (tmp_path / "desk").write_text("")
        with pytest.raises(Stop, match="is there and is no folder"):
            laying_out.init(tmp_path / "desk", as_json=False)

    def test_an_empty_folder_stays_itself_since_a_shell_may_stand_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "desk").mkdir()
        before = (tmp_path / "desk").stat().st_ino
        laying_out.init(tmp_path / "desk", as_json=False)
        assert (tmp_path / "desk").stat().st_ino == before
        assert below(tmp_path / "desk") == set(templates.desk_files())

    @pytest.mark.parametrize("there", [True, False])
    def test_when_it_fails_nothing_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
        broken = tmp_path / "broken.yaml"
        broken.write_text("name: [\n")
        files = templates.desk_files() | {"config/desk.yaml": broken}
        monkeypatch.setattr(laying_out, "desk_files", lambda: files)
        place = tmp_path / "place"
        place.mkdir()
        if there:
            (place / "desk").mkdir()
        with pytest.raises(ConfigError, match=r"config/desk\.yaml"):
            laying_out.init(place / "desk", as_json=False)
        assert [path.name for path in place.rglob("*")] == (["desk"] if there else [])

    def test_what_comes_meanwhile_is_not_overwritten(self, desk: Path, tmp_path: Path) -> None:
        """Between the look and the move somebody's notebooks arrived: they stay, all else is taken back."""
        place = tmp_path / "place"
        (place / "notebooks").mkdir(parents=True)
        (place / "notebooks/mine.ipynb").write_text("mine")
        with pytest.raises(OSError, match="not empty"):
            laying_out._move_into(place, desk)
        assert below(place) == {"notebooks/mine.ipynb"}

    def test_secrets_and_pictures_stay_where_they_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("config/desk.yaml", "config/secrets/key.yaml", "config/.env", "notebooks/pictures/up.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
        monkeypatch.setattr(templates, "PROJECT", tmp_path)
        assert set(templates.desk_files()) == {*templates.OF_EVERY_DESK, "config/desk.yaml"}

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(Stop, match=r"no desk was laid out in .*: (Not a directory|File exists)"):
            laying_out.init(tmp_path / "file/desk", as_json=False)


class TestNew:
    def test_three_files_and_nothing_else_changes(self, desk: Path) -> None:
        before = {name: (desk / name).read_bytes() for name in below(desk)}
        assert laying_out.new(desk, "first_idea", as_json=False) == Exit.DONE
        assert below(desk) - set(before) == {
            "notebooks/strategies/first_idea.py", "notebooks/first_idea.ipynb", "tests/test_first_idea.py",
        }  # fmt: skip
        assert {name: (desk / name).read_bytes() for name in before} == before

    def test_the_lines_that_it_prints_belong_where_it_says(self, desk: Path) -> None:
        answer = CliRunner().invoke(app, ["new", "first_idea", "--home", str(desk), "--json"])
        said = json.loads(answer.output)
        with (desk / STRATEGIES).open("a") as file:
            file.write(said["add"][STRATEGIES])
        row = read_settings(desk).strategies["first_idea"]
        assert (desk / row.source).is_file()
        assert f"class {row.class_name}(tk.Strategy)" in (desk / row.source).read_text()
        assert said["files"] == [row.source, "notebooks/first_idea.ipynb", "tests/test_first_idea.py"]

    def test_people_see_the_same_lines(self, desk: Path) -> None:
        answer = CliRunner().invoke(app, ["new", "first_idea", "--home", str(desk)])
        assert laying_out._row("first_idea", ("AAPL", "FB")) in answer.output
        assert "python -m pytest tests/test_first_idea.py" in answer.output

    def test_the_notebook_is_valid_and_ships_without_outputs(self, desk: Path) -> None:
        laying_out.new(desk, "first_idea", as_json=True)
        notebook = nbformat.read(desk / "notebooks/first_idea.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
        assert [cell.metadata.tags for cell in notebook.cells if cell.metadata] == [["parameters"]]

    def test_every_word_of_a_template_is_put_in(self, desk: Path) -> None:
        laying_out.new(desk, "first_idea", as_json=True)
        for name in ("notebooks/strategies/first_idea.py", "notebooks/first_idea.ipynb", "tests/test_first_idea.py"):
            assert not re.search(r"\$[a-z]", (desk / name).read_text()), name

    def test_one_instrument_is_a_tuple_too(self, desk: Path) -> None:
        source = laying_out._strategy_files(desk, "first_idea", ("MSFT",))["notebooks/strategies/first_idea.py"]
        assert 'instruments = ("MSFT",)\n' in source

    def test_in_the_project_itself_the_test_lies_beside_the_others(self, desk: Path, repository: Path) -> None:
        assert (repository / laying_out.BESIDE_OTHERS).is_dir()
        (desk / laying_out.BESIDE_OTHERS).mkdir(parents=True)
        laying_out.new(desk, "first_idea", as_json=True)
        test = desk / laying_out.BESIDE_OTHERS / "test_first_idea.py"
        depth = int(re.findall(r"parents\[(\d)\]", test.read_text())[0])
        assert test.parents[depth] == desk

    def test_a_name_of_the_desk_s_own_processes_is_refused(self, desk: Path) -> None:
        before = below(desk)
        with pytest.raises(Stop, match="'people' is a name of the desk's own processes"):
            laying_out.new(desk, "people", as_json=False)
        assert below(desk) == before

    @pytest.mark.parametrize(
        ("name", "better"),
        [
            ("My-Idea", "my_idea"), ("MeanReversion2", "mean_reversion2"), ("trend 2", "trend"), ("2fast", "fast"),
            ("a__b", "a_b"), ("_x", "x"), ("class", "class_strategy"), ("../../x", "x"), ("", "my_strategy"),
            ("x" * 41, "x" * 40), ("naïve", "na_ve"),
        ],
    )  # fmt: skip
    def test_a_bad_name_is_refused_with_a_better_one(self, desk: Path, name: str, better: str) -> None:
        before = below(desk)
        with pytest.raises(Stop, match=f"is no name for a strategy .* how about {better}\\?$") as stop:
            laying_out.new(desk, name, as_json=False)
        assert stop.value.code == Exit.USAGE
        assert below(desk) == before
        laying_out._check_name(better)

    @pytest.mark.parametrize("name", ["x", "first_idea", "trend2", "a_b_c"])
    def test_promoted_it_has_the_name_of_its_files(self, name: str) -> None:
        assert strategy_name(type(laying_out._class_name(name), (), {})) == name

    def test_a_file_that_is_there_is_kept_and_no_other_is_written(self, desk: Path) -> None:
        (desk / "tests").mkdir()
        (desk / "tests/test_first_idea.py").write_text("mine\n")
        before = below(desk)
        with pytest.raises(Stop, match=r"there already: tests/test_first_idea\.py; nothing was written"):
            laying_out.new(desk, "first_idea", as_json=False)
        assert below(desk) == before
        assert (desk / "tests/test_first_idea.py").read_text() == "mine\n"

    def test_when_writing_fails_in_the_middle_what_was_written_is_taken_back(self, desk: Path) -> None:
        (desk / "tests").write_text("a file where the folder would be")
        before = below(desk)
        with pytest.raises(Stop, match=r"nothing was laid out: .*tests"):
            laying_out.new(desk, "first_idea", as_json=False)
        assert below(desk) == before

    def test_a_strategy_that_the_desk_has_is_refused(self, desk: Path) -> None:
        with pytest.raises(Stop, match=r"has 'trend' already, in notebooks/strategies/trend\.py"):
            laying_out.new(desk, "trend", as_json=False)

    def test_a_desk_without_a_stock_of_the_sample_is_told_so(self, desk: Path) -> None:
        text = (desk / "config/instruments.yaml").read_text()
        rows = re.sub(r"(?m)^  (AAPL|FB|GOOG|IBM):.*\n", "", text).replace("MSFT:", "ESZ6:")
        (desk / "config/instruments.yaml").write_text(rows)
        (desk / STRATEGIES).write_text("strategies: {}\n")
        limits = (desk / "config/limits.yaml").read_text()
        (desk / "config/limits.yaml").write_text(limits.partition("\nstrategies:")[0] + "\n")
        with pytest.raises(Stop, match=r"instruments\.yaml has none of AAPL, FB, GOOG, IBM, MSFT"):
            laying_out.new(desk, "first_idea", as_json=False)
