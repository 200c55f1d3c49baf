"""The paper matching together with its ledger: takes messages, remembers what to write, recovers; knows no socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from execution.services.venue_ledger import Ledger, Opened, Record, Took
from toolkit.domain.errors import JournalError
from toolkit.domain.instruments import Instrument
from toolkit.domain.requests import QueryOrder, SubmitOrder, VenueReport, VenueRequest
from toolkit.domain.time import WallTime
from toolkit.domain.venue_line import (
    Advance,
    Advanced,
    AskReplay,
    AskState,
    CancelOnSilence,
    FromVenue,
    Login,
    ReplayDone,
    Sync,
    Synced,
    ToVenue,
)
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings, decode_settings
from toolkit.simulation.silence import FellSilent
from toolkit.simulation.surprises import Surprise

SNAPSHOT_EVERY = 50_000

HostMessage = ToVenue | Surprise | FellSilent

_encode = msgspec.msgpack.Encoder().encode
_instruments = msgspec.msgpack.Decoder(tuple[Instrument, ...])
_change = msgspec.msgpack.Decoder(VenueRequest | Advance | Surprise | CancelOnSilence | FellSilent)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a message leads to: numbered reports for the account, and answers for the line that asked."""

    reports: tuple[VenueReport, ...] = ()
    own: tuple[FromVenue, ...] = ()


class VenueHost:
    """One venue. Nothing that `take` returns may be told to anybody before `commit` has returned."""

    def __init__(
        self,
        settings: PaperSettings,
        instruments: Sequence[Instrument],
        ledger: Path,
        *,
        durable: bool,
        wall: Callable[[], WallTime],
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        """Recover from the ledger, or begin a new one.

        Raises JournalError when replaying the ledger does not give the reports that stand in it.
        """
        self.settings = settings
        self._wall = wall
        self._snapshot_every = snapshot_every
        self._as_bytes = _encode(settings), _encode(tuple(instruments))
        self._unwritten: list[Record] = []
        self._since_snapshot = 0
        self._ledger = Ledger(ledger, durable=durable)
        found = recover(self._ledger, str(ledger))
        if found is None:
            self.venue = PaperVenue(settings, instruments)
        else:
            self.venue = PaperVenue.restore(settings, instruments, found.snapshot())
            if not settings.keeps_book_on_restart:
                self.venue.lose_book()
        self._write_snapshot()
        self.commit()

    @property
    def cut(self) -> int:
        """Bytes of a torn record that were cut from the ledger's end."""
        return self._ledger.cut

    def take(self, line: int, client: str, message: HostMessage, raw: msgspec.Raw) -> Answer:
        """What the venue says to a message. DomainError when it can make no sense of it; nothing has changed then."""
        match message:
            case SubmitOrder():  # nearly always
                return self._process(line, client, message, raw)
            case Sync():
                return Answer(own=(Synced(token=message.token),))
            case AskState():
                return Answer(own=(self.venue.state(),))
            case AskReplay():
                return self._replay(message.after)
            case Advance():
                return self._advance(line, client, message, raw)
            case Login():
                return Answer()
            case CancelOnSilence() if message.after == self.venue.dead_man_after:  # a sign of life changes nothing
                return Answer()
            case _:
                return self._process(line, client, message, raw)

    def ignore(self, line: int, client: str, raw: msgspec.Raw) -> None:
        """Write down that a message was received and had no effect."""
        self._remember(Took(wall=self._wall(), line=line, client=client, message=raw, reports=(), ignored=True))

    def commit(self) -> None:
        """Put everything since the last time into the ledger. TransportError when the disk refuses: stop then."""
        if not self._unwritten:
            return
        if self._since_snapshot >= self._snapshot_every:
            self._write_snapshot()
        self._ledger.append(self._unwritten)
        self._unwritten.clear()

    def close(self) -> None:
        """Store the state, so that the next start has nothing to replay."""
        self._write_snapshot()
        self.commit()
        self._ledger.close()

    def _advance(self, line: int, client: str, message: Advance, raw: msgspec.Raw) -> Answer:
        advanced = (Advanced(number=message.step.number),)
        if message.step.number <= self.venue.last_step:
            return Answer(own=advanced)
        wall = self._wall()
        reports = self.venue.advance(message.step, wall)
        self._remember(Took(wall=wall, line=line, client=client, message=raw, reports=reports))
        return Answer(reports, advanced)

    def _process(
        self, line: int, client: str, message: VenueRequest | Surprise | CancelOnSilence | FellSilent, raw: msgspec.Raw
    ) -> Answer:
        wall = self._wall()
        reports = self.venue.process(message, wall)
        if isinstance(message, QueryOrder):  # answered or not, nothing has changed
            return Answer(own=reports)
        self._remember(Took(wall=wall, line=line, client=client, message=raw, reports=reports))
        return Answer(reports)

    def _replay(self, after: int) -> Answer:
        self.commit()
        done = ReplayDone(last_report=self.venue.last_report)
        return Answer(own=(*self._ledger.reports(after), done))

    def _remember(self, entry: Opened | Took) -> None:
        self._unwritten.append(Record(self.venue.last_report, entry))
        self._since_snapshot += 1

    def _write_snapshot(self) -> None:
        settings, instruments = self._as_bytes
        self._remember(
            Opened(wall=self._wall(), settings=settings, instruments=instruments, snapshot=self.venue.snapshot())
        )
        self._since_snapshot = 0


def recover(ledger: Ledger, name: str) -> PaperVenue | None:
    """The venue as its ledger left it, under the settings that held then; None for a new ledger."""
    venue: PaperVenue | None = None
    for last_report, entry in ledger.since_opened():
        if isinstance(entry, Opened):
            venue = PaperVenue.restore(
                decode_settings(entry.settings), _instruments.decode(entry.instruments), entry.snapshot
            )
        elif venue is not None and not entry.ignored:
            message = _change.decode(entry.message)
            said = venue.process(message.step if isinstance(message, Advance) else message, entry.wall)
            if said != entry.reports or venue.last_report != last_report:
                raise JournalError(
                    f"{name}: replaying report {last_report} does not give what stands there; start the version that "
                    "wrote it once and stop it in order, then this one"
                )
    return venue
