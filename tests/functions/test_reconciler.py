"""What a reconciler's run finds and does, with the local AWS and a platform in this process."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from msgspec import structs

from jiuwu.orders.effect_key import PushStatus, Ship
from jiuwu.orders.events import EffectDone, Paid
from jiuwu.orders.order import Status
from jiuwu.reconciliation.shard_tasks import ShardTask
from sandbox.simulator import orders as platform
from tests.functions.both_sides import NOW
from tests.functions.platform_stand_in import Serve, down, lost, unheard
from tests.functions.reconciler_rig import EVENT, LATER, TEA, Clockwork, Context, paid, ship_there
from tests.orders.lives import after

# ── What is due ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_runs_the_function_as_deployed(
    load_function: Callable[..., ModuleType], trade_names: dict[str, str]
) -> None:
    answer = load_function("reconciler", **trade_names).handler(EVENT, Context())

    # the list of changed orders, and eight shards
    assert {"queued": 9} == answer


def test_a_shop_without_orders_reconciles_to_nothing(clockwork: Clockwork) -> None:
    answer = clockwork.run()

    assert (0, 0, [], {}) == (answer["due"], answer["changed"], answer["problems"], answer["classes"])
    assert clockwork.reports == []


def test_an_order_that_never_reached_the_platform_is_placed(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missing_there": 1}, {"placed": 1})
    assert clockwork.sides.platform.orders[number].open_id == clockwork.sides.member()[0]
    assert clockwork.sides.order(number).status is Status.PLACED


def test_an_order_whose_placing_lost_its_reply_is_found_and_not_placed_again(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)
    clockwork.sides.platform.fail("orders.create", unheard, unheard, lost)

    clockwork.run()

    assert clockwork.sides.platform.calls.count("orders.create") == 3
    assert clockwork.sides.order(number).status is Status.PLACED


class LongQueue:
    """SQS with so many messages in each queue, as it says."""

    def __init__(self, sqs: Any, waiting: int) -> None:
        self._sqs, self._waiting = sqs, waiting

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        self._sqs.get_queue_attributes(**request)
        return {"Attributes": {"ApproximateNumberOfMessages": str(self._waiting)}}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sqs, name)


@pytest.mark.parametrize(("waiting", "seconds"), [(90_000, 5400), (90, 180)])
def test_a_cancellation_that_waits_behind_many_others_is_not_looked_after_before_its_turn(
    clockwork: Clockwork, waiting: int, seconds: int
) -> None:
    number = clockwork.order()
    clockwork.dependencies = clockwork.dependencies._replace(sqs=LongQueue(clockwork.sides.sqs, waiting))
    clockwork.sides.now = NOW + 2000

    clockwork.run()

    order = clockwork.sides.order(number)
    # 50 a second, with some to spare
    assert (order.pending, order.due_at) == ((PushStatus("cancelled"),), NOW + 2000 + seconds)
    assert [number] == clockwork.sides.queued


def test_a_parcel_is_looked_after_as_soon_as_ever_however_many_messages_wait(clockwork: Clockwork) -> None:
    number = clockwork.order("key-1", Paid("evt", NOW + 50, "t1", 1234, NOW + 50))
    clockwork.dependencies = clockwork.dependencies._replace(sqs=LongQueue(clockwork.sides.sqs, 1_000_000))
    clockwork.sides.now = NOW + 50
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER

    clockwork.run()

    # twice as long as nothing has happened
    assert clockwork.sides.order(number).due_at == LATER + 1900
    assert [number] == clockwork.sides.queued


def test_who_asks_for_one_order_now_has_its_effects_requested_again(clockwork: Clockwork) -> None:
    """Their message may have been lost, and the order's own time be far off."""
    number = clockwork.order("key-1", Paid("evt", LATER, "t1", 1234, LATER))
    clockwork.sides.platform.pay(number)

    answer = clockwork.one(number)

    assert ("paid", []) == (answer["status"], answer["did"])
    assert [number] == clockwork.sides.queued


