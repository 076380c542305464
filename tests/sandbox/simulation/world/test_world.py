"""The whole template in this process, on virtual time."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from jiuwu.aws import clients
from jiuwu.effects import dispatcher
from jiuwu.orders.order import HoldReason, Status
from jiuwu.runtime import SYSTEM
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, add_products
from sandbox.simulation.world.wiring import next_tick
from sandbox.simulation.world.world import Killed, World, simulated_world
from sandbox.simulator import events
from sandbox.simulator import orders as platform_orders
from tests.sandbox.simulation.world_rig import HOUR, TEA, order


class Once:
    """Raises at the first call of an operation by a function, in a phase."""

    def __init__(self, world: World, function: str, operation: str, phase: Phase, crash: BaseException) -> None:
        self.world, self.where, self.crash, self.hit = world, (function, operation, phase), crash, 0

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if (self.world.running, operation, phase) == self.where and not self.hit:
            self.hit += 1
            raise self.crash


def test_an_order_lives_from_login_to_completion(world: World, lan: Member) -> None:
    ship_requests: list[dict[str, Any]] = []
    world.account.buses["TradeBus"].append(ship_requests.append)
    number = lan.place("key-1", TEA)
    world.platform.actions.pay(number)
    world.clock.run(world.clock.now + 60)
    world.platform.actions.complete(number)
    world.clock.run(world.clock.now + 60)

    assert order(world, number).status is Status.COMPLETED
    assert world.platform.state.orders.get(number).status == "completed"
    assert [f"{number}:ship"] == [ship_request["detail"]["effect_id"] for ship_request in ship_requests]
    assert not world.errors


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
    world: World, lan: Member, function: str, operation: str, phase: Phase
) -> None:
    number = lan.place("key-1", TEA)
    world.calls.on_call = crash = Once(world, function, operation, phase, Killed())
    world.platform.actions.pay(number)
    world.clock.run(world.clock.now + HOUR)

    assert crash.hit == 1
    assert world.errors == {(function, "Killed"): 1}
    assert order(world, number).status is Status.SHIPPED
    assert not order(world, number).pending


def test_nothing_of_an_invocation_whose_time_is_up_gets_through(world: World, lan: Member) -> None:
    ended, got_through = 0, list[str]()

    def hang(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        nonlocal ended
        if world.invocations.total() == ended:
            got_through.append(operation)
        if (operation, phase, ended) == ("orders.push_status", "before", 0):
            ended = world.invocations.total()
            world.clock.sleep(HOUR)

    number = lan.place("key-1", TEA)
    world.calls.on_call = hang
    world.platform.actions.pay(number)
    world.clock.run(world.clock.now + HOUR)

    assert ({("EffectDispatcher", "TimedOut"): 1}, []) == (world.errors, got_through)
    assert (Status.SHIPPED, ()) == (order(world, number).status, order(world, number).pending)


def test_an_answer_that_comes_too_late_is_none(world: World, lan: Member) -> None:
    number = lan.place("key-1", TEA)
    late = list[float]()

    def delay(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if (world.running, operation, phase) == ("WebhookIntake", "send_message", "after") and not late:
            world.clock.now += HOUR
            late.append(world.clock.now)

    world.calls.on_call = delay
    world.platform.actions.pay(number)
    world.clock.run(world.clock.now + 2 * HOUR)

    assert {("WebhookIntake", "TimedOut"): 1} == world.errors
    assert world.invocations["WebhookIntake"] == 2
    assert order(world, number).status is Status.SHIPPED


def test_a_reply_that_is_lost_is_requested_again_as_boto3_does(world: World, lan: Member) -> None:
    lost = ReadTimeoutError(endpoint_url="memory")
    lose, requested = Once(world, "Storefront", "put_item", "after", lost), list[str]()

    def watch(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        requested.extend([str(request["TableName"])] if (operation, phase) == ("put_item", "before") else [])
        lose(service, operation, phase, request)

    world.calls.on_call = watch

    number = lan.place("key-1", TEA)

    assert requested.count("OrdersTable") == 2
    assert order(world, number).status is Status.PLACED


def test_a_throttled_table_costs_time_and_nothing_else(world: World, lan: Member) -> None:
    number = lan.place("key-1", TEA)
    until = world.clock.now + 100
    world.calls.throttle = lambda service, _operation, _subject: service == "dynamodb" and world.clock.now < until
    world.platform.actions.pay(number)
    world.clock.run(world.clock.now + HOUR)

    assert order(world, number).status is Status.SHIPPED


def test_a_scheduled_run_that_dies_leaves_a_message(world: World) -> None:
    world.calls.on_call = Once(world, "Reconciler", "get_item", "before", Killed())
    world.clock.run(world.clock.now + HOUR)

    assert world.errors == {("Reconciler", "Killed"): 1}
    assert len(world.account.queue("FailedRuns").messages) == 1


def test_a_function_that_is_switched_off_does_nothing() -> None:
    with simulated_world() as built:
        built.start(off=["Reconciler"])
        built.clock.run(built.clock.now + HOUR)

        assert built.invocations["Reconciler"] == 0
        assert built.invocations["TokenRefresher"] > 0


def test_the_modules_get_their_own_time_threads_and_clients_back() -> None:
    with simulated_world():
        assert clients.client("sqs").service == "sqs"
        assert vars(dispatcher)["ThreadPoolExecutor"] is not ThreadPoolExecutor
    assert vars(dispatcher)["ThreadPoolExecutor"] is ThreadPoolExecutor
    assert (dispatcher.Dispatcher.__init__.__kwdefaults__ or {})["runtime"] is SYSTEM
    assert type(clients.client("sqs")).__module__ == "botocore.client"


@pytest.mark.parametrize(
    ("expression", "after", "tick"),
    [("rate(3 minutes)", 181, 360), ("rate(1 hour)", 0, 3600), ("cron(30 16 * * ? *)", 86_400, 86_400 + 59_400)],
)
def test_a_schedule_ticks_when_it_says(expression: str, after: float, tick: float) -> None:
    assert tick == next_tick(expression, after)


def test_errors_are_botocores_own(world: World) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        world.account.client("dynamodb").get_item(TableName="none", Key={"a": {"S": "b"}})


@pytest.mark.parametrize("shown", [False, True], ids=["never", "after a while"])
def test_an_untrue_notification_of_a_large_order_ships_nothing_until_a_true_payment_does(*, shown: bool) -> None:
    with simulated_world(parameters={"CheckPaymentsFromFen": "0"}) as world:
        add_products(world)
        world.start()
        lan = Member(world, "ou_lan")
        lan.log_in()
        order_no = lan.place("k", [{"product_id": "mug-panda", "quantity": 1}])
        there = world.platform.state.orders.get(order_no)
        untrue = platform_orders.pay(there, there.request.amount_fen, "untrue", int(world.clock.now))
        world.platform.notifier.emit(events.paid(untrue, untrue.payments[-1]))
        world.clock.run(world.clock.now + 600)
        held = order(world, order_no)

        world.platform.actions.pay(order_no, None, "untrue" if shown else "true")
        world.clock.run(world.clock.now + 3600)

        after = order(world, order_no)
    assert (Status.HELD, HoldReason.UNPROVEN) == (held.status, held.hold_reason)
    assert (Status.SHIPPED, 0) == (after.status, world.platform.state.orders.get(order_no).refunded_fen)
    assert [1] == [count for key, count in world.telemetry.metrics.items() if "alert=payment_unknown_there" in key]
