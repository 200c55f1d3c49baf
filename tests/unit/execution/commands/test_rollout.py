"""`execution rollout simulate --history`: real orders for noise, and the mend when they are none."""

from pathlib import Path

import numpy as np
import pytest

from execution.commands.desk import Stop
from execution.commands.rollout import read_differences, run_simulation


def written(folder: Path, lines: list[str]) -> Path:
    path = folder / "differences.txt"
    path.write_text("\n".join(lines))
    return path


def test_the_noise_of_real_orders_goes_through_the_gates(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With half a basis point of noise fills that are 2 bp worse are found at the first look that may say so."""
    quiet = np.random.default_rng(1).standard_normal(300) * 0.5
    history = written(tmp_path, [str(value) for value in quiet])
    run_simulation(repository, ["fills 2 bp worse, sd 15"], 3, None, 7, history, as_json=False)
    line = next(line for line in capsys.readouterr().out.splitlines() if "2 bp worse" in line)
    *stage, orders, _, gate, times = line.split()[-6:]
    assert (stage, gate, times) == (["LIVE_10", "3"], "cost", "3")
    assert 50 <= int(orders) <= 60


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1.0", "a"], r"differences\.txt:2: 'a' is no number"),
        (["1.0", "2.0"], "at least 100 orders"),
        (["1.0"] * 200, "known and vary"),
        (["1.0", "nan"] * 100, "known and vary"),
    ],
)
def test_a_file_that_is_no_history_is_refused_with_the_mend(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(Stop, match=said):
        read_differences(written(tmp_path, lines))
