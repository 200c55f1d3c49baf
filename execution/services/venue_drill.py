"""How a test or drill makes the paper venue misbehave on its lines; only a scriptable venue listens to it."""

from __future__ import annotations

import msgspec

from toolkit.domain.requests import SubmitOrder
from toolkit.domain.venue_line import ToVenue
from toolkit.simulation.surprises import Surprise


class SetBehaviour(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="set_behaviour"):
    """Replace the behaviour. Tags name messages, for instance `submit_order` or `acknowledged`; nothing set is good.

    `swallow`: such requests are received and ignored. `mute`: such reports stay in the books and are not sent. `cut`:
    the line is cut when such a request has taken effect, before anything is answered. They apply to the next `count`
    such messages (all with None). `delay` holds back everything that is sent and `pause` all work, in seconds of wall
    time. `repeat`: such reports are sent twice, as feeds in the wild do.
    """

    swallow: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    count: int | None = None
    delay: float = 0.0
    pause: float = 0.0
    repeat: tuple[str, ...] = ()


class PlaceForeign(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="place_foreign"):
    """An order of somebody else in our account, as placed at the venue's own screen."""

    order: SubmitOrder


LineMessage = ToVenue | SetBehaviour | PlaceForeign | Surprise
"""What a line may say; a venue falls silent by itself, never because somebody says so."""


class Behaviour:
    """The behaviour in force, with how often it still applies."""

    def __init__(self, settings: SetBehaviour | None = None) -> None:
        self._settings = settings or SetBehaviour()
        self._left = self._settings.count

    @property
    def delay(self) -> float:
        return self._settings.delay

    @property
    def pause(self) -> float:
        return self._settings.pause

    def swallows(self, message: msgspec.Struct) -> bool:
        return self._applies(self._settings.swallow, message)

    def mutes(self, message: msgspec.Struct) -> bool:
        return self._applies(self._settings.mute, message)

    def cuts(self, message: msgspec.Struct) -> bool:
        return self._applies(self._settings.cut, message)

    def repeats(self, message: msgspec.Struct) -> bool:
        return self._applies(self._settings.repeat, message)

    def _applies(self, tags: tuple[str, ...], message: msgspec.Struct) -> bool:
        if not tags or message.__struct_config__.tag not in tags or self._left == 0:
            return False
        if self._left is not None:
            self._left -= 1
        return True
