"""Plan the repairs of orders that differ, and have the deployed Reconciler make them.

The plan comes from the reconciler's own rules, run in memory. The Reconciler function makes the repairs, one order
after the other, so that the operator needs neither members' tokens nor permission to write orders.
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
from jiuwu_cli.terminal.errors import CommandError
from jiuwu_cli.terminal.output import print_line

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

_PAGE = 100  # orders.query's limit

type Invoke = Callable[[str], dict[str, Any]]


class RepairFailed(Exception):
    """The Reconciler could not be invoked, or failed; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The repairs of one order, in words; none if a person has to decide."""

    order_no: str
    steps: tuple[str, ...]


def plan_repairs(stack: Stack, order_nos: Sequence[str], *, now: int) -> list[Plan]:
    """Return a plan for each order, in the given sequence, from a new read of both sides.

    Raise PlatformError or TableBusy.
    """
    repairer = Repairer(stack.policy, partial(member_id_for, stack.parameters["AppId"]))
    ours, (theirs, unreadable) = stack.store.get_many(order_nos), _read_theirs(stack, order_nos)
    return [
        # an order that the platform has but that cannot be parsed must not be created
        Plan(number, ()) if number in unreadable else _plan(repairer, number, ours.get(number), theirs.get(number), now)
        for number in order_nos
    ]


def invoke_reconciler(stack: Stack) -> Invoke:
    """Return a function that has the stack's Reconciler repair one order. It raises RepairFailed."""
    client, name = stack.client("lambda"), stack.output("Reconciler")

    def invoke(order_no: str) -> dict[str, Any]:
        payload = json.dumps({"order_no": order_no})
        try:
            reply = client.invoke(FunctionName=name, Qualifier="live", Payload=payload)
            body: dict[str, Any] = json.loads(reply["Payload"].read())
        except ClientError as error:
            raise RepairFailed(f"AWS refused to invoke the Reconciler ({error.response['Error']['Code']})") from None
        except BotoCoreError as error:
            raise RepairFailed(f"the Reconciler did not answer ({type(error).__name__})") from None
        if "FunctionError" in reply:
            raise RepairFailed(f"the Reconciler failed ({body.get('errorType', 'unknown')}); see its log")
        return body

    return invoke


def repair(invoke: Invoke, repairable: list[Plan]) -> None:
    """Repair each order and print the result. Raise CommandError at the first failure."""
    for plan in repairable:
        try:
            answer = invoke(plan.order_no)
        except RepairFailed as error:
            raise CommandError(f"{plan.order_no}: {error}", "the orders before it are repaired; try again") from None
        did = ", ".join(map(str, answer.get("did", ()))) or "nothing"
        problems = "".join(f"; {problem}" for problem in answer.get("problems", ()))
        print_line(f"  {plan.order_no}  did: {did}; now {answer.get('status', 'unknown')}{problems}")


def count_remaining_differences(one: Comparer, differences: tuple[Discrepancy, ...]) -> int:
    """Return how many of these orders still differ; an order that is missing here counts as one."""
    numbers = list(dict.fromkeys(line.order_no for line in differences))
    known = one.store.get_many(numbers)
    totals = one.known_here(known)
    return totals.differing + totals.uncompared + len(numbers) - len(known)


def _read_theirs(stack: Stack, order_nos: Sequence[str]) -> "tuple[dict[str, RemoteOrder], set[str]]":
    """Return the platform's orders, and the numbers of those that cannot be parsed."""
    found: dict[str, RemoteOrder] = {}
    unreadable: set[str] = set()
    for page in batched(order_nos, _PAGE, strict=False):
        theirs, malformed = remotes(lambda: stack.platform, page)
        found |= theirs
        unreadable |= malformed.keys()
    return found, unreadable


def _plan(repairer: Repairer, number: str, local: Order | None, remote: "RemoteOrder | None", now: int) -> Plan:
    repaired = repairer.repair(local, remote, now=now)
    return Plan(number, tuple(_steps(local, repaired)))


def _steps(local: Order | None, repaired: Repaired) -> Iterable[str]:
    if repaired.place:
        yield "create it at the platform"
    if local is None and repaired.order is not None:
        yield "adopt it from the platform"
    yield from repaired.transitions
    if "amount_differs" in repaired.alerts:
        yield "put it on hold"
