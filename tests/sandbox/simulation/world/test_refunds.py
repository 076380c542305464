"""Refunds that the platform does not make at once, in the whole system on virtual time."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from jiuwu.orders.order import Order, Status
from jiuwu.platform.profile.contract import RefundStatus
from sandbox.simulation.world.actors import Member, Merchant
from sandbox.simulation.world.world import MERCHANT_KEY, World
from tests.sandbox.simulation.world_rig import DAY, HOUR, TEA, advance, dead_letter_reasons, order

PRICE = 3990


def bought(world: World, lan: Member) -> str:
    number = lan.place("k", TEA)
    world.platform.actions.pay(number)
    advance(world, 120)
    return number


def begin_as(world: World, status: RefundStatus) -> None:
    world.platform.state.config = replace(world.platform.state.config, refunds_begin_as=status)


def end(world: World, number: str, status: RefundStatus) -> Order:
    """The latest refund of the order ends so, and a while passes."""
    refund = world.platform.state.orders.get(number).refunds[-1]
    world.platform.actions.refund_becomes(number, refund.refund_id, status)
    advance(world, HOUR)
    return order(world, number)


def refund_calls(world: World) -> int:
    return world.calls.counts["platform", "refunds.create"]


def back_office(world: World, number: str) -> dict[str, Any]:
    reply = world.http("GET", f"/merchant/orders/{number}", authorization=f"Bearer {MERCHANT_KEY}")
    shown: dict[str, Any] = json.loads(reply["body"])
    return shown


@pytest.mark.parametrize("notified", [True, False], ids=["notified", "by schedule alone"])
def test_a_refund_at_the_console_counts_only_once_it_succeeds(world: World, lan: Member, *, notified: bool) -> None:
    number = bought(world, lan)
    begin_as(world, "processing")
    if not notified:
        world.platform.notifier.emit = lambda *_: None  # type: ignore[method-assign]
    world.platform.actions.refund(number)
    advance(world, HOUR)
    shown = lan.get_order(number)

    assert ("shipped", "39.90", "退款处理中") == (shown["status"], shown["refunding"], shown["timeline"][-1]["what"])
    assert (Status.SHIPPED, PRICE) == ((failed := end(world, number, "failed")).status, failed.balance_fen)
    assert "退款未成功，请联系商家" == lan.get_order(number)["timeline"][-1]["what"]
    begin_as(world, "succeeded")
    world.platform.actions.refund(number)
    advance(world, HOUR)
    assert (Status.REFUNDED, 0) == (order(world, number).status, order(world, number).balance_fen)


def test_a_refund_under_way_is_requested_once_in_a_day(world: World, lan: Member) -> None:
    number = bought(world, lan)
    begin_as(world, "processing")
    Merchant(world).refund("r1", number, 100)
    advance(world, DAY)

    assert 1 == refund_calls(world)
    assert "processing" == back_office(world, number)["effects"][-1]["state"]
    assert (PRICE - 100, Status.SHIPPED) == ((made := end(world, number, "succeeded")).balance_fen, made.status)


def test_a_refund_that_the_reply_calls_failed_can_be_requested_again(world: World, lan: Member) -> None:
    number = bought(world, lan)
    begin_as(world, "failed")
    Merchant(world).refund("r1", number, 100)
    advance(world, DAY)
    failed = back_office(world, number)
    begin_as(world, "succeeded")
    Merchant(world).refund("r2", number, 100)
    advance(world, HOUR)

    assert ("failed", PRICE) == (failed["effects"][-1]["state"], failed["refundable_fen"])
    assert ["RefundFailed"] == [reason.partition(":")[0] for reason in dead_letter_reasons(world)]
    assert (PRICE - 100, 2) == (order(world, number).balance_fen, refund_calls(world))
