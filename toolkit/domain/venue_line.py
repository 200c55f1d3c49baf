"""The words on the unix socket of `execution venue` beside requests and reports; framing is the adapter's business."""

from __future__ import annotations

import msgspec

from toolkit.domain.market import Step
from toolkit.domain.requests import VenueReport, VenueRequest, VenueState


class Login(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="login"):
    """First message of a line. Only a line with `trading` receives reports as they happen."""

    client: str
    trading: bool


class Advance(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag="advance"):
    """Match the next step of a lockstep feed. A step that was matched before is answered without matching it again."""

    step: Step


class Advanced(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="advanced"):
    number: int


class Sync(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="sync"):
    """Answered once every earlier message of this line has taken effect and its reports are on the line."""

    token: int


class Synced(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="synced"):
    token: int


class CancelOnSilence(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="cancel_on_silence"):
    """A sign of life: the venue cancels entries unless another one comes within `after` (nanoseconds); 0 disarms."""

    after: int


class AskState(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="ask_state"):
    """Ask for a VenueState."""


class AskReplay(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="ask_replay"):
    """Ask for every report with a number above `after`, then ReplayDone."""

    after: int


class ReplayDone(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="replay_done"):
    last_report: int


class LineError(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="line_error"):
    """The venue could not make sense of a message (step out of order, not logged in)."""

    problem: str


ToVenue = VenueRequest | Login | Advance | Sync | AskState | AskReplay | CancelOnSilence
FromVenue = VenueReport | Advanced | Synced | VenueState | ReplayDone | LineError
