"""Facts about people and what they decide together; the other events stand in `events`, which carries these too."""

from __future__ import annotations

import msgspec

from toolkit.domain.commands import Who
from toolkit.domain.people import Identity


class PeopleChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="people_changed"):
    """The whole table of who may do what, from here on."""

    rows: tuple[Identity, ...]
    four_eyes: bool
    who: Who
    reason: str
