"""The two tables of an order's life: our commands, and a venue's facts in every status × doubt.

Nothing else moves an order. A command may be illegal. A fact never is: an unexpected one changes the books as well and
raises an alarm.

Reading the fact tables: a cell is the next status, `=` for the same one, `W` for working (NEW, PARTIALLY_FILLED or
FILLED, by what has filled). `?x` sets doubt x: the venue is asked. `!` raises an alarm. Without `?x` the doubt follows
`DOUBTS`, and in a final status there is none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from toolkit.domain.errors import IllegalCommand
from toolkit.domain.orders import FINAL, Doubt, Status


class OrderCommand(StrEnum):
    CANCEL = "cancel"
    REPLACE = "replace"
    RELEASE = "release"


class Fact(StrEnum):
    """What can become known of an order: reports of the venue, answers to our questions, silence (`unanswered_…`)."""

    __hash__ = str.__hash__

    ACKNOWLEDGED = "acknowledged"
    FILLED_PARTLY = "filled_partly"
    FILLED_WHOLLY = "filled_wholly"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"
    TRIGGERED = "triggered"
    CANCEL_REFUSED = "cancel_refused"
    REPLACE_REFUSED = "replace_refused"
    BUSTED = "busted"
    CORRECTED = "corrected"
    FOUND_WORKING = "found_working"
    PROVEN_ABSENT = "proven_absent"
    UNANSWERED_NEW = "unanswered_new"
    UNANSWERED_CANCEL = "unanswered_cancel"
    UNANSWERED_REPLACE = "unanswered_replace"


class Outcome(NamedTuple):
    """What a fact makes of an order. `status` None means working: the ledger decides by what has filled."""

    status: Status | None
    doubt: Doubt
    expected: bool


# A dash: illegal. Cancel is legal for everything that may still trade, also twice: the way out is open. A stop that the
# engine holds is NEW from its record on; releasing it is sending a new order to the venue.
_COMMANDS = """
                   cancel          replace          release
PENDING_NEW        PENDING_CANCEL  -                -
NEW                PENDING_CANCEL  PENDING_REPLACE  PENDING_NEW
PARTIALLY_FILLED   PENDING_CANCEL  PENDING_REPLACE  -
FILLED             -               -                -
PENDING_CANCEL     PENDING_CANCEL  -                -
CANCELED           -               -                -
PENDING_REPLACE    PENDING_CANCEL  -                -
REJECTED           -               -                -
EXPIRED            -               -                -
DENIED             -               -                -
"""

_FACTS_OPEN = """
                    PENDING_NEW       NEW               PARTIALLY_FILLED  PENDING_CANCEL  PENDING_REPLACE
acknowledged        NEW               =!                =                 =               =
filled_partly       PARTIALLY_FILLED  PARTIALLY_FILLED  =                 =               =
filled_wholly       FILLED            FILLED            FILLED            FILLED          FILLED
canceled            CANCELED          CANCELED          CANCELED          CANCELED        CANCELED
expired             EXPIRED           EXPIRED           EXPIRED           EXPIRED         EXPIRED
rejected            REJECTED          REJECTED!         REJECTED!         REJECTED        REJECTED!
replaced            W!                W!                W!                =               W
triggered           NEW               =                 =                 =               =
cancel_refused      =?new!            =?cancel!         =?cancel!         W?cancel        =?cancel!
replace_refused     =?new!            =?replace!        =?replace!        =?cancel        W?replace
busted              =!                W!                W!                =!              =!
corrected           =!                W!                W!                =!              =!
found_working       W                 W                 W                 W               W
proven_absent       REJECTED          CANCELED!         CANCELED!         CANCELED!       CANCELED!
unanswered_new      =                 =                 =                 =               =
unanswered_cancel   =                 =                 =                 =               =
unanswered_replace  =                 =                 =                 =               =
"""

_FACTS_FINAL = """
                    FILLED  CANCELED   REJECTED  EXPIRED    DENIED
acknowledged        =       =?cancel!  NEW!      =?cancel!  NEW!
filled_partly       =!      =!         =?new!    =!         =?new!
filled_wholly       =!      FILLED!    FILLED!   FILLED!    FILLED!
canceled            =!      =!         =!        =!         =!
expired             =!      =!         =!        =!         =!
rejected            =!      =!         =!        =!         =!
replaced            W!      =?cancel!  W!        =?cancel!  W!
triggered           =!      =!         NEW!      =!         NEW!
cancel_refused      =       =          =!        =          =!
replace_refused     =       =          =!        =          =!
busted              =!      =!         =!        =!         =!
corrected           =!      =!         =!        =!         =!
found_working       =!      W!         W!        W!         W!
proven_absent       =       =          =         =          =
unanswered_new      =       =          =         =          =
unanswered_cancel   =       =          =         =          =
unanswered_replace  =       =          =         =          =
"""

# What a fact leaves of a doubt, unless its cell says `?x`. Rows: fact; columns: the doubt before.
_DOUBTS = """
                    none     new   cancel   replace
