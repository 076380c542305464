"""The whole template beside a platform that takes every connection and answers none."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from jiuwu.dead_letters.failed_message import Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.order import Status
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Merchant, stock
from sandbox.simulation.world.world import Town, town
from tests.sandbox.simulation.world_rig import TEA, order

REFUNDS = 4


class Hangs:
    """Every call of the platform outlives its attempt's two seconds."""

    def __init__(self, here: Town) -> None:
        self.here = here

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "platform" and phase == "before":
            self.here.clock.sleep(2.0)
            raise httpx.ReadTimeout("no reply in time")


@pytest.fixture
def here() -> Iterator[Town]:
    with town(parameters={"OrderExpirySeconds": "7200"}) as built:
        stock(built)
        yield built


def two_orders(here: Town) -> tuple[str, str]:
    """An order that was paid and shipped, and its neighbour."""
    lan = Member(here, "ou_lan")
    lan.log_in()
    many, neighbour = lan.place("many", TEA), lan.place("neighbour", TEA)
    here.platform.actions.pay(many)
    here.clock.run(here.clock.now + 600)
    return many, neighbour


def both_at_once(here: Town, many: str, neighbour: str) -> None:
    """More of one order to tell the platform than an invocation has time for, just when the neighbour is paid."""
    for n in range(REFUNDS):
        Merchant(here).refund(f"r{n}", many, 100)
    here.platform.actions.pay(neighbour)


def test_each_delivery_at_a_hanging_platform_is_written_down_and_ships_once(here: Town) -> None:
    parcels: list[str] = []
    here.account.buses["TradeBus"].append(lambda event: parcels.append(event["detail"]["order_no"]))
    here.start(off=["EffectDispatcher", "Reconciler"])
    many, neighbour = two_orders(here)
    both_at_once(here, many, neighbour)
    here.clock.run(here.clock.now + 5)
    queue = here.account.queue("EffectQueue")
    batch = here.batch(queue, here.account.client("sqs").take(queue, 10, queue.visibility))
    here.calls.on_call = Hangs(here)

    for _ in range(5):
        assert {"batchItemFailures": []} == here.invoke("EffectDispatcher", batch)
        here.clock.run(here.clock.now + 180)

    assert {many: 1, neighbour: 1} == {number: parcels.count(number) for number in (many, neighbour)}
    assert Status.SHIPPED is order(here, neighbour).status
    assert all(effect.attempts for _, effect in order(here, many).effects)


def test_an_hour_at_a_hanging_platform_kills_no_invocation_and_gives_up_no_message(here: Town) -> None:
    here.start()
    many, neighbour = two_orders(here)
    here.calls.on_call = Hangs(here)
    both_at_once(here, many, neighbour)
    here.clock.run(here.clock.now + 3600)
    assert 0 == here.errors["EffectDispatcher", "TimedOut"]

    here.calls.on_call = lambda *_: None
    here.clock.run(here.clock.now + 2 * 3600)

    assert ((), ()) == (order(here, many).pending, order(here, neighbour).pending)
    assert 100 * REFUNDS == here.platform.world.book.get(many).refunded_fen
    shelf = DeadLetterRepository(here.account.client("dynamodb"), "DeadLettersTable")
    assert [] == [letter for kind in Kind for letter in shelf.of_kind(kind)]
