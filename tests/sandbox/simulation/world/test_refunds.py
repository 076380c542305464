"""Refunds that the platform does not make at once, in the whole system on virtual time."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from jiuwu.orders.order import Order, Status
from jiuwu.platform.profile.contract import RefundStatus
from sandbox.simulation.world.actors import Member, Merchant
from sandbox.simulation.world.world import MERCHANT_KEY, Town
from tests.sandbox.simulation.world_rig import DAY, HOUR, TEA, later, letters, order

PRICE = 3990


def bought(here: Town, lan: Member) -> str:
    number = lan.place("k", TEA)
    here.platform.actions.pay(number)
    later(here, 120)
    return number


def begin_as(here: Town, status: RefundStatus) -> None:
    here.platform.world.config = replace(here.platform.world.config, refunds_begin_as=status)


def end(here: Town, number: str, status: RefundStatus) -> Order:
    """The latest refund of the order ends so, and a while passes."""
    refund = here.platform.world.book.get(number).refunds[-1]
    here.platform.actions.refund_becomes(number, refund.refund_id, status)
    later(here, HOUR)
    return order(here, number)


def asked(here: Town) -> int:
    return here.calls.counts["platform", "refunds.create"]


def back_office(here: Town, number: str) -> dict[str, Any]:
    reply = here.http("GET", f"/merchant/orders/{number}", authorization=f"Bearer {MERCHANT_KEY}")
    shown: dict[str, Any] = json.loads(reply["body"])
    return shown


@pytest.mark.parametrize("told", [True, False], ids=["told", "by schedule alone"])
def test_a_refund_at_the_console_is_given_back_only_when_it_succeeds(here: Town, lan: Member, *, told: bool) -> None:
    number = bought(here, lan)
    begin_as(here, "processing")
    if not told:
        here.platform.notifier.emit = lambda *_: None  # type: ignore[method-assign]
    here.platform.actions.refund(number)
    later(here, HOUR)
    shown = lan.look(number)

    assert ("shipped", "39.90", "退款处理中") == (shown["status"], shown["refunding"], shown["timeline"][-1]["what"])
    assert (Status.SHIPPED, PRICE) == ((failed := end(here, number, "failed")).status, failed.balance_fen)
    assert "退款未成功，请联系商家" == lan.look(number)["timeline"][-1]["what"]
    begin_as(here, "succeeded")
    here.platform.actions.refund(number)
    later(here, HOUR)
    assert (Status.REFUNDED, 0) == (order(here, number).status, order(here, number).balance_fen)


def test_a_refund_under_way_is_asked_for_once_in_a_day(here: Town, lan: Member) -> None:
    number = bought(here, lan)
    begin_as(here, "processing")
    Merchant(here).refund("r1", number, 100)
    later(here, DAY)

    assert 1 == asked(here)
    assert "processing" == back_office(here, number)["effects"][-1]["state"]
    assert (PRICE - 100, Status.SHIPPED) == ((made := end(here, number, "succeeded")).balance_fen, made.status)


def test_a_refund_that_the_reply_calls_failed_is_a_letter_and_can_be_asked_for_again(here: Town, lan: Member) -> None:
    number = bought(here, lan)
    begin_as(here, "failed")
    Merchant(here).refund("r1", number, 100)
    later(here, DAY)
    failed = back_office(here, number)
    begin_as(here, "succeeded")
    Merchant(here).refund("r2", number, 100)
    later(here, HOUR)

    assert ("failed", PRICE) == (failed["effects"][-1]["state"], failed["refundable_fen"])
    assert ["RefundFailed"] == [reason.partition(":")[0] for reason in letters(here)]
    assert (PRICE - 100, 2) == (order(here, number).balance_fen, asked(here))
