"""`execution journal tail`, `verify` and `heads`: the record itself, event by event, and the proof that it is whole."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import msgspec

from execution.commands.desk import Stop, running_state, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import DIM, GREEN, RED, banner, clock, moment, paint, say, say_json
from execution.wiring.examination import archive_of
from toolkit.client.books import Books, opened
from toolkit.domain.errors import DomainError, JournalError
from toolkit.domain.events import Batch, Event
from toolkit.domain.ports import Head, Sealed
from toolkit.replica.replica import Replica

FOLLOW_MS = 500
NOT_SHOWN = frozenset({"wall", "digest"})
AS_WRITTEN = (
    "  as written: prices in ticks, quantities in lots, money in quanta; `why ORDER` tells it in people's units"
)


def tail(given: Path | None, *, count: int, follow: bool, kind: str | None, as_json: bool) -> Exit:
    """The newest events, and with `follow` each further one as it is written."""
    home = the_home(given)
    state = running_state(home)
    wanted = _kind(kind)
    books = Books(home=home, book=state.book)
    journal = books.journal()
    try:
        last = journal.head().sequence
        if not as_json:
            say(banner(state.kind, f"desk {state.name} · journal of {state.book}, {last:,} events"))
            say(paint(AS_WRITTEN, DIM))
        for sealed in books.history(journal, max(0, last - count)):
            _show(opened(sealed), last - count, wanted, as_json)
        while follow:
            for sealed in journal.batches(last, block_ms=FOLLOW_MS):
                _show(opened(sealed), last, wanted, as_json)
                last = sealed.last
    except KeyboardInterrupt:
        return Exit.DONE
    finally:
        journal.close()
    return Exit.DONE


def verify(given: Path | None, *, anchors: Path | None, as_json: bool) -> Exit:
    """Read the whole journal and its archive: numbers, hash chain, and that its fold is the one that readers keep.

    `anchors` are the heads of days that were kept elsewhere: a journal whose hashes were all made anew misses them.
    """
    home = the_home(given)
    state = running_state(home)
    kept = {} if anchors is None else {str(anchors): _anchors(anchors)}
    books = Books(home=home, book=state.book)
    journal = books.journal(patience=10.0)
    begun, replica, problem = time.monotonic(), Replica(), ""
    try:
        archived = archive_of(home, state.book).verify()  # before the head: what is archived meanwhile is not beyond it
        head = journal.head()
        if archived.sequence:
            kept["the archive"] = {archived.sequence: archived}
        for sealed in books.history(journal):
            replica.apply(opened(sealed), sealed.digest)
            check_heads(kept, sealed)
            if sealed.last >= head.sequence:
                break
        check_all_met(kept)
        problem = _compare(books, replica)
    except DomainError as wrong:
        problem = str(wrong)
    finally:
        journal.close()
    seconds = time.monotonic() - begun
    return _tell(state.kind, replica, problem, seconds, as_json)


def heads(given: Path | None, *, as_json: bool) -> Exit:
    """The head of each archived day, one line each: day, number of its last event, hash."""
    home = the_home(given)
    state = the_state(home)
    days = archive_of(home, state.book).days()
    if as_json:
        say_json([{"day": day.day, "event": day.head.sequence, "hash": day.head.digest.hex(), "closed": day.closed}
                  for day in days])  # fmt: skip
        return Exit.DONE
    for day in days:
        say(f"{day.day}  {day.head.sequence:>12}  {day.head.digest.hex()}" + ("" if day.closed else "  # not over yet"))
    if not days:
        say("nothing is archived yet")
    return Exit.DONE


def _anchors(path: Path) -> dict[int, Head]:
    """Number of the last event → head, of the days in a file as `journal heads` prints it; open days are left out."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.partition("#")
        if words[1] or not words[0].strip():
            continue
        match words[0].split():
            case [_, event, digest] if event.isdecimal():
                found[int(event)] = Head(int(event), _hash(digest, f"{path}:{number}"))
            case _:
                raise Stop(Exit.USAGE, f"{path}:{number}: give lines of day, event and hash, as `journal heads` does")
    return found


