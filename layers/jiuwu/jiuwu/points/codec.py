"""The points table: its items as values, and the writes that the ledger's transactions are made of."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from jiuwu.aws.dynamodb import Fields, put_parameters, update_parameters

RECENT_INDEX = "recent"

BALANCE = "balance"  # of the same partition as the entries, order#NUMBER and grant#REQUEST_ID, and before them

# "Put" or "Update", and what it takes besides the table
type Write = tuple[str, dict[str, Any]]


class PointsState(StrEnum):
    """The state of an order's points: reserved, spent, or returned."""

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
    state: PointsState | None = None
    moved_at: int = 0
    reason: str = ""

    @property
    def counts(self) -> int:
        """Return what the entry does to the balance."""
        if self.state is None:
            return self.points
        return 0 if self.state is PointsState.RETURNED else -self.points


def order_key(member_id: str, order_no: str) -> Fields:
    """Return the key of an order's entry."""
    return _key(member_id, f"order#{order_no}")


def grant_key(member_id: str, request_id: str) -> Fields:
    """Return the key of a grant's or a deduction's entry."""
    return _key(member_id, f"grant#{request_id}")


def balance_key(member_id: str) -> Fields:
    """Return the key of a member's balance."""
    return _key(member_id, BALANCE)


def new_entry(key: Fields, booking: Booking) -> Write:
    """Return the put of an entry that is not there yet."""
    item = {**key, "points": booking.points, "booked_at": booking.booked_at}
    item |= {name: text for name in ("state", "reason") if (text := getattr(booking, name))}
    return "Put", put_parameters(item, "attribute_not_exists(entry)")


def moved(key: Fields, before: PointsState, after: PointsState, at: int) -> Write:
    """Return the update of an order's entry from one state to another."""
    change, condition = "SET #state = :after, moved_at = :at", "#state = :before"
    return "Update", update_parameters(key, change, condition, before=before, after=after, at=at)


def changed_balance(member_id: str, points: int) -> Write:
    """Return the update that adds points to the balance, or takes those below zero away if it has them."""
    key, change = balance_key(member_id), "SET points = if_not_exists(points, :none) + :points"
    if points < 0:
        return "Update", update_parameters(key, change, "points >= :needed", none=0, points=points, needed=-points)
    return "Update", update_parameters(key, change, none=0, points=points)


def booking_in(item: Fields) -> Booking:
    """Return the entry that an item holds."""
    kind, _, ref = item["entry"].partition("#")
    return Booking(
        kind="order" if kind == "order" else "grant",
        ref=ref,
        points=points_in(item),
        booked_at=item["booked_at"],
        state=PointsState(item["state"]) if "state" in item else None,
        moved_at=item.get("moved_at", 0),
        reason=item.get("reason", ""),
    )


def points_in(item: Fields) -> int:
    """Return the points of an entry or a balance; 0 where there is none."""
    return int(item.get("points", 0))


def _key(member_id: str, entry: str) -> Fields:
    return {"member_id": member_id, "entry": entry}
