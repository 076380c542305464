"""What a run ended with, as plain values: orders on both sides, ship requests, queues, members."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jiuwu.orders.order import Order, Status


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """An order as the platform has it: its status, and payments and refunds in fen by transaction or refund id."""

    status: str
    payments: Mapping[str, int]
    refunds: Mapping[str, int]  # those that succeeded

    @property
    def balance_fen(self) -> int:
        """Return payments less refunds."""
        return sum(self.payments.values()) - sum(self.refunds.values())


class PointsBalance(NamedTuple):
    """A member's points: the balance, and the sum of the booked entries."""

    balance: int
    booked: int


class MemberGrant(NamedTuple):
    """A member's grant that nobody ended: our status of it, and whether the platform accepts both its tokens."""

    status: str
    accepted: bool
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the checks look at; what a run does not measure keeps its default and is not checked.

    `ship_requests` are the effect ids that the warehouse received, repeats included. `forged` counts the HTTP statuses
    that forged notifications got, 0 for no reply. `unsettled` is what is still under way, by name. `errors` are answers
    that no member should get. `statement` is the day's statement, empty if it is missing. `texts` are all stored and
    logged texts by place, in which none of `secrets` may stand.
    """

    local: Mapping[str, Order]
    remote: Mapping[str, RemoteOrder]
    ship_requests: tuple[str, ...]
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    forged: Mapping[int, int] = field(default_factory=Counter)
    unsettled: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    failed_invocations: Mapping[str, int] = field(default_factory=dict)
    statement: Mapping[str, Any] | None = None
    points: Mapping[str, PointsBalance] = field(default_factory=dict)
    grants: Mapping[str, MemberGrant] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    now: float = 0.0  # Unix seconds
    expiry_passed: bool = False  # every unpaid order is past its expiry
    held_may_differ: bool = False  # a held order may have any status at the platform: a person decides
    expected_failure: str = ""  # the kind of effect that is expected to fail permanently


def never_sent(order: Order) -> bool:
    """Return whether an order was cancelled before the platform heard of it: then it is right that only we have it."""
    return order.status is Status.CANCELLED and not order.platform_order_no and not order.ledger


def same_status(order: Order, remote: RemoteOrder) -> bool:
    """Return whether the status is the same on both sides.

    A held order is paid at the platform; one that is not placed yet is unknown there.
    """
    if order.status is Status.CREATED:
        return False
    return remote.status == ("paid" if order.status is Status.HELD else order.status.as_remote)


def same(order: Order, remote: RemoteOrder | None) -> bool:
    """Return whether an order is the same on both sides: status and money, and no effect is pending."""
    if remote is None:
        return never_sent(order) and not order.pending
    return same_status(order, remote) and order.balance_fen == remote.balance_fen and not order.pending
