"""Members, merchant and platform act in any order, processes crash, calls fail: at rest a simple model holds.

The model knows only what was done at the platform: which payments there were, and whether an order was cancelled or
given back. What must be true of money, points, parcels and states follows from that.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from jiuwu.members.accounts import member_id_for
from jiuwu.orders.effect_key import RefundAll
from jiuwu.orders.order import Order, Status
from jiuwu.platform.profile.contract import RefundStatus
from jiuwu.points.ledger import PointsLedger
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Merchant, Refused
from sandbox.simulation.world.world import APP_ID
from sandbox.simulator import events
from sandbox.simulator.deliveries import under_new_id
from sandbox.simulator.faults import CallFaults, Faults
from sandbox.simulator.refusals import Refused as RefusedThere
from tests.proof.crash_points.scenarios import HOUR
from tests.proof.promises import broken
from tests.proof.stage import ITEMS, PRICE_FEN, CrashPoint, Stage, stage

SENT = (Status.SHIPPED, Status.COMPLETED)
OVER = (Status.CANCELLED, Status.REFUNDED)
# Enough for two orders of three.
GRANTED = 2000
# A gift card's part of an order, and what is missing then.
PART = 1000
REST = 2 * PRICE_FEN - PART
orders = st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.model)))
phases = st.sampled_from(["before", "after"])


@dataclass
class Known:
    """What was done at the platform to one order."""

    payments: list[int] = field(default_factory=list)
    touched: bool = False  # cancelled or expired, or money asked back: then it need not be sent


class OrderLifecycles(RuleBasedStateMachine):
    """A world, and the model of what was done in it."""

    def __init__(self) -> None:
        super().__init__()
        self.ending = contextlib.ExitStack()
        self.stage: Stage = self.ending.enter_context(stage())
        self.stage.watching = True
        self.model: dict[str, Known] = {}
        self.trouble: Phase | None = None
        self.telling, self.unsent = "at once", list[events.Event]()
        self.stage.world.calls.on_call = self.on_call
        self.emit, self.stage.world.platform.notifier.emit = self.stage.world.platform.notifier.emit, self.emit_and_note  # type: ignore[method-assign]
        self.members = [self.stage.lan, Member(self.stage.world, "ou_zimo")]
        for member in self.members:
            member.log_in()
            Merchant(self.stage.world).grant_points("welcome", member_id_for(APP_ID, member.open_id), GRANTED)

    def on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        """Crash, and fail calls of the platform that meet the network's troubles."""
        self.stage.on_call(service, operation, phase, request)
        if service == "platform" and phase == self.trouble and self.stage.world.running:
            self.trouble = None
            raise httpx.ConnectError("no connection") if phase == "before" else httpx.ReadTimeout("no reply")

    def emit_and_note(self, event: events.Event, url: str = "") -> None:
        """The platform's notification, unless it is one of those that come later or never."""
        if self.telling == "at once":
            self.emit(event, url)
        elif self.telling == "later":
            self.unsent.append(event)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────

    @rule(who=st.integers(0, 1), key=st.integers(1, 3))
    def buy(self, who: int, key: int) -> None:
        self.model.setdefault(self.stage.retry(lambda: self.members[who].place(f"key-{key}", ITEMS)), Known())

    @rule(who=st.integers(0, 1), key=st.integers(4, 6))
    def buy_for_points(self, who: int, key: int) -> None:
        with contextlib.suppress(Refused):  # not points enough
            place = partial(self.members[who].place, f"key-{key}", ITEMS, pay_with="points")
            self.model.setdefault(self.stage.retry(place), Known())

    @precondition(lambda self: self.model)
    @rule(number=orders, amount=st.sampled_from([None, None, None, 1, PART, PART, REST]), again=st.booleans())
    def pay(self, number: str, amount: int | None, *, again: bool) -> None:
        known = self.model[number]
        if amount is None and self.costs_points(number):
            return  # the platform has taken it by itself; nobody pays 0.00 again
        transaction = f"{number[-8:]}-{len(known.payments)}" if again else None
        there = self.stage.world.platform.state.orders.find(number)
        known.touched |= there is not None and there.status == "cancelled"  # it expired: the money comes late
        with contextlib.suppress(RefusedThere):
            paid = self.stage.world.platform.actions.pay(number, amount, transaction, force=again)
            known.payments.append(paid.payments[-1].amount_fen)

    @precondition(lambda self: self.model)
    @rule(number=orders)
    def cancel_there(self, number: str) -> None:
        if self.costs_points(number):
            return  # it is paid as it is created: cancelled later, it is one for a person, as if money had been paid
        with contextlib.suppress(RefusedThere):
            self.stage.world.platform.actions.cancel(number, "timeout")
            self.model[number].touched = True

    @precondition(lambda self: self.model)
    @rule(number=orders)
    def cancel_here(self, number: str) -> None:
        self.model[number].touched = True
        mine = next(one for one in self.members if one.open_id == self.stage.orders()[number].open_id)
        with contextlib.suppress(Refused):
            self.stage.retry(lambda: mine.cancel(number))

    @precondition(lambda self: self.model)
    @rule(number=orders, fen=st.sampled_from([None, 1, 100]))
    def refund_there(self, number: str, fen: int | None) -> None:
        with contextlib.suppress(RefusedThere):
            self.model[number].touched = True
            self.stage.world.platform.actions.refund(number, fen)

    @precondition(lambda self: self.model)
    @rule(number=orders, fen=st.sampled_from([None, 100]), key=st.integers(1, 2))
    def refund_here(self, number: str, fen: int | None, key: int) -> None:
        body = {"reason": "returned"} | ({"amount_fen": fen} if fen else {})
        self.model[number].touched = True
        with contextlib.suppress(Refused):
            self.stage.merchant(f"/orders/{number}/refunds", f"{number}-{key}-{fen}", body)

    @rule(status=st.sampled_from(["succeeded", "processing", "failed"]))
    def refunds_begin_as(self, status: RefundStatus) -> None:
        state = self.stage.world.platform.state
        state.config = msgspec.structs.replace(state.config, refunds_begin_as=status)

    @precondition(lambda self: self.model)
    @rule(number=orders, status=st.sampled_from(["succeeded", "processing", "failed"]))
    def refund_becomes(self, number: str, status: RefundStatus) -> None:
        """The latest that gave nothing back yet; the platform may think better of one that failed."""
        order = self.stage.world.platform.state.orders.find(number)
        open_ = [refund for refund in (order.refunds if order else ()) if refund.status != "succeeded"]
        if open_:
            self.model[number].touched = True
            with contextlib.suppress(RefusedThere):
                self.stage.world.platform.actions.refund_becomes(number, open_[-1].refund_id, status)

    @precondition(lambda self: self.model)
    @rule(number=orders)
    def complete(self, number: str) -> None:
        with contextlib.suppress(RefusedThere):
            self.stage.world.platform.actions.complete(number)

    @precondition(lambda self: any(known.payments for known in self.model.values()))
    @rule(number=orders, renamed=st.booleans())
    def tell_again(self, number: str, *, renamed: bool) -> None:
        order = self.stage.world.platform.state.orders.find(number)
        if order and order.payments:
            event = events.paid(order, order.payments[0])
            self.emit(under_new_id(event, self.stage.world.clock.now) if renamed else event)

    # ── what happens to them ─────────────────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([1, 30, 200, 2000, 8000]))
    def time_passes(self, seconds: int) -> None:
        self.stage.advance(seconds)

    @rule(calls=st.integers(1, 20), phase=phases)
    def a_process_will_crash(self, calls: int, phase: Phase) -> None:
        self.stage.crash_points = (*self.stage.crash_points, CrashPoint(len(self.stage.watched) + calls, phase))

    @rule(phase=phases)
    def a_call_will_fail(self, phase: Phase) -> None:
        self.trouble = phase

    @rule(telling=st.sampled_from(["at once", "later", "never"]))
    def notifications_come(self, telling: str) -> None:
        self.telling = telling

    @precondition(lambda self: self.unsent)
    @rule(dice=st.randoms(use_true_random=False))
    def what_was_not_told_comes_in_any_order(self, dice: Random) -> None:
        dice.shuffle(self.unsent)
        while self.unsent:
            self.emit(self.unsent.pop())

    @rule(faults=st.sampled_from([CallFaults(), CallFaults(rate_limited=0.3, server_error=0.3, lost_reply=0.2)]))
    def the_platform_misbehaves_or_recovers(self, faults: CallFaults) -> None:
        self.stage.world.platform.state.faults = Faults(calls=faults)

    def costs_points(self, number: str) -> bool:
        return bool(self.stage.orders()[number].points)

    # ── what must be true ────────────────────────────────────────────────────────────────────────────────────────────

    def teardown(self) -> None:
        """Everything works again, time passes, and the model is asked."""
        with self.ending:
            self.stage.watching, self.trouble = False, None
            self.stage.world.platform.state.faults = Faults()
            while self.unsent:
                self.emit(self.unsent.pop())
            self.telling = "at once"
            self.end_refunds()
            self.stage.world.errors.clear()  # a task that met the network's troubles fails, and comes again
            self.stage.advance(6 * HOUR)
            self.ask_again_for_what_failed()
            assert [] == broken(self.stage)
            for number, known in self.model.items():
                assert "" == wrong(self.stage.orders()[number], self.with_points(number, known)), number
            for member in self.members:
                assert "" == self.wrong_points(member_id_for(APP_ID, member.open_id))

    def end_refunds(self) -> None:
        """Those under way succeed, and all others are made at once."""
        platform = self.stage.world.platform
        platform.state.config = msgspec.structs.replace(platform.state.config, refunds_begin_as="succeeded")
        for order in list(platform.state.orders):
            for refund in order.refunds:
                if refund.status == "processing":
                    platform.actions.refund_becomes(order.number, refund.refund_id, "succeeded")

    def ask_again_for_what_failed(self) -> None:
        """A person asks for what was to go back anyway: a second or a late payment whose refund failed."""
        for number, order in self.stage.orders().items():
            whole = {one.ref: order.effect(RefundAll(one.ref)) for one in order.payments}
            refs = [ref for ref, effect in whole.items() if effect and effect.refund_failed]
            if fen := sum(order.refundable_fen(ref) for ref in refs):
                self.stage.merchant(f"/orders/{number}/refunds", "again", {"reason": "again", "amount_fen": fen})
        self.stage.advance(2 * HOUR)

    def with_points(self, number: str, known: Known) -> Known:
        """The same, and the payment of nothing with which the platform takes an order for points."""
        there = self.stage.world.platform.state.orders.find(number)
        nothing = [0] if there and not there.request.amount_fen and there.payments else []
        return replace(known, payments=[*nothing, *known.payments])

    def wrong_points(self, member_id: str) -> str:
        """What contradicts the model: a member has what was granted, less what the orders cost that are not over."""
        orders = [order for order in self.stage.orders().values() if order.member_id == member_id]
        left = GRANTED - sum(order.points for order in orders if order.status not in OVER)
        audit = PointsLedger(self.stage.world.account.client("dynamodb"), "PointsTable").audit(member_id)
        return "" if audit.adds_up and audit.balance == left else f"{audit}, and {left} should be left"


def wrong(order: Order, known: Known) -> str:
    """What contradicts the model."""
    whole = sum(known.payments) >= order.amount_fen
    if sorted(known.payments) != sorted(entry.fen for entry in order.payments):
        return f"paid {known.payments}, booked {order.payments}"
    if order.status in OVER and order.balance_fen:
        return f"{order.status}, and {order.balance_fen} fen are still here"
    if order.status in SENT and not whole:
        return f"{order.status} for {known.payments}"
    if order.status is not Status.HELD and order.balance_fen > order.amount_fen:
        return f"{order.balance_fen} fen are kept"
    if whole and order.amount_fen and not known.touched and order.status not in SENT:
        return f"paid, and {order.status}"
    return ""


def test_whatever_happens_a_simple_model_holds_at_rest() -> None:
    run_state_machine_as_test(
        OrderLifecycles, settings=settings(max_examples=10, stateful_step_count=12, derandomize=True)
    )


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_whatever_happens_in_long_lifecycles_a_simple_model_holds_at_rest() -> None:
    run_state_machine_as_test(OrderLifecycles, settings=settings(max_examples=50, stateful_step_count=25))
