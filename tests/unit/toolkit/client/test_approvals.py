"""A proposal is named by its checksum, or by so many of its digits that no other one is meant."""

import pytest

from toolkit.client.approvals import find
from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import Waiting


def waits(proposal: str) -> Waiting:
    return Waiting(
        proposal=proposal, what="SetLimits", changes=(), who="unix:anna", stands=True, source="cli", reason="more",
        expires=1,
    )  # fmt: skip


THERE = (waits("aaaaaabbbb"), waits("aaaaaacccc"), waits("dddddddddd"))


def test_first_digits_name_a_proposal_where_they_name_but_one() -> None:
    assert find(THERE, "dddddd") == THERE[2]
    assert find(THERE, "aaaaaac") == THERE[1]


@pytest.mark.parametrize("named", ["", "ddddd", "aaaaaa", "eeeeeeee"])
def test_too_few_digits_several_or_none_name_nothing(named: str) -> None:
    with pytest.raises(ConfigError, match="waiting: aaaaaabbbb, aaaaaacccc, dddddddddd"):
        find(THERE, named)
