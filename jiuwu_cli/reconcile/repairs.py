"""What the rules would do about differing orders, and having the deployed Reconciler do it.

The plan is the reconciler's own Mender in memory. The doing is the Reconciler function itself, one order after the
other: members' tokens stay where they are, and nobody here needs the right to write an order.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.members.accounts import member_id_for
from jiuwu.orders.lookup import remotes
from jiuwu.orders.order import Order
from jiuwu.reconciliation.repair import Repaired, Repairer
from jiuwu.statements.comparison import Comparer
from jiuwu.statements.totals import Discrepancy
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal.errors import Problem
from jiuwu_cli.terminal.output import say

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

_AT_ONCE = 100  # orders.query's limit

type Invoke = Callable[[str], dict[str, Any]]


class NotMended(Exception):
    """The Reconciler could not be asked, or crashed; says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the rules would do about one order, in words; nothing when a person has to decide."""

    order_no: str
    steps: tuple[str, ...]


def plans(stack: Stack, order_nos: Sequence[str], *, now: int) -> list[Plan]:
    """A plan for each order, in the sequence given; reads both sides afresh. Raises PlatformError, TableBusy."""
    repairer = Repairer(stack.policy, partial(member_id_for, stack.parameters["AppId"]))
    ours, (theirs, unreadable) = stack.store.get_many(order_nos), _there(stack, order_nos)
    return [
        # absent there is another thing than there and not readable: that one is nobody's to create
        Plan(number, ()) if number in unreadable else _plan(repairer, number, ours.get(number), theirs.get(number), now)
        for number in order_nos
    ]


def reconciler(stack: Stack) -> Invoke:
    """Has the stack's Reconciler look at one order; its answer. Raises NotMended."""
    client, name = stack.client("lambda"), stack.output("Reconciler")

    def invoke(order_no: str) -> dict[str, Any]:
        payload = json.dumps({"order_no": order_no})
        try:
            reply = client.invoke(FunctionName=name, Qualifier="live", Payload=payload)
            body: dict[str, Any] = json.loads(reply["Payload"].read())
        except ClientError as error:
            raise NotMended(f"AWS refused to invoke it ({error.response['Error']['Code']})") from None
        except BotoCoreError as error:
            raise NotMended(f"no answer ({type(error).__name__})") from None
        if "FunctionError" in reply:
            raise NotMended(f"the Reconciler failed ({body.get('errorType', 'unknown')}); see its log")
        return body

    return invoke


def carry_out(invoke: Invoke, mendable: list[Plan]) -> None:
    """Has each order mended and says what became of it; raises Problem with the first that cannot be."""
    for plan in mendable:
        try:
            answer = invoke(plan.order_no)
        except NotMended as why:
            raise Problem(f"{plan.order_no}: {why}", "what was mended before it stays mended; try again") from None
        did = ", ".join(map(str, answer.get("did", ()))) or "nothing left to do"
        problems = "".join(f"; {problem}" for problem in answer.get("problems", ()))
        say(f"  {plan.order_no}  did: {did}; now {answer.get('status', 'unknown')}{problems}")


def remaining(one: Comparer, differences: tuple[Discrepancy, ...]) -> int:
    """How many of these orders differ still; one that we have not got is one of them."""
    numbers = list(dict.fromkeys(line.order_no for line in differences))
    known = one.store.get_many(numbers)
    again = one.known_here(known)
    return again.differing + again.uncompared + len(numbers) - len(known)


def _there(stack: Stack, order_nos: Sequence[str]) -> "tuple[dict[str, RemoteOrder], set[str]]":
    """The orders that the platform has, and the numbers of those that cannot be read."""
    found: dict[str, RemoteOrder] = {}
    unreadable: set[str] = set()
    for page in batched(order_nos, _AT_ONCE, strict=False):
        theirs, spoiled = remotes(lambda: stack.platform, page)
        found |= theirs
        unreadable |= spoiled.keys()
    return found, unreadable


def _plan(repairer: Repairer, number: str, local: Order | None, remote: "RemoteOrder | None", now: int) -> Plan:
    repaired = repairer.repair(local, remote, now=now)
    return Plan(number, tuple(_steps(local, repaired)))


def _steps(local: Order | None, repaired: Repaired) -> Iterable[str]:
    if repaired.place:
        yield "create it at the platform"
    if local is None and repaired.order is not None:
        yield "take it over from the platform"
    yield from repaired.transitions
    if "amount_differs" in repaired.alerts:
        yield "hold it"
