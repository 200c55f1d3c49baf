"""The name of every Redis key, as functions; no other module spells one. `{book}` keeps a book on one cluster node."""

from __future__ import annotations


def journal(book: str) -> str:
    """Stream of batches; an entry's id is `<number of its last event>-0`."""
    return f"{{{book}}}:journal"


def head(book: str) -> str:
    """Hash: `epoch` last given out, `sequence` and `digest` of the journal's end."""
    return f"{{{book}}}:head"


def lease(book: str) -> str:
    """String with time to live: epoch and owner of who holds the book."""
    return f"{{{book}}}:lease"


def commands(book: str, producer: str) -> str:
    """Stream of one producer's commands; an entry's id is `<incarnation>-<number>`."""
    return f"{{{book}}}:commands:{producer}"


def inbox(book: str, strategy: str) -> str:
    """Stream of what the engine tells one strategy; an entry's id is `<number>-0`."""
    return f"{{{book}}}:inbox:{strategy}"


def operations(book: str) -> str:
    """Capped stream on the journal server: heartbeats, feed health, starts and stops."""
    return f"{{{book}}}:operations"


def steps(book: str, stream: str) -> str:
    """Stream of numbered market data on the bus; an entry's id is `<step number>-0`."""
    return f"{{{book}}}:{stream}"


def released(book: str, epoch: int) -> str:
    """Stream on the bus of the steps that the engine of one epoch handed to the runners."""
    return f"{{{book}}}:released:{epoch}"


def budget(key: str) -> str:
    """List on the bus of the tokens of one venue key's rate that were given out lately; shared by all books."""
    return f"{{budget:{key}}}:given"


def beats(book: str) -> str:
    """Hash on the bus: process → its last heartbeat."""
    return f"{{{book}}}:beats"
