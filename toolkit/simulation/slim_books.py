"""A copy of a book to go on with: all that is open, and of what has ended only the newest."""

from __future__ import annotations

from itertools import islice

import msgspec

from toolkit.domain.ledger import Ledger

ENDED_KEPT = 1_000
"""Closed orders that a replay's books and its venue remember: nobody asks for older ones."""


def copied(book: Ledger) -> Ledger:
    """Nothing of it is shared, and what stays behind is never copied: 10,000 orders are most of a book.

    What belongs to other orders, or comes back, stays until the copy itself forgets it.
    """
    oldest = islice(book.closed, max(0, len(book.closed) - ENDED_KEPT))
    gone = {root for root in oldest if not _belongs(book, root)}
    slim = msgspec.structs.replace(
        book,
        orders={root: order for root, order in book.orders.items() if root not in gone},
        closed={root: None for root in book.closed if root not in gone},
        fills={root: fills for root, fills in book.fills.items() if root not in gone},
        aliases={identifier: root for identifier, root in book.aliases.items() if root not in gone},
        intents={
            strategy: {intent: root for intent, root in intents.items() if root not in gone}
            for strategy, intents in book.intents.items()
        },
    )
    return Ledger.from_bytes(slim.to_bytes())


def _belongs(book: Ledger, root: str) -> bool:
    terms = book.orders[root].terms
    is_leg = terms is not None and bool(terms.group)
    return is_leg or root in book.brackets or root in book.yielded or root in book.joined.parts
