"""A book to go on with: all that is open, and of what has ended only the newest."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import islice
from typing import Final

import msgspec

from toolkit.domain.joined_orders import Joined
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Order

ENDED_KEPT: Final = 1_000
"""Closed orders that a replay's books and its venue remember: nobody asks for older ones."""

BY_ROOT: Final = ("orders", "closed", "fills")
"""What a book has by the first id of an order's chain."""


def copied(book: Ledger) -> Ledger:
    """Nothing of it is shared."""
    return Ledger.from_bytes(slim(book.to_bytes()))


def slim(state: bytes) -> bytes:
    """A stored book without what ended long ago: 10,000 orders are most of one, and what is left out is never made, so
    who loads it does not become as large as the whole.

    What belongs to other orders, or comes back, stays until the copy itself forgets it.
    """
    fields = msgspec.msgpack.decode(state, type=dict[str, msgspec.Raw])
    closed = msgspec.msgpack.decode(fields["closed"], type=dict[str, None])
    oldest = set(islice(closed, max(0, len(closed) - ENDED_KEPT)))
    gone = oldest - _belonging(fields, oldest)
    for name in BY_ROOT:
        by_root = msgspec.msgpack.decode(fields[name], type=dict[str, msgspec.Raw])
        fields[name] = _raw({root: each for root, each in by_root.items() if root not in gone})
    aliases = msgspec.msgpack.decode(fields["aliases"], type=dict[str, str])
    intents = msgspec.msgpack.decode(fields["intents"], type=dict[str, dict[str, str]])
    fields["aliases"] = _raw(_leading(aliases, gone))
    fields["intents"] = _raw({strategy: _leading(own, gone) for strategy, own in intents.items()})
    return msgspec.msgpack.encode(fields)


def _belonging(fields: Mapping[str, msgspec.Raw], roots: Iterable[str]) -> set[str]:
    orders = msgspec.msgpack.decode(fields["orders"], type=dict[str, msgspec.Raw])
    terms = ((root, msgspec.msgpack.decode(orders[root], type=Order).terms) for root in roots)
    legs = {root for root, each in terms if each is not None and each.group}
    known = (msgspec.msgpack.decode(fields[name], type=dict[str, msgspec.Raw]) for name in ("brackets", "yielded"))
    return legs.union(*known, msgspec.msgpack.decode(fields["joined"], type=Joined).parts)


def _leading(names: Mapping[str, str], gone: Container[str]) -> dict[str, str]:
    return {name: root for name, root in names.items() if root not in gone}


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(value))
