"""Facts about people and what they decide together; the other events stand in `events`, which carries these too."""

from __future__ import annotations

import msgspec

from toolkit.domain.commands import Command, Who
from toolkit.domain.overrides import Override
from toolkit.domain.people import APPROVAL_HOURS, Identity
from toolkit.domain.time import WallTime


class PeopleChanged(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="people_changed"):
    """The whole table of who may do what, from here on."""

    rows: tuple[Identity, ...]
    four_eyes: bool
    who: Who
    reason: str
    approval_hours: int = APPROVAL_HOURS


class Change(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="change"):
    """One thing that would be looser: what, from what, to what, and where that is written."""

    what: str
    before: str
    after: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.before} → {self.after}" + (f" ({self.source})" if self.source else "")


class ChangeProposed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="change_proposed"):
    """What loosens waits for another person. `proposal` is the checksum of exactly this command and these changes."""

    proposal: str
    body: Command
    changes: tuple[Change, ...]
    who: Who
    reason: str
    expires: WallTime


class ChangeApproved(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="change_approved"):
    """A second person said yes; what it does stands before it in the same batch, or it would not have been done."""

    proposal: str
    who: Who
    reason: str


class ChangeRejected(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="change_rejected"):
    proposal: str
    who: Who
    reason: str


class ChangeExpired(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="change_expired"):
    """Nobody can approve it any more: its time is over, or something newer has taken its place."""

    proposal: str
    cause: str


class LimitOverridden(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="limit_overridden"):
    """A limit is looser from the next order on, until its override ends."""

    override: Override
    who: Who
    reason: str


class OverrideEnded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="override_ended"):
    """The limit of the table holds again; `cause` says what ended the override, `used` how many entries it saw."""

    scope: str
    name: str
    limit: str
    cause: str
    used: int
    who: Who
    reason: str


class RestartAsked(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="restart_asked"):
    """A person had a process of the desk started anew."""

    process: str
    who: Who
    reason: str
