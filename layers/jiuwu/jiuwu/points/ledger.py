"""The points ledger: what each member holds of the merchant's own points, and every entry that made it so.

An entry and the balance are written together or not at all, on two conditions: the entry is still in the state that it
leaves, and the balance stays at zero or above. So each reservation, spending, return and grant counts once, however
often it is requested and wherever a process dies: a repetition finds the entry and what became of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jiuwu.aws.dynamodb import Fields, Table, unmarshal_fields
from jiuwu.backoff import CONTENTION, Contended
from jiuwu.runtime import SYSTEM, Runtime

from .codec import (
    BALANCE,
    RECENT_INDEX,
    Booking,
    PointsState,
    Write,
    balance_key,
    booking_in,
    changed_balance,
    grant_key,
    moved,
    new_entry,
    order_key,
    points_in,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Of one order, grant or deduction; sums of them stay exact in any JSON reader.
MAX_POINTS = 1_000_000_000

_FAILED = "ConditionalCheckFailed"
# Another transaction had the same item, or DynamoDB was busy: the same transaction may be tried once more.
_TRANSIENT = {"None", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"}
_TRANSIENT_ERRORS = {"TransactionConflictException", "TransactionInProgressException"}


class InsufficientPoints(Exception):
    """The member has fewer points than that; `balance` is how many."""

    def __init__(self, balance: int) -> None:
        super().__init__(f"the balance is {balance}")
        self.balance = balance


class AlreadyReturned(Exception):
    """The order's points were given back, or never shall be reserved: nothing can be bought with them any more."""


class NoReservation(Exception):
    """The order has no points to spend."""


class RequestReused(Exception):
    """The same order or request id came before with another number of points."""


class LedgerBusy(Contended):
    """Too many write this member's points at once; nothing was changed, so the caller may repeat it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A member's balance next to what the entries add up to."""

    balance: int
    booked: int
    entries: int

    @property
    def adds_up(self) -> bool:
        """Return whether the ledger holds what it promises."""
        return self.balance == self.booked and self.balance >= 0


