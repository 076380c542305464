"""All invariants, and `violations`, which checks them."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

from sandbox.invariants import order_checks as orders
from sandbox.invariants import system_checks as system
from sandbox.invariants.facts import Facts


class Promise(IntEnum):
    """The promises by their numbers in docs/proof.md."""

    NOTHING_LOST = 1
    EXACTLY_ONCE = 2
    SAME_ON_BOTH_SIDES = 3
    MONEY_IS_EXACT = 4
    NOTHING_UNVERIFIED = 5
    CLEAR_REFUSALS = 6


class Invariant(NamedTuple):
    """A check: it yields the evidence against its promise."""

    name: str
    promise: Promise
    check: Callable[[Facts], Iterable[str]]


class Violation(NamedTuple):
    """A broken invariant with its evidence."""

    invariant: Invariant
    evidence: str

    def __str__(self) -> str:
        return f"{self.invariant.name} (promise {self.invariant.promise:d}): {self.evidence}"


INVARIANTS = (
    Invariant("both sides have every order", Promise.SAME_ON_BOTH_SIDES, orders.both_sides_have_it),
    Invariant("the status is the same on both sides", Promise.SAME_ON_BOTH_SIDES, orders.statuses_agree),
    Invariant("one ship request per paid order", Promise.EXACTLY_ONCE, orders.one_ship_request_per_order),
    Invariant("an order shows its ship request", Promise.EXACTLY_ONCE, orders.ship_requests_are_known),
    Invariant("each payment is booked once", Promise.EXACTLY_ONCE, orders.payments_booked_once),
    Invariant("each refund is booked once", Promise.EXACTLY_ONCE, orders.refunds_booked_once),
    Invariant("paid less refunded = ledger", Promise.MONEY_IS_EXACT, orders.ledger_is_paid_less_refunded),
    Invariant("points add up", Promise.MONEY_IS_EXACT, system.points_add_up),
    Invariant("no effect is pending", Promise.SAME_ON_BOTH_SIDES, orders.no_effect_is_pending),
    Invariant("no effect failed permanently", Promise.SAME_ON_BOTH_SIDES, orders.no_effect_failed_permanently),
    Invariant("unpaid orders expire", Promise.SAME_ON_BOTH_SIDES, orders.unpaid_orders_expire),
    Invariant("the day's statement agrees", Promise.SAME_ON_BOTH_SIDES, system.statement_agrees),
    Invariant("no dead letters", Promise.NOTHING_LOST, system.no_dead_letters),
    Invariant("nothing is under way", Promise.NOTHING_LOST, system.nothing_under_way),
    Invariant("forged notifications are rejected", Promise.NOTHING_UNVERIFIED, system.forgeries_rejected),
    Invariant("members stay logged in", Promise.NOTHING_UNVERIFIED, system.members_stay_logged_in),
    Invariant("no secret in plain text", Promise.NOTHING_UNVERIFIED, system.no_secret_in_plain_text),
    Invariant("every refusal is a clear error", Promise.CLEAR_REFUSALS, system.answers_are_clear),
    Invariant("no invocation failed", Promise.CLEAR_REFUSALS, system.no_invocation_failed),
)


def violations(facts: Facts) -> list[Violation]:
    """Return every violation of every invariant."""
    return [Violation(invariant, evidence) for invariant in INVARIANTS for evidence in invariant.check(facts)]
