"""Ordering for the merchant's own points, with the local AWS and a platform in this process."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jiuwu.orders.effect_key import ReturnPoints, Ship, SpendPoints
from jiuwu.orders.ids import order_no_for
from jiuwu.points.ledger import LedgerBusy
from tests.functions.both_sides import NOW, Sides
from tests.functions.platform_stand_in import down, lost, refuses, unheard
from tests.functions.storefront_requests import TEA, items
from tests.functions.storefront_rig import Answer, Customer

FOR_POINTS = TEA | {"pay_with": "points"}  # two teas of 300 points each


@pytest.fixture
def rich(lan: Customer, sides: Sides) -> Customer:
    """Lan with a thousand points."""
    sides.ledger.grant(lan.member_id, "welcome", 1000, at=NOW)
    return lan


def buy(customer: Customer, key: str = "key-1", body: object = FOR_POINTS) -> Answer:
    return customer.buy(key=key, body=body)


def test_an_order_for_points_costs_no_money_and_is_paid_as_it_is_placed(rich: Customer, sides: Sides) -> None:
    answer = buy(rich)

    there, here = sides.platform.orders[answer.order_no], sides.order(answer.order_no)
    assert (201, "paid", 0, "0.00", 600) == (
        answer.status,
        answer.body["status"],
        answer.body["amount_fen"],
        answer.body["amount"],
        answer.body["points"],
    )
    assert (0, "paid", [0]) == (
        there.request.amount_fen,
        there.status,
        [item.price_fen for item in there.request.items],
    )
    assert (Ship(), SpendPoints()) == here.pending
    assert "pay_url" not in answer.body
    assert 400 == sides.ledger.balance(rich.member_id)


def test_the_same_request_again_reserves_nothing_more(rich: Customer, sides: Sides) -> None:
    first, again = buy(rich), buy(rich)

    assert (201, 200, first.body) == (first.status, again.status, again.body)
    assert 400 == sides.ledger.balance(rich.member_id)


def test_who_has_too_few_points_hears_so_and_pays_nothing(rich: Customer, sides: Sides) -> None:
    buy(rich)

    answer = buy(rich, "key-2")

    assert 422 == answer.status
    assert ("points_short", "pay_with") == (answer.body["reason"], answer.body["field"])
    assert "积分不足" in answer.body["message"]
    assert (400, 1) == (sides.ledger.balance(rich.member_id), sides.platform.count("orders.create"))


def test_an_order_without_the_points_is_cancelled_and_its_key_is_used_up(lan: Customer, sides: Sides) -> None:
    refused = buy(lan)
    sides.ledger.grant(lan.member_id, "welcome", 1000, at=NOW)

    again, another = buy(lan), buy(lan, "key-2")

    assert [422, 422, 201] == [refused.status, again.status, another.status]
    assert (400, {another.order_no}) == (sides.ledger.balance(lan.member_id), set(sides.platform.orders))


@pytest.mark.parametrize("other", [TEA, items({"product_id": "tea", "quantity": 2})])
def test_a_key_is_good_for_points_or_for_money(rich: Customer, other: object) -> None:
    buy(rich)

    answer = rich.buy(body=other)

    assert (409, "idempotency_key_reused") == (answer.status, answer.body["reason"])


def test_what_has_no_price_in_points_is_not_sold_for_points(rich: Customer, sides: Sides) -> None:
    body = {"items": [*TEA["items"], {"product_id": "gift", "quantity": 1}], "pay_with": "points"}

    answer = buy(rich, body=body)

    assert (422, "not_for_points", "items[1].product_id") == (
        answer.status,
        answer.body["reason"],
        answer.body["field"],
    )
    assert 1000 == sides.ledger.balance(rich.member_id)


@pytest.mark.parametrize(
    ("points", "reason"),
    [("0", "not_for_points"), ("", "not_for_points"), ("1.5", "not_for_sale"), ("-3", "not_for_sale")],
)
def test_a_price_in_points_is_a_whole_number_above_zero(rich: Customer, sides: Sides, points: str, reason: str) -> None:
    product = sides.sell("odd", "怪", "100", points=points)

    answer = buy(rich, body={"items": [{"product_id": product, "quantity": 1}], "pay_with": "points"})

    assert (422, reason) == (answer.status, answer.body["reason"])


@pytest.mark.parametrize("pay_with", ["gold", "", None, 7, ["points"], "POINTS"])
def test_another_way_to_pay_is_refused_by_its_name(rich: Customer, pay_with: object) -> None:
    answer = buy(rich, body=TEA | {"pay_with": pay_with})

    assert (400, "pay_with") == (answer.status, answer.body["field"])


def test_more_points_than_there_can_be_are_too_dear(rich: Customer, sides: Sides) -> None:
    product = sides.sell("sun", "太阳", "100", points="900000000")

    answer = buy(rich, body={"items": [{"product_id": product, "quantity": 2}], "pay_with": "points"})

    assert (422, "amount_too_large") == (answer.status, answer.body["reason"])


def test_one_press_sent_many_times_at_once_reserves_once(rich: Customer, sides: Sides) -> None:
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: buy(rich), range(12)))

    assert {200, 201, 202} >= {answer.status for answer in answers}
    assert 1 == len({answer.order_no for answer in answers})
    assert 400 == sides.ledger.balance(rich.member_id)


def test_of_two_orders_at_once_only_what_the_points_allow_is_placed(rich: Customer, sides: Sides) -> None:
    with ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda n: buy(rich, f"key-{n}"), range(4)))

    assert [201, 422, 422, 422] == sorted(answer.status for answer in answers)
    assert (1, True) == (len(sides.platform.orders), sides.ledger.audit(rich.member_id).adds_up)


# ── Looking at points ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_sees_the_balance_and_what_moved_it(rich: Customer) -> None:
    order_no = buy(rich).order_no

    answer = rich.ask("GET", "/points")

    assert (200, 400) == (answer.status, answer.body["balance"])
    reserved = {"points": -600, "what": "下单预留", "at": NOW, "order_no": order_no, "order_points": 600}
    assert reserved | {"state": "reserved"} in answer.body["entries"]


def test_what_came_back_shows_and_what_was_never_taken_does_not(rich: Customer, sides: Sides) -> None:
    sides.ledger.reserve(rich.member_id, "JW1", 600, at=NOW)
    sides.ledger.give_back(rich.member_id, "JW1", at=NOW + 9)
    sides.ledger.give_back(rich.member_id, "JW2", at=NOW)

    entries = rich.ask("GET", "/points").body["entries"]

    orders = [(entry["order_no"], entry["points"], entry["order_points"]) for entry in entries if "order_no" in entry]
    assert [("JW1", 0, 600)] == orders


def test_a_member_sees_no_word_that_the_merchant_wrote_for_himself(rich: Customer, sides: Sides) -> None:
    sides.ledger.grant(rich.member_id, "crm-ticket-4711", 5, at=NOW, reason="投诉补偿，此人很难缠")
    sides.ledger.grant(rich.member_id, "crm-ticket-4712", -3, at=NOW, reason="误发，收回")

    answer = rich.ask("GET", "/points")

    shown = {key for entry in answer.body["entries"] for key in entry}
    assert {"points", "what", "at"} == shown
    assert not [word for word in ("crm", "难缠", "误发") if word in json.dumps(answer.body, ensure_ascii=False)]


def test_points_are_shown_to_who_is_logged_in(lan: Customer) -> None:
    assert 401 == lan.ask("GET", "/points", session=None).status


# ── When the platform is not there ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [down, unheard, refuses(90000)])
def test_points_stay_reserved_while_the_platform_is_not_there_and_the_order_is_finished_later(
    rich: Customer, sides: Sides, fault: Any
) -> None:
    sides.platform.fail_always("orders.create", fault)
    waiting = buy(rich)
    sides.platform.heal()

    done = buy(rich)

    assert [(202, "created"), (200, "paid")] == [(one.status, one.body["status"]) for one in (waiting, done)]
    assert 400 == sides.ledger.balance(rich.member_id)


def test_a_lost_reply_reserves_once(rich: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", lost)

    assert (201, "paid") == ((answer := buy(rich)).status, answer.body["status"])
    assert 400 == sides.ledger.balance(rich.member_id)


def test_a_ledger_that_is_busy_leaves_the_order_to_the_reconciler(rich: Customer, sides: Sides) -> None:
    class Busy:
        def reserve(self, *_: object, **__: object) -> None:
            raise LedgerBusy

    rich.shop.platform.__dict__["ledger"] = Busy()

    assert (202, "created", 0) == (
        (answer := buy(rich)).status,
        answer.body["status"],
        sides.platform.count("orders.create"),
    )


def test_an_order_cancelled_before_the_platform_had_it_wants_its_points_back(rich: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)
    order_no = buy(rich).order_no
    sides.platform.heal()

    answer = rich.cancel(order_no)

    assert (200, "cancelled") == (answer.status, answer.body["status"])
    assert (ReturnPoints(),) == sides.order(order_no).pending


def test_a_paid_order_for_points_is_not_cancelled_by_the_member(rich: Customer) -> None:
    assert (409, "already_paid") == ((answer := rich.cancel(buy(rich).order_no)).status, answer.body["reason"])


def test_points_for_an_order_that_the_platforms_review_refuses_are_given_back(rich: Customer, sides: Sides) -> None:
    sides.platform.fail("orders.create", refuses(60001))

    answer = buy(rich)

    assert (422, "content_refused") == (answer.status, answer.body["reason"])
    order = sides.order(order_no_for(rich.member_id, "key-1"))
    assert ("cancelled", (ReturnPoints(),)) == (order.status, order.pending)
