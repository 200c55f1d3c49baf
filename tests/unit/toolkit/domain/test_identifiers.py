import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.identifiers import base36, belongs_to, check_desk, order_epoch, order_id, order_number


@given(st.integers(0, 36**5 - 1), st.integers(0, 36**8 - 1))
def test_an_order_id_carries_desk_epoch_and_number_in_16_characters(epoch: int, number: int) -> None:
    identifier = order_id("DSK", epoch, number)
    assert len(identifier) == 16
    assert (order_epoch(identifier), order_number(identifier)) == (epoch, number)
    assert belongs_to("DSK", identifier)


@given(st.integers(0, 36**8 - 2))
def test_ids_of_one_epoch_sort_like_their_numbers(number: int) -> None:
    assert order_id("DSK", 1, number) < order_id("DSK", 1, number + 1)


def test_a_number_that_does_not_fit_is_refused_before_it_could_repeat() -> None:
    with pytest.raises(DomainError, match="does not fit"):
        base36(36**8, 8)
    with pytest.raises(DomainError):
        base36(-1, 8)


@pytest.mark.parametrize("foreign", ["", "DSK", "XXX0000100000001", "DSK00001000000012", "DSK000010000000a", "NONE"])
def test_ids_of_others_are_told_apart(foreign: str) -> None:
    assert not belongs_to("DSK", foreign)


@pytest.mark.parametrize("code", ["", "DS", "DESK", "dsk", "D-K"])
def test_a_desk_code_that_could_not_be_in_an_id_is_refused(code: str) -> None:
    with pytest.raises(ConfigError, match="3 characters"):
        check_desk(code)
