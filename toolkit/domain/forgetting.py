"""What leaves the books with an order that ended long ago; whatever may still change stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from toolkit.domain.joined_orders import Joined
from toolkit.domain.orders import Order


class Books(Protocol):
    """What a ledger keeps by order."""

    orders: dict[str, Order]
    intents: dict[str, dict[str, str]]
    aliases: dict[str, str]
    fills: dict[str, list[Any]]
    brackets: dict[str, list[str]]
    yielded: dict[str, None]
    changes: dict[str, Any]
    joined: Joined


def forget(books: Books, oldest: Sequence[str], ended: dict[str, None]) -> None:
    """Let go of these orders, which are of `ended` no longer, and of all that stands beside them.

    A bracket is forgotten whole, with its entry: who knows a part of it alone takes a lost stop for nobody's.
    """
    beside = [where for where in (books.fills, books.brackets, books.yielded, books.changes) if where]
    for root in oldest:
        if root not in books.orders or _goes_with_its_entry(books, root):
            continue
        if _is_needed(books, root, ended):
            ended[root] = None
            continue
        for each in (root, *books.brackets.get(root, ())):
            if each in books.orders:
                _forget(books, each, beside)


def _goes_with_its_entry(books: Books, root: str) -> bool:
    terms = books.orders[root].terms
    if terms is None or not terms.group:
        return False
    return terms.group in books.orders and root in books.brackets.get(terms.group, ())


def _is_needed(books: Books, root: str, ended: dict[str, None]) -> bool:
    """An entry whose stop or target stands or has ended of late; what made way and comes back; a part of a joined order
    that is open."""
    legs = [leg for leg in books.brackets.get(root, ()) if leg in books.orders]
    if any(leg in ended or books.orders[leg].is_open for leg in legs):
        return True
    return any(each in books.yielded or books.joined.keeps(each, books.orders) for each in (root, *legs))


def _forget(books: Books, root: str, beside: Sequence[dict[str, Any]]) -> None:
    books.joined.forget(root)
    order = books.orders.pop(root)
    for where in beside:
        where.pop(root, None)
    own = books.intents.get(order.strategy, {})
    if own.get(order.intent_id) == root:
        del own[order.intent_id]
    for identifier in order.chain[1:]:
        books.aliases.pop(identifier, None)
