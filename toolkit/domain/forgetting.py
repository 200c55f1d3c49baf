"""Which orders leave the books after they have ended, and what goes with them; whatever may still change stays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from toolkit.domain.joined_orders import Joined
from toolkit.domain.orders import Order


def oldest(ended: dict[str, None], kept: int) -> list[str]:
    """The first of these, but for `kept`, taken out of them.

    Some at a time: finding the first of a dict whose first ones went is slow.
    """
    if len(ended) <= kept + kept // 20:
        return []
    found = list(islice(ended, len(ended) - kept))
    for root in found:
        del ended[root]
    return found


def forget(
    root: str,
    orders: dict[str, Order],
    intents: dict[str, dict[str, str]],
    aliases: dict[str, str],
    joined: Joined,
    beside: Sequence[dict[str, Any]],
) -> bool:
    """Let go of an order and of all that stands `beside` it; False for a part of a joined one that is still open."""
    if joined.parts:
        if joined.keeps(root, orders):
            return False
        joined.forget(root)
    order = orders.pop(root)
    for where in beside:
        where.pop(root, None)
    own = intents.get(order.strategy, {})
    if own.get(order.intent_id) == root:
        del own[order.intent_id]
    for identifier in order.chain[1:]:
        aliases.pop(identifier, None)
    return True
