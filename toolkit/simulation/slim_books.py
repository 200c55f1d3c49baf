"""A copy of a book to go on with: all that is open, and of what has ended only the newest."""

from __future__ import annotations

from itertools import islice

import msgspec

from toolkit.domain.ledger import Ledger

ENDED_KEPT = 1_000
"""Closed orders that a replay's books and its venue remember: nobody asks for older ones."""


def copied(book: Ledger) -> Ledger:
    """Nothing of it is shared, and what stays behind is never copied: 10,000 orders are most of a book."""
    gone = set(islice(book.closed, max(0, len(book.closed) - ENDED_KEPT)))
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
        brackets={root: exits for root, exits in book.brackets.items() if root not in gone},
    )
    return Ledger.from_bytes(slim.to_bytes())
