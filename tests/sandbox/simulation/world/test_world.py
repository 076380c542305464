"""The whole template in this process, on virtual time."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from jiuwu.aws import clients
from jiuwu.effects import dispatcher
from jiuwu.orders.order import HoldReason, Status
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, stock
from sandbox.simulation.world.wiring import following
from sandbox.simulation.world.world import Killed, Town, town
from sandbox.simulator import events
from sandbox.simulator import orders as platform_orders
from tests.sandbox.simulation.world_rig import HOUR, TEA, order


class Once:
    """Raises at the first call of an operation by a function, in a phase."""

    def __init__(self, town: Town, function: str, operation: str, phase: Phase, death: BaseException) -> None:
        self.town, self.where, self.death, self.hit = town, (function, operation, phase), death, 0

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if (self.town.running, operation, phase) == self.where and not self.hit:
            self.hit += 1
            raise self.death


def test_an_order_lives_from_login_to_completion(here: Town, lan: Member) -> None:
    parcels: list[dict[str, Any]] = []
    here.account.buses["TradeBus"].append(parcels.append)
    number = lan.place("key-1", TEA)
    here.platform.actions.pay(number)
    here.clock.run(here.clock.now + 60)
    here.platform.actions.complete(number)
    here.clock.run(here.clock.now + 60)

    assert order(here, number).status is Status.COMPLETED
    assert here.platform.world.book.get(number).status == "completed"
    assert [f"{number}:ship"] == [parcel["detail"]["effect_id"] for parcel in parcels]
    assert not here.errors


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    ("function", "operation"),
    [
        ("OrderProcessor", "batch_execute_statement"),
        ("EffectDispatcher", "put_events"),
        ("EffectDispatcher", "orders.push_status"),
    ],
)
def test_where_a_process_dies_the_queue_brings_the_order_on(
    here: Town, lan: Member, function: str, operation: str, phase: Phase
) -> None:
    number = lan.place("key-1", TEA)
    here.calls.on_call = death = Once(here, function, operation, phase, Killed())
    here.platform.actions.pay(number)
    here.clock.run(here.clock.now + HOUR)

    assert death.hit == 1
    assert here.errors == {(function, "Killed"): 1}
    assert order(here, number).status is Status.SHIPPED
    assert not order(here, number).pending


def test_nothing_of_an_invocation_whose_time_is_up_gets_through(here: Town, lan: Member) -> None:
    ended, got_through = 0, list[str]()

    def hang(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        nonlocal ended
        if here.invocations.total() == ended:
            got_through.append(operation)
        if (operation, phase, ended) == ("orders.push_status", "before", 0):
            ended = here.invocations.total()
            here.clock.sleep(HOUR)

    number = lan.place("key-1", TEA)
    here.calls.on_call = hang
    here.platform.actions.pay(number)
    here.clock.run(here.clock.now + HOUR)

    assert ({("EffectDispatcher", "TimedOut"): 1}, []) == (here.errors, got_through)
    assert (Status.SHIPPED, ()) == (order(here, number).status, order(here, number).pending)


def test_an_answer_that_comes_too_late_is_none(here: Town, lan: Member) -> None:
    number = lan.place("key-1", TEA)
    late = list[float]()

    def delay(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if (here.running, operation, phase) == ("WebhookIntake", "send_message", "after") and not late:
            here.clock.now += HOUR
            late.append(here.clock.now)

    here.calls.on_call = delay
    here.platform.actions.pay(number)
    here.clock.run(here.clock.now + 2 * HOUR)

    assert {("WebhookIntake", "TimedOut"): 1} == here.errors
    assert here.invocations["WebhookIntake"] == 2
    assert order(here, number).status is Status.SHIPPED


def test_a_reply_that_is_lost_is_asked_for_again_as_boto3_does(here: Town, lan: Member) -> None:
    lost = ReadTimeoutError(endpoint_url="memory")
    lose, asked = Once(here, "Storefront", "put_item", "after", lost), list[str]()

    def watch(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        asked.extend([str(request["TableName"])] if (operation, phase) == ("put_item", "before") else [])
        lose(service, operation, phase, request)

    here.calls.on_call = watch

    number = lan.place("key-1", TEA)

    assert asked.count("OrdersTable") == 2
    assert order(here, number).status is Status.PLACED


def test_a_throttled_table_costs_time_and_nothing_else(here: Town, lan: Member) -> None:
    number = lan.place("key-1", TEA)
    until = here.clock.now + 100
    here.calls.throttle = lambda service, _operation, _subject: service == "dynamodb" and here.clock.now < until
    here.platform.actions.pay(number)
    here.clock.run(here.clock.now + HOUR)

    assert order(here, number).status is Status.SHIPPED


def test_a_scheduled_run_that_dies_leaves_a_message(here: Town) -> None:
    here.calls.on_call = Once(here, "Reconciler", "get_item", "before", Killed())
    here.clock.run(here.clock.now + HOUR)

    assert here.errors == {("Reconciler", "Killed"): 1}
    assert len(here.account.queue("FailedRuns").held) == 1


def test_a_function_that_is_switched_off_does_nothing() -> None:
    with town() as built:
        built.start(off=["Reconciler"])
        built.clock.run(built.clock.now + HOUR)

        assert built.invocations["Reconciler"] == 0
        assert built.invocations["TokenRefresher"] > 0


def test_the_modules_get_their_own_time_threads_and_clients_back() -> None:
    with town():
        assert clients.client("sqs").service == "sqs"
        assert vars(dispatcher)["ThreadPoolExecutor"] is not ThreadPoolExecutor
    assert vars(dispatcher)["ThreadPoolExecutor"] is ThreadPoolExecutor
    assert (dispatcher.Dispatcher.__init__.__kwdefaults__ or {})["clock"] is time.time
    assert type(clients.client("sqs")).__module__ == "botocore.client"


@pytest.mark.parametrize(
    ("expression", "after", "tick"),
    [("rate(3 minutes)", 181, 360), ("rate(1 hour)", 0, 3600), ("cron(30 16 * * ? *)", 86_400, 86_400 + 59_400)],
)
def test_a_schedule_ticks_when_it_says(expression: str, after: float, tick: float) -> None:
    assert tick == following(expression, after)


def test_errors_are_botocores_own(here: Town) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        here.account.client("dynamodb").get_item(TableName="none", Key={"a": {"S": "b"}})


@pytest.mark.parametrize("shown", [False, True], ids=["never", "after a while"])
def test_an_untrue_notification_of_a_large_order_ships_nothing_until_a_true_payment_does(*, shown: bool) -> None:
    with town(parameters={"CheckPaymentsFromFen": "0"}) as here:
        stock(here)
        here.start()
        lan = Member(here, "ou_lan")
        lan.log_in()
        order_no = lan.place("k", [{"product_id": "mug-panda", "quantity": 1}])
        there = here.platform.world.book.get(order_no)
        untrue = platform_orders.pay(there, there.request.amount_fen, "untrue", int(here.clock.now))
        here.platform.notifier.emit(events.paid(untrue, untrue.payments[-1]))
        here.clock.run(here.clock.now + 600)
        held = order(here, order_no)

        here.platform.actions.pay(order_no, None, "untrue" if shown else "true")
        here.clock.run(here.clock.now + 3600)

        after = order(here, order_no)
    assert (Status.HELD, HoldReason.UNPROVEN) == (held.status, held.hold_reason)
    assert (Status.SHIPPED, 0) == (after.status, here.platform.world.book.get(order_no).refunded_fen)
    assert [1] == [count for key, count in here.said.metrics.items() if "alert=payment_unknown_there" in key]
