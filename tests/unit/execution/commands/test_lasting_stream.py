"""A terminal that goes away does not stop a desk that is being stopped."""

import io

import pytest

from execution.commands.output import LastingStream


class Gone(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_what_nobody_can_read_is_dropped() -> None:
    stream = LastingStream(Gone())
    print("stopping the servers", file=stream, flush=True)
    assert not stream.isatty()


def test_what_can_be_read_arrives() -> None:
    terminal = io.StringIO()
    print("stopping", file=LastingStream(terminal), flush=True)
    assert terminal.getvalue() == "stopping\n"


def test_without_the_guard_it_would_have_failed() -> None:
    with pytest.raises(BrokenPipeError):
        print("stopping", file=Gone())