def test_a_payment_whose_notification_never_came_is_taken_and_its_shipping_requested(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.now = NOW + 60
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missed_notification": 1}, {"paid": 1})
    assert (clockwork.sides.order(number).status, clockwork.sides.queued) == (Status.PAID, [number])


def test_an_effect_that_never_left_is_requested_again_and_then_left_in_peace(clockwork: Clockwork) -> None:
    number = clockwork.order("key-1", paid("x"))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    clockwork.run()
    first = clockwork.sides.queued
    clockwork.run()

    assert ([number], []) == (first, clockwork.sides.queued)
    assert clockwork.sides.order(number).due_at > LATER + 180


def test_an_unpaid_order_is_checked_ever_more_rarely(clockwork: Clockwork) -> None:
    number = clockwork.order()
    waits = []
    for _ in range(3):
        clockwork.sides.now = clockwork.sides.order(number).due_at
        clockwork.run()
        waits.append(clockwork.sides.order(number).due_at - clockwork.sides.now)

    assert waits == [360, 1080, 1800 - 180 - 360 - 1080]  # the last look is the expiry


def test_an_order_that_nobody_paid_in_time_is_cancelled_on_both_sides(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.now = clockwork.sides.order(number).created_at + 1800

    clockwork.run()

    assert (Status.PLACED, (PushStatus("cancelled"),)) == (
        (order := clockwork.sides.order(number)).status,
        order.pending,
    )
    assert [number] == clockwork.sides.queued


def test_what_is_final_is_due_no_more(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.change(number, platform.cancel)
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert (Status.CANCELLED, 0) == (
        (order := clockwork.sides.order(number)).status,
        order.due_at,
    )


def test_a_platform_that_forgot_what_we_told_it_is_told_again(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, Ship()), EffectDone(NOW + 61, PushStatus("shipped")))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    answer = clockwork.one(number)

    assert [found["class"] for found in answer["found"]] == ["platform_behind"]
    assert ((PushStatus("shipped"),), [number]) == (clockwork.sides.order(number).pending, clockwork.sides.queued)


def test_a_payment_that_is_short_over_there_is_never_shipped_and_said_once(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number, amount=1)
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert clockwork.classes(answer) == {"missed_notification": 1}
    assert (clockwork.sides.order(number).status, clockwork.sides.queued) == (Status.HELD, [])
    assert ("missed_notification", 1) in drift_metrics(capsys)


def drift_metrics(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    return [(line["class"], int(line["Drift"][0])) for line in lines if "Drift" in line]


def test_more_money_back_than_came_rings_and_is_reported_when_only_the_platform_shows_it(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    number = clockwork.order("k", paid("x"))
    money = {"payments": (platform.Payment("t1", 1234, NOW),), "refunds": (platform.Refund("r1", "", "t1", 2000, NOW),)}
    clockwork.sides.platform.change(number, lambda order, *_: structs.replace(order, status="refunded", **money))
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert (clockwork.sides.order(number).status, clockwork.classes(answer)["state_impossible"]) == (Status.HELD, 1)
    assert ("state_impossible", 1) in drift_metrics(capsys)


def test_a_contradiction_is_reported_with_its_evidence_and_nothing_is_changed(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"))
    clockwork.sides.platform.change(number, platform.cancel)
    clockwork.sides.now = LATER + 100
    before = clockwork.sides.order(number)

    answer = clockwork.one(number)

    assert "state_impossible" in {found["class"] for found in answer["found"]}
    assert all(found["evidence"] for found in answer["found"])
    assert replace(clockwork.sides.order(number), due_at=0, version=0) == replace(before, due_at=0, version=0)


def test_hundreds_of_due_orders_take_few_calls(clockwork: Clockwork) -> None:
    numbers = clockwork.orders_of("3", 230)

    clockwork.put(ShardTask("3", LATER))

    assert clockwork.sides.platform.count("orders.query") == 3
    assert all(clockwork.sides.order(number).due_at > LATER for number in numbers)


# ── What has changed over there ───────────────────────────────────────────────────────────────────────────────────────


def test_changes_of_orders_that_nobody_was_to_look_at_are_found(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, Ship()), EffectDone(NOW + 61, PushStatus("shipped")))
    clockwork.sides.platform.pay(number)
    ship_there(clockwork, number)
    clockwork.sides.platform.change(number, platform.complete)
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["transitions"]) == ({"missed_notification": 1}, {"completed": 1})
    assert clockwork.sides.platform.count("orders.query") == 0


def test_an_order_of_ours_that_only_the_platform_has_is_adopted(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number)
    clockwork.sides.dynamodb.delete_item(
        TableName=clockwork.sides.names["ORDERS_TABLE"], Key={"order_no": {"S": number}}
    )
    clockwork.sides.now = LATER + 100

    answer = clockwork.run()

    order = clockwork.sides.order(number)
    assert clockwork.classes(answer) == {"missing_here": 1, "missed_notification": 1}
    assert (order.status, order.lines, order.member_id) == (Status.PAID, TEA, clockwork.sides.member()[1])
    assert clockwork.sides.queued == [number]


def test_an_order_that_is_not_provably_ours_is_reported_and_not_adopted(clockwork: Clockwork) -> None:
    requested = platform.NewOrder("WEB-4711", 1234, ())
    clockwork.sides.platform.orders["WEB-4711"] = platform.place(requested, "ou_x", LATER - 100)

    answer = clockwork.run()

    assert (clockwork.classes(answer), answer["classes"]["state_impossible"]["orders"]) == (
        {"state_impossible": 1},
        ["WEB-4711"],
    )
    assert clockwork.sides.store.get("WEB-4711") is None


def test_orders_that_changed_and_are_the_same_here_cost_no_write(clockwork: Clockwork) -> None:
    number = clockwork.order("k")
    clockwork.sides.now = NOW + 100

    answer = clockwork.run()

    assert (0, 1) == (answer["due"], answer["changed"])
    assert clockwork.sides.order(number).version == 1


def test_a_change_of_this_moment_is_left_to_its_notification(clockwork: Clockwork) -> None:
    number = clockwork.order()
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 29

    fresh = clockwork.run()
    clockwork.sides.now = LATER + 31
    settled = clockwork.run()

    assert ({}, {"missed_notification": 1}) == (clockwork.classes(fresh), clockwork.classes(settled))


def test_a_change_left_to_its_notification_is_met_again_however_long_orders_may_wait(clockwork: Clockwork) -> None:
    chosen = structs.replace(clockwork.dependencies.settings, payment_check_seconds=7200)
    clockwork.dependencies = clockwork.dependencies._replace(settings=chosen)
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, Ship()), EffectDone(NOW + 61, PushStatus("shipped")))
    clockwork.sides.platform.pay(number)
    ship_there(clockwork, number)
    clockwork.sides.platform.change(number, platform.complete)

    for run in range(1, 9):
        clockwork.sides.now = LATER + 180 * run
        clockwork.run()

    assert clockwork.sides.order(number).status is Status.COMPLETED


def test_a_silent_webhook_channel_is_noticed(clockwork: Clockwork, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(3):
        clockwork.sides.platform.pay(clockwork.order(f"key-{n}"), transaction=f"t{n}")
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert "SilentWebhook" in capsys.readouterr().out


def test_a_channel_that_brought_anything_is_not_called_silent(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(3):
        clockwork.sides.platform.pay(clockwork.order(f"key-{n}"), transaction=f"t{n}")
    clockwork.sides.platform.pay(clockwork.order("received", paid("x", at=LATER)))
    clockwork.sides.now = LATER + 100

    clockwork.run()

    assert "SilentWebhook" not in capsys.readouterr().out


def test_what_happened_here_while_the_platform_answered_does_not_make_it_look_behind(clockwork: Clockwork) -> None:
    number = clockwork.order("k", paid("x"), EffectDone(NOW + 60, Ship()))
    clockwork.sides.platform.pay(number)
    clockwork.sides.now = LATER + 100

    def told_meanwhile(serve: Serve) -> object:
        answer = serve()
        order = clockwork.sides.order(number)
        shipped = after(order, EffectDone(int(clockwork.sides.now), PushStatus("shipped")))
        clockwork.sides.store.save_many([(order, shipped)])
        return answer

    clockwork.sides.platform.fail("orders.query", told_meanwhile)
    clockwork.sides.platform.fail_always("orders.changed", down)

    answer = clockwork.run()

    assert ({}, ()) == (clockwork.classes(answer), clockwork.sides.order(number).pending)
