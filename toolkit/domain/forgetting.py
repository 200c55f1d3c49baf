"""What leaves the books with an order that ended long ago; whatever may still change stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.domain.joined_orders import Joined
from toolkit.domain.orders import Order


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