class PointsLedger:
    """The points table. Points are whole and above zero, `at` is Unix seconds; whatever writes may raise LedgerBusy."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._dynamodb: Any = dynamodb
        self._table, self._runtime = Table(dynamodb, table), runtime

    def reserve(self, member_id: str, order_no: str, points: int, *, at: int) -> None:
        """Reserve the order's points; a repetition changes nothing. Raise InsufficientPoints, AlreadyReturned and
        RequestReused."""
        wanted = Booking("order", order_no, _within_bounds(points, minimum=1), at, PointsState.RESERVED)
        known = self._book(member_id, order_key(member_id, order_no), wanted)
        if known.state is PointsState.RETURNED:
            raise AlreadyReturned(order_no)
        if known.points != points:
            raise RequestReused(order_no)

    def spend(self, member_id: str, order_no: str, *, at: int) -> None:
        """Spend the reserved points; a repetition changes nothing. Raise AlreadyReturned and NoReservation."""
        refused = self._transact(moved(order_key(member_id, order_no), PointsState.RESERVED, PointsState.SPENT, at))
        if refused is None:
            return
        if not refused[0]:
            raise NoReservation(order_no)
        if booking_in(refused[0]).state is PointsState.RETURNED:
            raise AlreadyReturned(order_no)

    def give_back(self, member_id: str, order_no: str, *, at: int) -> int:
        """Give the order's points, reserved or spent, back to the member; a repetition changes nothing. Return how
        many.

        What was not reserved yet never will be: 0 points are noted as returned, and a reservation that comes late finds
        that.
        """
        key = order_key(member_id, order_no)
        for _ in range(len(PointsState) + 1):  # a state only moves forward, so no more rounds than this can be lost
            known = self._booking(key)
            if known is None:
                known = Booking("order", order_no, 0, at, PointsState.RETURNED)
                refused = self._transact(new_entry(key, known))
            elif known.state is None or known.state is PointsState.RETURNED:
                return known.points
            else:
                to_member = changed_balance(member_id, known.points)
                refused = self._transact(moved(key, known.state, PointsState.RETURNED, at), to_member)
            if refused is None:
                return known.points
        raise LedgerBusy(order_no)

    def grant(self, member_id: str, request_id: str, points: int, *, at: int, reason: str = "") -> bool:
        """Add points, or take those below zero away, once per request id.

        Return False if that was done before: the first reason stays, and another one makes no other request. Raise
        InsufficientPoints and RequestReused.
        """
        wanted = Booking("grant", request_id, _within_bounds(points), at, reason=reason)
        known = self._book(member_id, grant_key(member_id, request_id), wanted)
        if known.points != points:
            raise RequestReused(request_id)
        return known is wanted

    def balance(self, member_id: str) -> int:
        """Return how many points the member can spend now."""
        return points_in(self._table.get(balance_key(member_id)) or {})

    def recent(self, member_id: str, *, limit: int = 20) -> tuple[Booking, ...]:
        """Return the latest entries, newest first; what was written a moment ago may be missing."""
        # the balance has no time, so it is not in this index
        page = self._table.query(RECENT_INDEX, "member_id = :member", member=member_id, limit=limit, newest_first=True)
        return tuple(map(booking_in, page.items))

    def audit(self, member_id: str) -> Audit:
        """Read all entries of the member and add them up; once more where a write came in between."""
        for _ in range(CONTENTION.rounds):
            before = self.balance(member_id)
            counts = [booking.counts for booking in self._bookings(member_id)]
            audit = Audit(before, sum(counts), len(counts))
            if audit.adds_up or self.balance(member_id) == before:
                break
        return audit

    def _book(self, member_id: str, key: Fields, wanted: Booking) -> Booking:
        """Write a new entry and the balance; return the entry that stands now: it, or the one that was there. Raise
        InsufficientPoints."""
        refused = self._transact(new_entry(key, wanted), changed_balance(member_id, wanted.counts))
        if refused is None:
            return wanted
        # the balance may be too small because this very entry was booked: then it is there
        known = booking_in(refused[0]) if refused[0] else self._booking(key)
        if known is None:
            raise InsufficientPoints(points_in(refused[1]))
        return known

    def _transact(self, *writes: Write) -> list[Fields] | None:
        """Return None when all is written; otherwise, for each write, the item that stood against it, empty if none
        did.

        boto3 makes a token per call, so its own retries count once. A token made of the request would be wrong: for ten
        minutes it would call a reservation done that has been given back since.
        """
        items = [{kind: {"TableName": self._table.name, **write}} for kind, write in writes]
        for _ in CONTENTION.attempts(self._runtime):
            try:
                self._dynamodb.transact_write_items(TransactItems=items)
            except ClientError as error:
                if reasons := _refusal(error):
                    standing = [reason.get("Item", {}) if reason["Code"] == _FAILED else {} for reason in reasons]
                    return [unmarshal_fields(item) for item in standing]
            else:
                return None
        raise LedgerBusy

    def _booking(self, key: Fields) -> Booking | None:
        item = self._table.get(key)
        return booking_in(item) if item else None

    def _bookings(self, member_id: str) -> Iterator[Booking]:
        entries = "member_id = :member AND entry > :balance"
        return map(booking_in, self._table.query_all("", entries, member=member_id, balance=BALANCE))


def _refusal(error: ClientError) -> list[Any]:
    """Return the reasons of a refused transaction, one per write; none when it may be tried again as it is."""
    if error.response["Error"].get("Code") in _TRANSIENT_ERRORS:
        return []
    response: Any = error.response
    reasons: list[Any] = response.get("CancellationReasons", [])
    codes = {reason["Code"] for reason in reasons}
    if _FAILED in codes:
        return reasons
    if not codes or codes - _TRANSIENT:
        raise error
    return []


def _within_bounds(points: int, *, minimum: int = -MAX_POINTS) -> int:
    if not minimum <= points <= MAX_POINTS or not points:
        raise ValueError(f"{points} points: expected {minimum} to {MAX_POINTS}, and not 0")
    return points
