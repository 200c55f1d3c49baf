"""No control is without its proofs, and what a release says that it passed is there; `make mutate` runs them."""

import re

import pytest

from execution.commands.limits import proofs_of
from execution.proven import proven
from tests.tools import mutate
from tests.tools.mutations import NUMBERS
from toolkit.engine.risk.controls import CONTROLS


@pytest.fixture(scope="module")
def proofs() -> mutate.Proofs:
    return mutate.listed()


def test_every_control_has_a_legal_order_an_edge_a_breach_and_an_unset_limit(proofs: mutate.Proofs) -> None:
    assert mutate.missing(proofs) == []


def test_nothing_proves_what_is_no_control(proofs: mutate.Proofs) -> None:
    assert set(proofs) <= set(NUMBERS)
    assert {control.number for control in CONTROLS} <= set(NUMBERS)


def test_the_file_that_is_shipped_speaks_of_controls_and_tests_that_are_there(proofs: mutate.Proofs) -> None:
    shipped = proven()
    assert shipped.keys() <= set(NUMBERS), "run: make mutate"
    assert len(shipped) >= 20
    here = {test for kinds in proofs.values() for tests in kinds.values() for test in tests}
    for proof in shipped.values():
        assert all(proof.tests[kind] for kind in mutate.KINDS)
        assert {test for tests in proof.tests.values() for test in tests} <= here, "run: make mutate"
        assert re.fullmatch(r"[0-9a-f]{40}", proof.commit)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", proof.date)


@pytest.mark.parametrize("number", [3, 9])
def test_a_breach_is_noticed_only_because_of_its_control(proofs: mutate.Proofs, number: int) -> None:
    """The way of `make mutate`, for one control of each make."""
    breaches = proofs[number]["breach"]
    assert mutate.ran_alone(breaches, None) == 0
    assert mutate.ran_alone(breaches, number) == len(breaches)


def test_the_command_line_says_what_was_proven_and_what_was_not() -> None:
    shown = proofs_of({3, 10, 999})
    proof = proven()[3]
    assert shown.startswith("proven with this release: controls 3, 10 by ")
    assert shown.endswith(f"{proof.date}, commit {proof.commit[:7]}; not yet: 999")
    assert proofs_of({999}) == "no proof of these controls was shipped with this release"
