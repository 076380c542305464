"""The whole template beside a platform that takes every connection and answers none."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from jiuwu.dead_letters.failed_message import Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.order import Status
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Merchant, add_products
from sandbox.simulation.world.world import World, simulated_world
from tests.sandbox.simulation.world_rig import TEA, order

REFUNDS = 4


class Hangs:
    """Every call of the platform outlives its attempt's two seconds."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "platform" and phase == "before":
            self.world.clock.sleep(2.0)
            raise httpx.ReadTimeout("no reply in time")


@pytest.fixture
def world() -> Iterator[World]:
    with simulated_world(parameters={"OrderExpirySeconds": "7200"}) as built:
        add_products(built)
        yield built


def two_orders(world: World) -> tuple[str, str]:
    """An order that was paid and shipped, and its neighbour."""
    lan = Member(world, "ou_lan")
    lan.log_in()
    many, neighbour = lan.place("many", TEA), lan.place("neighbour", TEA)
    world.platform.actions.pay(many)
    world.clock.run(world.clock.now + 600)
    return many, neighbour


def both_at_once(world: World, many: str, neighbour: str) -> None:
    """More of one order to tell the platform than an invocation has time for, just when the neighbour is paid."""
    for n in range(REFUNDS):
        Merchant(world).refund(f"r{n}", many, 100)
    world.platform.actions.pay(neighbour)


def test_each_delivery_at_a_hanging_platform_is_written_down_and_ships_once(world: World) -> None:
    ship_requests: list[str] = []
    world.account.buses["TradeBus"].append(lambda event: ship_requests.append(event["detail"]["order_no"]))
    world.start(off=["EffectDispatcher", "Reconciler"])
    many, neighbour = two_orders(world)
    both_at_once(world, many, neighbour)
    world.clock.run(world.clock.now + 5)
    queue = world.account.queue("EffectQueue")
    batch = world.batch(queue, world.account.client("sqs").take(queue, 10, queue.visibility))
    world.calls.on_call = Hangs(world)

    for _ in range(5):
        assert {"batchItemFailures": []} == world.invoke("EffectDispatcher", batch)
        world.clock.run(world.clock.now + 180)

    assert {many: 1, neighbour: 1} == {number: ship_requests.count(number) for number in (many, neighbour)}
    assert Status.SHIPPED is order(world, neighbour).status
    assert all(effect.attempts for _, effect in order(world, many).effects)


def test_an_hour_at_a_hanging_platform_kills_no_invocation_and_gives_up_no_message(world: World) -> None:
    world.start()
    many, neighbour = two_orders(world)
    world.calls.on_call = Hangs(world)
    both_at_once(world, many, neighbour)
    world.clock.run(world.clock.now + 3600)
    assert 0 == world.errors["EffectDispatcher", "TimedOut"]

    world.calls.on_call = lambda *_: None
    world.clock.run(world.clock.now + 2 * 3600)

    assert ((), ()) == (order(world, many).pending, order(world, neighbour).pending)
    assert 100 * REFUNDS == world.platform.state.orders.get(many).refunded_fen
    repository = DeadLetterRepository(world.account.client("dynamodb"), "DeadLettersTable")
    assert [] == [dead_letter for kind in Kind for dead_letter in repository.of_kind(kind)]
