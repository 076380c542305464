"""The points table: its items as values, and the writes that the ledger's transactions are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

RECENT_INDEX = "recent"

_BALANCE = "balance"  # of the same partition as the entries, order#NUMBER and grant#REQUEST_ID, and before them

type Item = Mapping[str, Mapping[str, Any]]
# "Put" or "Update", and what it takes besides the table
type Write = tuple[str, dict[str, Any]]


class State(StrEnum):
    """Where the points of an order are: set aside, spent, or the member's again."""

    RESERVED = "reserved"
    SPENT = "spent"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Booking:
    """One entry: an order's (`points` is what it costs, `state` where they are) or a grant's (`points` is what it adds,
    below zero for a deduction). Times are Unix seconds: when it was booked, and when its state last changed."""

    kind: Literal["order", "grant"]
    ref: str  # the order's number, or the id of the merchant's request
    points: int
    booked_at: int
    state: State | None = None
    moved_at: int = 0
    reason: str = ""

    @property
    def counts(self) -> int:
        """What the entry does to the balance."""
        if self.state is None:
            return self.points
        return 0 if self.state is State.RETURNED else -self.points


def order_key(member_id: str, order_no: str) -> Item:
    """The key of an order's entry."""
    return _key(member_id, f"order#{order_no}")


def grant_key(member_id: str, request_id: str) -> Item:
    """The key of a grant's or a deduction's entry."""
    return _key(member_id, f"grant#{request_id}")


def balance_key(member_id: str) -> Item:
    """The key of a member's balance."""
    return _key(member_id, _BALANCE)


def new_entry(key: Item, booking: Booking) -> Write:
    """Puts an entry that is not there yet."""
    item = {**key, "points": _number(booking.points), "booked_at": _number(booking.booked_at)}
    item |= {"state": {"S": booking.state}} if booking.state else {}
    item |= {"reason": {"S": booking.reason}} if booking.reason else {}
    return "Put", {"Item": item, "ConditionExpression": "attribute_not_exists(entry)", **_TOLD}


def moved(key: Item, before: State, after: State, at: int) -> Write:
    """Moves an order's entry from one state to another."""
    return "Update", {
        "Key": key,
        "UpdateExpression": "SET #state = :after, moved_at = :at",
        "ConditionExpression": "#state = :before",
        "ExpressionAttributeNames": {"#state": "state"},  # a reserved word
        "ExpressionAttributeValues": {":before": {"S": before}, ":after": {"S": after}, ":at": _number(at)},
        **_TOLD,
    }


def changed_balance(member_id: str, points: int) -> Write:
    """Adds points to the balance, or takes those below zero away if it has them."""
    update: dict[str, Any] = {
        "Key": balance_key(member_id),
        "UpdateExpression": "SET points = if_not_exists(points, :none) + :points",
        "ExpressionAttributeValues": {":none": _number(0), ":points": _number(points)},
    }
    if points < 0:
        update |= {"ConditionExpression": "points >= :needed", **_TOLD}
        update["ExpressionAttributeValues"][":needed"] = _number(-points)
    return "Update", update


def entries_of(member_id: str) -> dict[str, Any]:
    """What a query for all entries of a member takes besides the table."""
    return {
        "KeyConditionExpression": "member_id = :member AND entry > :balance",
        "ExpressionAttributeValues": {":member": {"S": member_id}, ":balance": {"S": _BALANCE}},
        "ConsistentRead": True,
    }


def recent_entries_of(member_id: str, limit: int) -> dict[str, Any]:
    """The same for the latest entries, newest first; the balance has no time and is not in that index."""
    return {
        "IndexName": RECENT_INDEX,
        "KeyConditionExpression": "member_id = :member",
        "ExpressionAttributeValues": {":member": {"S": member_id}},
        "ScanIndexForward": False,
        "Limit": limit,
    }


def booking_in(item: Item) -> Booking:
    """The entry that an item holds."""
    kind, _, ref = item["entry"]["S"].partition("#")
    return Booking(
        kind="order" if kind == "order" else "grant",
        ref=ref,
        points=points_in(item),
        booked_at=int(item["booked_at"]["N"]),
        state=State(item["state"]["S"]) if "state" in item else None,
        moved_at=int(item.get("moved_at", {}).get("N", 0)),
        reason=item.get("reason", {}).get("S", ""),
    )


def points_in(item: Item) -> int:
    """The points of an entry or a balance; 0 where there is none."""
    return int(item.get("points", {}).get("N", 0))


# Who is refused hears what stood against it, and needs no second read.
_TOLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def _key(member_id: str, entry: str) -> Item:
    return {"member_id": {"S": member_id}, "entry": {"S": entry}}


def _number(number: int) -> dict[str, str]:
    return {"N": str(number)}
