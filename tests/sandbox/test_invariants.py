"""The demo's verdict must be able to fail: each broken promise, by hand, is found and named."""

from collections import Counter
from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.order import Effect, Entry, Line, Order, Status
from sandbox.invariants import Facts, Remote, judge, same

SHIPPED = Order(
    order_no="JW1",
    member_id="mb_1",
    open_id="ou_1",
    lines=(Line("P1", "茶", 1, 1234),),
    amount_fen=1234,
    fingerprint="f",
    created_at=1,
    status=Status.SHIPPED,
    ledger=(Entry("TX1", 1234, 1),),
)
THERE = Remote("shipped", {"TX1": 1234}, {})
KEPT = Facts(
    local={"JW1": SHIPPED},
    remote={"JW1": THERE},
    ships=("JW1:ship", "JW1:ship"),  # delivered twice by the bus, one effect id: one parcel
    dead={"OrderDeadLetters": 0},
    forged=Counter({401: 3}),
    unsettled={"messages": 0},
)


def test_a_forgery_that_got_no_reply_in_time_breaks_nothing_by_itself() -> None:
    assert [] == judge(replace(KEPT, forged=Counter({0: 1, 401: 2}))).broken


def test_a_run_that_kept_every_promise_passes() -> None:
    assert judge(KEPT).broken == []


def test_an_order_cancelled_before_the_platform_heard_of_it_is_ours_alone() -> None:
    cancelled = replace(SHIPPED, order_no="JW2", status=Status.CANCELLED, ledger=(), platform_order_no="")

    assert judge(replace(KEPT, local={"JW1": SHIPPED, "JW2": cancelled})).broken == []
    assert same(cancelled, None)
    known_there = replace(cancelled, platform_order_no="P2")
    broken = judge(replace(KEPT, local={"JW1": SHIPPED, "JW2": known_there})).broken
    assert broken == ["JW2: we have it (cancelled), the platform does not"]
    assert not same(known_there, None)


@pytest.mark.parametrize(
    ("order", "there"),
    [
        (SHIPPED, replace(THERE, status="completed")),
        (SHIPPED, replace(THERE, payments={"TX1": 1234, "TX2": 1})),
        (replace(SHIPPED, effects=((PushStatus("shipped"), Effect()),)), THERE),
    ],
    ids=["state", "money", "something to be done"],
)
def test_orders_differ_by_state_money_or_what_is_still_to_be_done(order: Order, there: Remote) -> None:
    assert same(SHIPPED, THERE)
    assert not same(order, there)


BROKEN = {
    "not shipped": (replace(KEPT, ships=()), "JW1: shipped, shipped 0 times instead of 1"),
    "shipped twice": (
        replace(KEPT, ships=("JW1:ship", "JW1:ship-again")),
        "JW1: shipped, shipped 2 times instead of 1",
    ),
    "shipped unpaid": (
        replace(KEPT, local={"JW1": replace(SHIPPED, status=Status.PLACED)}),
        "JW1: placed, shipped 1 times instead of 0",
    ),
    "shipped though held": (
        replace(KEPT, local={"JW1": replace(SHIPPED, status=Status.HELD)}),
        "JW1: held, shipped 1 times instead of 0",
    ),
    "a parcel without an order": (replace(KEPT, ships=("JW1:ship", "JW9:ship")), "JW9: shipped, and no such order"),
    "booked twice": (
        replace(KEPT, local={"JW1": replace(SHIPPED, ledger=SHIPPED.ledger * 2)}),
        "JW1: TX1 booked 2 times",
    ),
    "not booked": (replace(KEPT, local={"JW1": replace(SHIPPED, ledger=())}), "JW1: TX1 booked 0 times"),
    "booked out of thin air": (
        replace(KEPT, remote={"JW1": replace(THERE, payments={})}),
        "JW1: TX1 booked 1 times, unknown at the platform",
    ),
    "a fen short": (
        replace(KEPT, local={"JW1": replace(SHIPPED, ledger=(Entry("TX1", 1233, 1),))}),
        "JW1: the ledger says 1233 fen, the platform 1234 fen",
    ),
    "states differ": (replace(KEPT, remote={"JW1": replace(THERE, status="paid")}), "JW1: shipped here, paid there"),
    "missing here": (
        replace(KEPT, remote={"JW1": THERE, "JW2": Remote("created", {}, {})}),
        "JW2: the platform has it (created), we do not",
    ),
    "missing there": (replace(KEPT, remote={}), "JW1: we have it (shipped), the platform does not"),
    "never placed": (
        replace(
            KEPT, local={"JW1": SHIPPED, "JW3": replace(SHIPPED, order_no="JW3", status=Status.CREATED, ledger=())}
        ),
        "JW3: we have it (created), the platform does not",
    ),
    "a dead letter": (replace(KEPT, dead={"OrderDeadLetters": 2}), "OrderDeadLetters: 2"),
    "a message under way": (replace(KEPT, unsettled={"messages": 1}), "still under way: 1 messages"),
    "a forgery let in": (replace(KEPT, forged=Counter({200: 1})), "1 forged notifications got HTTP 200"),
    "a forgery that broke us": (replace(KEPT, forged=Counter({500: 1})), "1 forged notifications got HTTP 500"),
    "an error page": (replace(KEPT, errors=("callback: 500",)), "not an answer a member should see: callback: 500"),
}


@pytest.mark.parametrize(("facts", "finding"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_promise_is_found_and_named(facts: Facts, finding: str) -> None:
    verdict = judge(facts)
    assert finding in verdict.broken
    assert not verdict.kept