acknowledged        none     none  cancel   replace
filled_partly       none     none  cancel   replace
filled_wholly       none     none  none     none
canceled            none     none  none     none
expired             none     none  none     none
rejected            none     none  none     none
replaced            none     none  cancel   none
triggered           none     none  cancel   replace
cancel_refused      none     new   cancel   replace
replace_refused     none     new   cancel   replace
busted              none     new   cancel   replace
corrected           none     new   cancel   replace
found_working       none     none  none     none
proven_absent       none     none  none     none
unanswered_new      new      new   new      new
unanswered_cancel   cancel   new   cancel   replace
unanswered_replace  replace  new   replace  replace
"""


def _rows(table: str) -> dict[str, list[str]]:
    return {name: cells for name, *cells in (line.split() for line in table.strip("\n").splitlines()[1:])}


def _columns(table: str) -> list[Status]:
    return [Status(name) for name in table.split("\n")[1].split()]


def _read_commands() -> dict[tuple[Status, OrderCommand], Status | None]:
    return {
        (Status(name), command): None if cell == "-" else Status(cell)
        for name, cells in _rows(_COMMANDS).items()
        for command, cell in zip(OrderCommand, cells, strict=True)
    }


def _read_facts() -> dict[tuple[Status, Doubt, Fact], Outcome]:
    doubts = {
        (Fact(name), before): Doubt(cell)
        for name, cells in _rows(_DOUBTS).items()
        for before, cell in zip(Doubt, cells, strict=True)
    }
    return {
        (status, before, Fact(name)): _outcome(cell, status, doubts[Fact(name), before])
        for table in (_FACTS_OPEN, _FACTS_FINAL)
        for name, cells in _rows(table).items()
        for status, cell in zip(_columns(table), cells, strict=True)
        for before in Doubt
    }


def _outcome(cell: str, status: Status, doubt: Doubt) -> Outcome:
    expected = not cell.endswith("!")
    target, _, asked = cell.rstrip("!").partition("?")
    after = {"=": status, "W": None}[target] if target in "=W" else Status(target)
    if asked:
        return Outcome(after, Doubt(asked), expected)
    return Outcome(after, Doubt.NONE if after in FINAL else doubt, expected)


COMMANDS = _read_commands()
FACTS = _read_facts()


def after_command(status: Status, doubt: Doubt, command: OrderCommand, order_id: str) -> Status:
    """The status that a command leads to. Raises IllegalCommand naming status and command.

    Over doubt only a cancel is legal, and then in every status: what may still rest at the venue can be cancelled.
    """
    target = COMMANDS[status, command]
    if doubt is not Doubt.NONE:
        target = (target or status) if command is OrderCommand.CANCEL else None
    if target is None:
        shown = status.value if doubt is Doubt.NONE else f"UNKNOWN ({status.value}, doubt: {doubt.value})"
        raise IllegalCommand(f"cannot {command.value} order {order_id}: it is {shown}")
    return target


def after_fact(status: Status, doubt: Doubt, fact: Fact) -> Outcome:
    """What a fact leads to, in every status and doubt."""
    return FACTS[status, doubt, fact]


def diagram() -> str:
    """The expected life of an order as a Mermaid state diagram, drawn from the tables."""
    lines = ["stateDiagram-v2", "    [*] --> PENDING_NEW: submit", "    [*] --> DENIED: refused by a control"]
    for (status, command), target in COMMANDS.items():
        if target is not None and target is not status:
            lines.append(f"    {status.value} --> {target.value}: {command.value}")
    seen = set()
    for (status, _, fact), outcome in FACTS.items():
        if not outcome.expected or outcome.status is status:
            continue
        targets = [Status.NEW, Status.PARTIALLY_FILLED] if outcome.status is None else [outcome.status]
        for target in targets:
            line = f"    {status.value} --> {target.value}: {fact.value}"
            if target is not status and line not in seen:
                seen.add(line)
                lines.append(line)
    lines += [f"    {status.value} --> [*]" for status in Status if status in FINAL]
    return "\n".join(lines) + "\n"
