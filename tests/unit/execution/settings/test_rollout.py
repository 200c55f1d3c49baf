"""config/rollout.yaml: the shipped plan is what it says, and a mistake is told with file, line and the nearest name."""

import shutil
from pathlib import Path

import pytest

from execution.settings.rollout import read_plan, without_limits
from toolkit.domain.errors import ConfigError
from toolkit.rollout.gates import Measure
from toolkit.rollout.stages import STAGES


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    (tmp_path / "config").mkdir()
    for name in ("rollout.yaml", "limits.yaml"):
        shutil.copy(repository / "config" / name, tmp_path / "config")
    return tmp_path


def change(home: Path, old: str, new: str) -> None:
    path = home / "config" / "rollout.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_plan_goes_through_every_stage(home: Path) -> None:
    plan = read_plan(home)
    assert tuple(stage.name for stage in plan.stages) == STAGES
    costs = [gate.alpha for stage in plan.stages for gate in stage.gates if gate.measure is Measure.DIFFERENCE]
    assert costs == [0.025, 0.01, 0.003], "a stage may have an alpha of its own"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("measure: rejected", "measure: rejectd", "measure is 'rejectd'; it must be 'rejected'"),
        ("tolerated: 0.03", "tolerate: 0.03", "unknown key 'gates.rejects.tolerate'; did you mean 'tolerated'?"),
        ("margin: 2,", "margin: 0,", "margin must be above 0"),
        ("alpha: 0.0005", "alpha: 0", "alpha must be above 0"),
        ("tolerated: 0.03", "tolerated: 1.0", "must be shares between 0 and 1"),
        ("gates: [rejects, late", "gates: [rejects, lat", "is 'lat'; did you mean 'late'?"),
        ("LIVE_10:", "LIVE10:", "is no stage; did you mean 'LIVE_10'?"),
        ("alpha: {cost: 0.025}", "alpha: {costs: 0.025}", "is 'costs'; did you mean 'cost'?"),
        ("alpha: {cost: 0.025}", "alpha: {cost: 0}", "must be above 0: make it a dry run instead"),
        (
            "days: 1, gates: [rejects, late, signals, activity]",
            "days: 1, gates: [late], alpha: {cost: 0.01}",
            "is of no gate of PAPER; add cost to its gates",
        ),
        ("gates: [rejects, late", "gates: [rejects, rejects, late", "names a gate twice"),
        (
            "measure: rejected, kind: share",
            "measure: difference, kind: share",
            "kind must be mean for the measure diff",
        ),
        ("look_every: 5", "look_every: .nan", "look_every is"),
    ],
)
def test_a_mistake_names_its_place_and_the_mend(home: Path, old: str, new: str, said: str) -> None:
    change(home, old, new)
    with pytest.raises(ConfigError, match=r"config/rollout\.yaml:\d+") as problem:
        read_plan(home)
    assert said in str(problem.value)


def test_a_stage_with_money_has_limits_of_its_own(home: Path) -> None:
    """Control 34; the shipped files set them."""
    plan = read_plan(home)
    assert without_limits(home, plan) == ()
    path = home / "config" / "limits.yaml"
    before, _, stages = path.read_text().partition("stages:\n")
    path.write_text(f"{before}stages:\n{stages.replace('max_order_value: 50000', '', 1)}")
    (said,) = without_limits(home, plan)
    assert said.startswith("config/limits.yaml:")
    assert said.endswith(": LIVE_50 has no max_order_value in stages; set each")
    path.write_text(before)
    assert [each.split()[1] for each in without_limits(home, plan)] == ["LIVE_10", "LIVE_50", "LIVE_100"]


def test_a_plan_that_leaves_the_last_stage_out_is_refused(home: Path) -> None:
    path = home / "config" / "rollout.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("  LIVE_100:")])
    with pytest.raises(ConfigError, match="must go up to LIVE_100 in this order"):
        read_plan(home)