def _hash(digits: str, place: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise Stop(Exit.USAGE, f"{place}: {digits!r} is no hash; give it as `journal heads` prints it") from None


def check_heads(kept: Mapping[str, dict[int, Head]], sealed: Sealed) -> None:
    """Hold a batch against the heads that end where it does, by who keeps them, and strike those off."""
    for whose, heads in kept.items():
        wanted = heads.pop(sealed.last, None)
        if wanted is not None and sealed.digest != wanted.digest:
            raise JournalError(
                f"event {sealed.last:,} ends a batch with hash {sealed.digest.hex()[:12]} in the journal and "
                f"{wanted.digest.hex()[:12]} in {whose}: one of the two was rewritten"
            )


def check_all_met(kept: Mapping[str, Mapping[int, Head]]) -> None:
    """A head that no batch ends with is of another journal, or of one that has lost its end."""
    for whose, heads in kept.items():
        if heads:
            raise JournalError(
                f"{whose}: no batch of the journal ends with event {min(heads):,}: rewritten, or its end is lost"
            )


def _compare(books: Books, whole: Replica) -> str:
    """The fold from empty and the fold from what is stored must be the same, bit for bit.

    The last batch is folded in both: books that an engine stored know a step done that no batch has told of yet.
    """
    stored = books.start(max(0, whole.ledger.sequence - 1))
    if not stored.ledger.sequence:
        return ""
    journal = books.journal(patience=10.0)
    try:
        for sealed in books.history(journal, stored.ledger.sequence):
            if sealed.last > whole.ledger.sequence:
                break
            stored.apply(opened(sealed), sealed.digest)
    finally:
        journal.close()
    if stored.ledger.digest() != whole.ledger.digest():
        return f"the fold from the stored state differs from the fold of the whole journal at {whole.ledger.sequence}"
    return ""


def _tell(kind: str, replica: Replica, problem: str, seconds: float, as_json: bool) -> Exit:
    ledger = replica.ledger
    if as_json:
        say_json({
            "whole": not problem, "events": ledger.sequence, "head": ledger.batch_digest.hex(),
            "ledger": ledger.digest(), "seconds": round(seconds, 3), "problem": problem,
        })  # fmt: skip
    else:
        say(banner(kind, f"journal of {ledger.book}: {ledger.sequence:,} events in {seconds:.1f} s"))
        say(f"  head    {ledger.batch_digest.hex()}\n  ledger  {ledger.digest()}")
        say(paint(f"  {problem}", RED) if problem else paint("  whole: numbers, hash chain and fold agree", GREEN))
    return Exit.FINDINGS if problem else Exit.DONE


def _show(batch: Batch, after: int, kind: str | None, as_json: bool) -> None:
    for number, event in _wanted(batch, after, kind):
        if as_json:
            say(msgspec.json.encode(_document(batch, number, event), enc_hook=str).decode())
        else:
            say(f"  {number:>9,}  {clock(int(batch.wall))}  {type(event).__name__:<20}  {_detail(event)}")


def _wanted(batch: Batch, after: int, kind: str | None) -> Iterator[tuple[int, Event]]:
    for number, event in enumerate(batch.events, start=batch.first):
        if number > after and kind in (None, type(event).__name__):
            yield number, event


def _document(batch: Batch, number: int, event: Event) -> dict[str, Any]:
    fields = {name: _plain(getattr(event, name)) for name in event.__struct_fields__}
    return {"event": number, "kind": type(event).__name__, "written": moment(int(batch.wall)),
            "epoch": batch.epoch, "step": batch.step, **fields}  # fmt: skip


def _plain(value: object) -> object:
    """Structs as objects, not as the arrays of the wire."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [_plain(inside) for inside in value]
    return value.hex() if isinstance(value, bytes) else value


def _detail(event: Event) -> str:
    shown = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name not in NOT_SHOWN and value not in ("", None, (), b""):
            shown.append(f"{name}={_word(value)}")
    text = " ".join(shown)
    return text if len(text) <= 240 else f"{text[:237]}..."


def _word(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, tuple) and len(value) > 3:
        return f"<{len(value)} of them>"
    if isinstance(value, msgspec.Struct):
        return "/".join(str(getattr(value, name)) for name in value.__struct_fields__)
    return str(getattr(value, "value", value))


def _kind(given: str | None) -> str | None:
    """The event type that a person means, by its name or its tag on the wire."""
    if given is None:
        return None
    kinds = get_args(Event)
    names: dict[str, str] = {
        word.lower(): kind.__name__ for kind in kinds for word in (kind.__name__, kind.__struct_config__.tag)
    }
    if given.lower() not in names:
        close = get_close_matches(given.lower(), names, n=1)
        hint = f"did you mean {names[close[0]]}?" if close else ""
        every = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise Stop(Exit.USAGE, f"no event is called {given!r}; {hint or f'there are {every}'}")
    return names[given.lower()]
