"""A ledger's bytes in pieces, so that whoever encodes it can do other things in between; never any I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from struct import pack

import msgspec

from toolkit.domain.ledger import Ledger

AT_ONCE = 250

_encode = msgspec.msgpack.Encoder().encode


def ledger_in_pieces(ledger: Ledger) -> Iterator[bytes]:
    """`Ledger.to_bytes` in pieces of less than a millisecond, all of the moment in which this is called.

    What there are thousands of is encoded piece by piece, from copies: orders never change, they are replaced.
    """
    large: dict[str, Mapping[str, object]] = {
        "orders": dict(ledger.orders),
        "fills": {root: tuple(fills) for root, fills in ledger.fills.items()},
    }
    parts: list[bytes | Mapping[str, object]] = [_map_header(len(ledger.__struct_fields__))]
    for name in ledger.__struct_fields__:
        parts += [_encode(name), large[name] if name in large else _encode(getattr(ledger, name))]
    return (piece for part in parts for piece in ((part,) if isinstance(part, bytes) else _entries(part)))


def _entries(mapping: Mapping[str, object]) -> Iterator[bytes]:
    yield _map_header(len(mapping))
    entries = iter(mapping.items())
    while some := tuple(islice(entries, AT_ONCE)):
        yield b"".join(_encode(part) for entry in some for part in entry)


def _map_header(count: int) -> bytes:
    """How a msgpack map begins: github.com/msgpack/msgpack/blob/master/spec.md, "map format family"."""
    if count < 2**4:
        return pack("B", 0x80 | count)
    return pack(">BH", 0xDE, count) if count < 2**16 else pack(">BI", 0xDF, count)
