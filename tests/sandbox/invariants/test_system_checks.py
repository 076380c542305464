"""Each check beside the orders can fail: broken by hand, its invariant is named with the evidence."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.orders.order import HoldReason, Status
from sandbox.invariants.checks import INVARIANTS, violations
from sandbox.invariants.facts import Facts, MemberGrant, PointsBalance
from tests.sandbox.invariants import test_order_checks
from tests.sandbox.invariants.kept import KEPT, SHIPPED, THERE, found

STATEMENT = {
    "complete": True,
    "problems": [],
    "orders_differing": 0,
    "total": {
        "here": {"orders": 1, "paid_fen": 1234, "refunded_fen": 0},
        "there": {"orders": 1, "paid_fen": 1234, "refunded_fen": 0},
    },
}


def with_statement(**changes: Any) -> Facts:
    return replace(KEPT, statement=STATEMENT | changes)


def with_grant(status: str = "active", *, accepted: bool = True, expires_at: float = 2.0) -> Facts:
    return replace(KEPT, grants={"mb_1": MemberGrant(status, accepted, expires_at)}, now=1.0)


def totals(**there: int) -> dict[str, dict[str, int]]:
    both: dict[str, dict[str, int]] = STATEMENT["total"]  # type: ignore[assignment]
    return {"here": both["here"], "there": both["there"] | there}


BROKEN = {
    "a dead letter": (replace(KEPT, dead_letters={"OrderDeadLetters": 2}), "no dead letters", "OrderDeadLetters: 2"),
    "a message under way": (replace(KEPT, unsettled={"messages": 1}), "nothing is under way", "1 messages"),
    "a forgery let in": (
        replace(KEPT, forged=Counter({200: 1})),
        "forged notifications are rejected",
        "1 forged notifications got HTTP 200",
    ),
    "a forgery that broke us": (
        replace(KEPT, forged=Counter({500: 1})),
        "forged notifications are rejected",
        "1 forged notifications got HTTP 500",
    ),
    "an error page": (
        replace(KEPT, errors=("callback: 500",)),
        "every refusal is a clear error",
        "callback: 500",
    ),
    "an invocation that failed": (
        replace(KEPT, failed_invocations={"Storefront, KeyError": 2}),
        "no invocation failed",
        "Storefront, KeyError: 2 times",
    ),
    "points that do not add up": (
        replace(KEPT, points={"ou_1": PointsBalance(5, 6)}),
        "points add up",
        "ou_1: 5 points, the entries add up to 6",
    ),
    "points below zero": (
        replace(KEPT, points={"ou_1": PointsBalance(-1, -1)}),
        "points add up",
        "ou_1: -1 points, the entries add up to -1",
    ),
    "a member logged out": (with_grant("revoked"), "members stay logged in", "mb_1: the grant is revoked"),
    "tokens refused": (
        with_grant(accepted=False),
        "members stay logged in",
        "mb_1: the platform does not accept the tokens",
    ),
    "a token not renewed": (
        with_grant(expires_at=1.0),
        "members stay logged in",
        "mb_1: the access token has expired and was not renewed",
    ),
    "a secret in a table": (
        replace(KEPT, texts={"MembersTable": "… at_1 …"}, secrets=frozenset({"at_1"})),
        "no secret in plain text",
        "a secret stands in MembersTable",
    ),
    "no statement": (replace(KEPT, statement={}), "the day's statement agrees", "there is no statement"),
    "a statement with other sums": (
        with_statement(total=totals(paid_fen=1235)),
        "the day's statement agrees",
        "the statement counts paid_fen 1234 here, 1235 there",
    ),
    "a statement that is not complete": (
        with_statement(complete=False, problems=["PlatformBusy"]),
        "the day's statement agrees",
        "the statement is not complete: ['PlatformBusy']",
    ),
    "a statement that names an order that is not held": (
        with_statement(orders_differing=1),
        "the day's statement agrees",
        "the statement has 1 orders that differ; 0 are held",
    ),
    "a statement that lacks an order": (
        with_statement(total=totals(orders=0)),
        "the day's statement agrees",
        "the statement has 0 orders; there are 1",
    ),
}


@pytest.mark.parametrize(("facts", "invariant", "evidence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_invariant_is_named_with_its_evidence(facts: Facts, invariant: str, evidence: str) -> None:
    assert [evidence] == found(facts)[invariant]


HELD = replace(SHIPPED, status=Status.HELD, hold_reason=HoldReason.DIFFERS, effects=())
ALLOWED = {
    "a forgery that got no reply in time": replace(KEPT, forged=Counter({0: 1, 401: 2})),
    "a statement that names a held order": replace(
        with_statement(orders_differing=1),
        local={"JW1": HELD},
        remote={"JW1": replace(THERE, status="paid")},
        ship_requests=(),
    ),
    "points that add up": replace(KEPT, points={"ou_1": PointsBalance(5, 5)}),
    "a member who is logged in": with_grant(),
    "a text without a secret": replace(KEPT, texts={"MembersTable": "…"}, secrets=frozenset({"at_1"})),
}


@pytest.mark.parametrize("facts", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_right_all_the_same_breaks_nothing(facts: Facts) -> None:
    assert [] == violations(facts)


def test_every_invariant_is_broken_once() -> None:
    broken = {invariant for _, invariant, _ in [*test_order_checks.BROKEN.values(), *BROKEN.values()]}

    assert {one.name for one in INVARIANTS} == broken
