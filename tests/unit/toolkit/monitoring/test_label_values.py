"""Values that are known before anything runs: what there can be is taken, whatever stands for several of it too."""

import pytest

from toolkit.monitoring.label_values import can_be


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("process", "engine"), ("process", "runner-trend"), ("process", "runner-*"), ("process", "runner-t*"),
        ("process", "run*"), ("process", "*"), ("process", "venue-paper"), ("process", "journal-*"),
        ("reason", "not_sent"), ("hop", "decision_to_answer"), ("strategy", "whatever a desk has"),
        ("process", "!engine"), ("process", "!runner-*, engine"),
    ],
)  # fmt: skip
def test_what_there_can_be(label: str, value: str) -> None:
    assert can_be(label, value)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("process", "engines"), ("process", "runner-"), ("process", "runer-*"), ("process", "engine-*"),
        ("answer", "Rejected"), ("server", "redis"), ("hop", ""), ("process", "!engine, runer-*"),
    ],
)  # fmt: skip
def test_what_there_cannot_be(label: str, value: str) -> None:
    assert not can_be(label, value)
