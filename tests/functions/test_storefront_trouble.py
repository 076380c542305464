"""The storefront when the platform is not there or knows better, and cancelling."""

import json
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from msgspec import structs

from jiuwu.orders.effect_key import RefundAll
from jiuwu.orders.events import Paid
from jiuwu.orders.order import Status
from sandbox.simulator import orders as platform_orders
from tests.functions.both_sides import NOW, Sides
from tests.functions.platform_stand_in import down, lost, refuses, unheard
from tests.functions.storefront_rig import Customer
from tests.orders.lives import after

# ── Trouble with the platform ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_reply_ends_in_one_order(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", lost)

    assert (201, "placed", 1) == ((answer := lan.buy()).status, answer.body["status"], len(sides.platform.orders))


def test_an_unknown_outcome_is_looked_up_before_anything_is_tried_again(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", unheard, unheard, lost)

    answer = lan.buy()

    assert (201, "placed") == (answer.status, answer.body["status"])
    assert sides.platform.calls == ["orders.create"] * 3 + ["orders.get"]


def test_what_the_platform_certainly_has_not_got_is_tried_once_more(lan: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", unheard, unheard, unheard)

    assert (201, "placed") == ((answer := lan.buy()).status, answer.body["status"])
    assert sides.platform.calls == ["orders.create"] * 3 + ["orders.get", "orders.create"]


@pytest.mark.parametrize("fault", [down, unheard, refuses(90000), refuses(90001), refuses(40001), refuses(12345)])
def test_an_order_is_safe_though_the_platform_is_not_there(lan: Customer, sides: Sides, fault: Any) -> None:
    sides.platform.fail_always("orders.create", fault)

    answer = lan.buy()

    assert (202, "created") == (answer.status, answer.body["status"])
    assert "pay_url" not in answer.body
    assert 0 < sides.order(answer.order_no).due_at <= NOW + 180


def test_an_order_that_the_platforms_review_refuses_is_cancelled_and_says_so_however_often_it_is_requested(
    lan: Customer, sides: Sides
) -> None:
    sides.platform.fail("orders.create", refuses(60001))

    answers = [lan.buy(), lan.buy()]

    assert [(422, "content_refused", "items")] * 2 == [
        (answer.status, answer.body.get("reason"), answer.body.get("field")) for answer in answers
    ]
    assert ({}, 1) == (sides.platform.orders, sides.platform.count("orders.create"))


def test_the_same_request_again_finishes_what_the_platform_could_not_take(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)
    created = lan.buy()
    sides.platform.heal()

    again = lan.buy()

    assert (200, "placed", created.order_no) == (again.status, again.body["status"], again.order_no)


def test_an_order_that_the_platform_has_with_other_content_is_held_and_rings(
    lan: Customer, sides: Sides, capsys: pytest.CaptureFixture[str]
) -> None:
    number = lan.buy().order_no
    there = sides.platform.orders[number]
    sides.platform.orders[number] = replace_amount(there, 1)
    sides.dynamodb.delete_item(TableName=sides.names["ORDERS_TABLE"], Key={"order_no": {"S": number}})

    answer = lan.buy()

    assert "held" == answer.body["status"]
    assert sides.queued == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert ["amount_differs"] == [line["class"] for line in lines if "Drift" in line]


def replace_amount(order: platform_orders.Order, fen: int) -> platform_orders.Order:
    return structs.replace(order, request=structs.replace(order.request, amount_fen=fen))


def test_a_member_whose_link_has_ended_is_asked_to_log_in_again(lan: Customer, sides: Sides) -> None:
    sides.end_link()

    answer = lan.buy()

    assert (401, "reauth_required") == (answer.status, answer.body["reason"])


def test_a_token_that_the_platform_no_longer_takes_asks_for_a_login_and_keeps_the_order(
    lan: Customer, sides: Sides
) -> None:
    sides.platform.fail("orders.create", refuses(30001))
    refused = lan.buy()

    again = lan.buy()

    assert (401, "reauth_required") == (refused.status, refused.body["reason"])
    assert (200, "placed") == (again.status, again.body["status"])


def test_a_table_out_of_reach_is_said_to_be_so(storefront: ModuleType, lan: Customer) -> None:
    class Gone:
        def member_id(self, token: str) -> str:
            raise EndpointConnectionError(endpoint_url="http://dynamodb")

    lan.shop = lan.shop._replace(sessions=Gone())

    answer = lan.buy()

    assert (503, "unavailable", "2") == (answer.status, answer.body["reason"], answer.headers["Retry-After"])


# ── Cancelling ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unpaid_order_is_cancelled_on_both_sides(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no

    answer = lan.cancel(number)

    assert (200, "cancelled") == (answer.status, answer.body["status"])
    assert (sides.platform.orders[number].status, sides.order(number).due_at) == ("cancelled", 0)


def test_cancelling_again_changes_nothing(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    lan.cancel(number)
    requested = len(sides.platform.calls)

    assert (200, requested) == (lan.cancel(number).status, len(sides.platform.calls))


def test_a_payment_that_was_faster_is_taken_and_not_cancelled(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    sides.platform.pay(number)

    answer = lan.cancel(number)

    assert (409, "already_paid", "已支付，不能取消") == (answer.status, answer.body["reason"], answer.body["message"])
    assert sides.order(number).status is Status.PAID
    assert sides.queued == [number]


def test_an_order_known_to_be_paid_is_not_even_asked_about(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, after(order, Paid("e1", NOW, "t1", 1234, NOW)))])

    assert (409, "already_paid") == ((answer := lan.cancel(order.order_no)).status, answer.body["reason"])
    assert sides.platform.count("orders.push_status") == 0


def test_an_order_that_the_platform_never_got_is_cancelled_here(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)
    number = lan.buy().order_no

    assert (200, "cancelled") == ((answer := lan.cancel(number)).status, answer.body["status"])
    assert (sides.order(number).status, sides.platform.orders) == (Status.CANCELLED, {})


def test_a_cancellation_whose_reply_was_lost_is_found_done(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    sides.platform.fail("orders.push_status", lost, unheard, unheard)

    assert (200, "cancelled") == ((answer := lan.cancel(number)).status, answer.body["status"])


@pytest.mark.parametrize("fault", [down, unheard, refuses(90001)])
def test_a_cancellation_that_nobody_can_confirm_is_to_be_repeated_and_looked_into(
    lan: Customer, sides: Sides, fault: Any
) -> None:
    number = lan.buy().order_no
    sides.platform.fail_always("orders.push_status", fault)

    answer = lan.cancel(number)

    assert (503, "cancel_unconfirmed", "2") == (answer.status, answer.body["reason"], answer.headers["Retry-After"])
    assert (sides.order(number).status, sides.order(number).due_at) == (Status.PLACED, NOW)


def test_a_member_may_cancel_what_was_paid_in_part_and_gets_it_back(lan: Customer, sides: Sides) -> None:
    number = lan.buy().order_no
    sides.platform.pay(number, amount=234)

    answer = lan.cancel(number)

    order = sides.order(number)
    assert (200, "cancelled") == (answer.status, answer.body["status"])
    assert ((RefundAll("t1"),), 234) == (order.pending, order.balance_fen)


def test_an_order_held_before_any_money_came_is_not_cancelled(lan: Customer, sides: Sides) -> None:
    order = sides.order(lan.buy().order_no)
    sides.store.save_many([(order, replace(order, status=Status.HELD))])

    assert (409, "not_cancellable") == ((answer := lan.cancel(order.order_no)).status, answer.body["reason"])
