"""An order that the platform could not take, and one that is paid there: what a member's look brings up to date."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.events import Paid
from jiuwu.orders.order import Status
from sandbox.simulator import orders as platform_orders
from tests.functions.both_sides import NOW, Sides
from tests.functions.platform_stand_in import down, lost, refuses, unheard
from tests.functions.storefront_rig import Customer
from tests.orders.lives import after


def ordered_while_down(lan: Customer, sides: Sides) -> str:
    """An order made while the platform was down, and it is back."""
    sides.platform.fail_always("orders.create", down)
    number = lan.buy().order_no
    sides.platform.heal()
    sides.platform.calls.clear()
    return number


def placed(lan: Customer, sides: Sides) -> str:
    """An order on both sides, a minute old."""
    number = lan.buy().order_no
    sides.now = NOW + 60
    sides.platform.calls.clear()
    return number


# ── An order that the platform could not take ─────────────────────────────────────────────────────────────────────────


def test_an_order_not_taken_yet_says_what_to_do_and_when(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", down)

    answer = lan.buy()

    assert (202, "created", "waiting_for_platform", "5") == (
        answer.status,
        answer.body["status"],
        answer.body["reason"],
        answer.headers["Retry-After"],
    )
    assert "正在等待社区确认" in answer.body["message"]
    assert "Idempotency-Key" in answer.body["hint"]


def test_a_look_at_an_order_not_taken_yet_places_it_once_the_platform_is_back(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)

    answer = lan.look(number)

    assert (200, "placed", f"https://pay.example/{number}") == (
        answer.status,
        answer.body["status"],
        answer.body["pay_url"],
    )
    assert (["orders.create"], [number]) == (sides.platform.calls, list(sides.platform.orders))
    assert "hint" not in answer.body


def test_an_order_whose_replies_were_all_lost_is_found_and_not_made_twice(lan: Customer, sides: Sides) -> None:
    sides.platform.fail_always("orders.create", lost)
    sides.platform.fail_always("orders.get", down)
    number = lan.buy().order_no
    sides.platform.heal()

    answer = lan.look(number)

    assert ("placed", [number]) == (answer.body["status"], list(sides.platform.orders))


def test_looks_while_the_platform_is_down_show_the_order_and_ask_once_in_three_seconds(
    lan: Customer, sides: Sides
) -> None:
    sides.platform.fail_always("orders.create", down)
    number = lan.buy().order_no
    sides.platform.calls.clear()

    answers = [lan.look(number) for _ in range(4)]
    requested = sides.platform.count("orders.create")
    sides.now = NOW + 3
    lan.look(number)

    assert {(200, "created", "waiting_for_platform")} == {
        (answer.status, answer.body["status"], answer.body["reason"]) for answer in answers
    }
    assert (3, 6) == (requested, sides.platform.count("orders.create"))  # three attempts of one call


def test_many_looks_at_once_ask_the_platform_once(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)

    with ThreadPoolExecutor(8) as pages:
        answers = list(pages.map(lambda _: lan.look(number), range(16)))

    assert {200} == {answer.status for answer in answers}
    assert 1 == sides.platform.count("orders.create")
    assert "placed" == lan.look(number).body["status"]


def test_a_look_and_the_same_request_at_once_are_one_order(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda n: lan.buy() if n % 2 else lan.look(number), range(16)))

    assert [number] == list(sides.platform.orders)
    assert Status.PLACED is sides.order(number).status


def test_a_look_finds_out_that_the_review_refuses_the_order(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)
    sides.platform.fail("orders.create", refuses(60001))

    assert (200, "cancelled") == ((answer := lan.look(number)).status, answer.body["status"])


def test_a_look_of_a_member_whose_link_has_ended_shows_the_order(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)
    sides.end_link()

    assert (200, "created") == ((answer := lan.look(number)).status, answer.body["status"])


def test_an_order_whose_time_is_over_is_not_placed_by_a_look(lan: Customer, sides: Sides) -> None:
    number = ordered_while_down(lan, sides)
    sides.now = NOW + 1801

    assert ("created", []) == (lan.look(number).body["status"], sides.platform.calls)


@pytest.mark.parametrize(("fault", "tasks"), [(down, 1), (refuses(90001), 1), (None, 0)])
def test_an_order_not_taken_yet_is_handed_to_the_reconciler_once(
    storefront: ModuleType, sides: Sides, make_queue: Callable[[str], str], fault: Any, tasks: int
) -> None:
    lan = Customer(storefront, _with(sides, RECONCILE_QUEUE_URL=make_queue("ReconcileQueue")))
    if fault:
        sides.platform.fail_always("orders.create", fault)

    lan.buy()
    lan.buy()

    assert tasks == waiting(sides)


def waiting(sides: Sides) -> int:
    """How many messages of the reconcile queue wait for their time."""
    name: Any = "ApproximateNumberOfMessagesDelayed"
    url = sides.names["RECONCILE_QUEUE_URL"]
    return int(sides.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def test_an_order_stands_though_the_reconcilers_queue_is_out_of_reach(storefront: ModuleType, sides: Sides) -> None:
    lan = Customer(storefront, _with(sides, RECONCILE_QUEUE_URL=f"{sides.names['EFFECT_QUEUE_URL']}-not-there"))
    sides.platform.fail_always("orders.create", down)

    assert (202, "created") == ((answer := lan.buy()).status, answer.body["status"])


# ── A member who comes back from paying ───────────────────────────────────────────────────────────────────────────────


def test_a_payment_that_no_notification_told_of_yet_is_seen_at_once(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.pay(number)

    answer = lan.look(number)

    assert (200, "paid", ["orders.get"]) == (answer.status, answer.body["status"], sides.platform.calls)
    assert [number] == sides.queued
    assert (Ship(),) == sides.order(number).pending


def test_what_a_look_finds_is_told_apart_from_what_the_reconciler_finds(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.pay(number)
    lan.look(number)

    assert ["storefront:paid:t1"] == [
        line.idempotency_key for line in sides.order(number).history if line.idempotency_key
    ]


def test_the_notification_that_comes_after_a_look_books_nothing(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.pay(number)
    lan.look(number)
    order = sides.order(number)

    assert order == after(order, Paid("e1", NOW + 61, "t1", 1234, NOW + 60))


def test_a_part_of_the_money_waits_for_the_rest_which_the_next_look_sees(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.pay(number, 234)
    short = lan.look(number)
    sides.now += 60
    sides.platform.pay(number, 1000, "t2")

    assert ("held", 1000) == (short.body["status"], short.body["missing_fen"])
    assert "paid" == lan.look(number).body["status"]
    assert (Ship(),) == sides.order(number).pending


def test_looks_at_an_order_nobody_has_paid_ask_once_in_three_seconds_and_more_rarely_with_time(
    lan: Customer, sides: Sides
) -> None:
    number = lan.buy().order_no
    sides.platform.calls.clear()

    for second in range(20):
        sides.now = NOW + second
        lan.look(number)
    early = sides.platform.count("orders.get")
    for second in range(1000, 1100):
        sides.now = NOW + second
        lan.look(number)

    assert (6, 1) == (early, sides.platform.count("orders.get") - early)


@pytest.mark.parametrize("fault", [down, unheard, refuses(90001), refuses(40001)])
def test_a_look_that_the_platform_does_not_answer_shows_what_we_have(lan: Customer, sides: Sides, fault: Any) -> None:
    number = placed(lan, sides)
    sides.platform.fail_always("orders.get", fault)

    assert (200, "placed") == ((answer := lan.look(number)).status, answer.body["status"])


def test_an_order_that_the_platform_does_not_know_is_not_created_by_a_look(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.orders.clear()

    assert ("placed", ["orders.get"]) == (lan.look(number).body["status"], sides.platform.calls)


@pytest.mark.parametrize("status", [one for one in Status if one not in (Status.CREATED, Status.PLACED)])
def test_an_order_in_any_other_state_asks_nobody(lan: Customer, sides: Sides, status: Status) -> None:
    order = sides.order(placed(lan, sides))
    sides.store.save_many([(order, replace(order, status=status))])

    assert (str(status), []) == (lan.look(order.order_no).body["status"], sides.platform.calls)


def test_a_secret_out_of_reach_takes_no_look_away(storefront: ModuleType, lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    nowhere = Customer(storefront, _with(sides, APP_SECRET_NAME="there-is-none"))

    assert (200, "placed") == ((answer := nowhere.look(number)).status, answer.body["status"])


def _with(sides: Sides, **names: str) -> Sides:
    sides.names |= names
    return sides


def test_another_members_look_asks_nobody(storefront: ModuleType, sides: Sides, lan: Customer) -> None:
    number = placed(lan, sides)

    assert (404, []) == (Customer(storefront, sides, "mei").look(number).status, sides.platform.calls)


def test_a_cancellation_there_is_seen(lan: Customer, sides: Sides) -> None:
    number = placed(lan, sides)
    sides.platform.change(number, platform_orders.cancel)

    assert "cancelled" == lan.look(number).body["status"]
