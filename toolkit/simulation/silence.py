"""What a venue does by itself when a session that asked for it has fallen silent; the time is the host's business."""

from __future__ import annotations

import msgspec


class FellSilent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="fell_silent"):
    """The session gave no sign of life in time: its entries are cancelled, with `everything` its protection too."""

    everything: bool
