"""What every process says about itself, regularly; never a fact of the books."""

from __future__ import annotations

import msgspec

from toolkit.domain.time import WallTime


class Beat(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="beat"):
    """A process is alive. `epoch` is the engine's (0 elsewhere), `step` the last step it dealt with."""

    process: str
    pid: int
    wall: WallTime
    state: str = "running"
    epoch: int = 0
    step: int = 0
