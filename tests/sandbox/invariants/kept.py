"""A run that kept every promise, for tests to break."""

from collections import Counter

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.order import Effect, Entry, Line, Order, Status
from sandbox.invariants.checks import violations
from sandbox.invariants.facts import Facts, RemoteOrder

SHIPPED = Order(
    order_no="JW1",
    member_id="mb_1",
    open_id="ou_1",
    lines=(Line("P1", "茶", 1, 1234),),
    amount_fen=1234,
    fingerprint="f",
    created_at=1,
    status=Status.SHIPPED,
    platform_order_no="95",
    ledger=(Entry("TX1", 1234, 1),),
    effects=((Ship(), Effect(done_at=2)),),
)
THERE = RemoteOrder("shipped", {"TX1": 1234}, {})
KEPT = Facts(
    local={"JW1": SHIPPED},
    remote={"JW1": THERE},
    ship_requests=("JW1:ship", "JW1:ship"),  # delivered twice by the bus, one effect id: one shipment
    dead_letters={"OrderDeadLetters": 0},
    forged=Counter({401: 3}),
    unsettled={"messages": 0},
    expiry_passed=True,
)


def found(facts: Facts) -> dict[str, list[str]]:
    """Return the evidence against each broken invariant, by its name."""
    evidence: dict[str, list[str]] = {}
    for one in violations(facts):
        evidence.setdefault(one.invariant.name, []).append(one.evidence)
    return evidence
