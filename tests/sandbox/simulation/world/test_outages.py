"""The whole template beside a platform that cannot be reached for a while: how soon an order gets its pay link."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from jiuwu.orders.order import Status
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member
from sandbox.simulation.world.world import World
from tests.sandbox.simulation.world_rig import TEA, advance, order, stocked_world


class Away:
    """No connection to the platform until it is back; counts how many calls tried."""

    def __init__(self, world: World, seconds: float) -> None:
        self.world, self.back_at, self.tried = world, world.clock.now + seconds, 0

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if service == "platform" and phase == "before" and self.world.clock.now < self.back_at:
            self.tried += 1
            raise httpx.ConnectError("no connection")


@pytest.fixture
def world() -> Iterator[World]:
    with stocked_world(off=["TokenRefresher", "ProductSync"]) as built:
        yield built


def ordered(world: World, away_seconds: float) -> tuple[Member, str, Away]:
    """An order of a member, made as the platform goes away for so long."""
    lan = Member(world, "ou_lan")
    lan.log_in()
    world.clock.run(world.clock.now + 1)
    world.calls.on_call = away = Away(world, away_seconds)
    return lan, lan.place("key", TEA), away


@pytest.mark.parametrize(("away_seconds", "placed_after"), [(1, 6), (12, 20), (50, 80)])
def test_an_order_is_placed_by_itself_soon_after_the_platform_is_back(
    world: World, away_seconds: float, placed_after: float
) -> None:
    _, number, _ = ordered(world, away_seconds)
    assert Status.CREATED is order(world, number).status

    advance(world, placed_after)

    assert Status.PLACED is order(world, number).status
    assert [number] == [one.number for one in world.platform.state.orders]


def test_a_member_who_looks_has_it_placed_at_once_however_long_the_platform_was_away(world: World) -> None:
    lan, number, _ = ordered(world, 1000)
    advance(world, 1001)

    assert "placed" == lan.get_order(number)["status"]


def test_a_member_who_repeats_the_request_has_it_placed_at_once(world: World) -> None:
    lan, number, _ = ordered(world, 100)
    advance(world, 101)

    assert number == lan.place("key", TEA)
    assert Status.PLACED is order(world, number).status


def test_a_page_that_polls_for_minutes_asks_a_platform_that_is_away_little(world: World) -> None:
    lan, number, away = ordered(world, 10_000)

    for _ in range(300):
        lan.get_order(number)
        advance(world, 2)

    # three attempts of a call; without the order's own limit and the circuit it would be 900 of the looks alone
    assert away.tried < 300
    assert Status.CREATED is order(world, number).status


def test_a_payment_without_a_notification_is_seen_when_the_member_comes_back(world: World) -> None:
    lan, number, _ = ordered(world, 0)
    advance(world, 20)
    world.platform.notifier.emit = lambda *_: None  # type: ignore[method-assign]
    world.platform.actions.pay(number)

    assert "paid" == lan.get_order(number)["status"]
    advance(world, 10)
    assert Status.SHIPPED is order(world, number).status
