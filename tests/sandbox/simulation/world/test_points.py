"""An order for points in the whole template on virtual time, and what becomes of it wherever a process crashes."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.codec import from_item
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Order, Status
from jiuwu.points.ledger import PointsLedger
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Refused, add_products
from sandbox.simulation.world.world import APP_ID, Killed, World, simulated_world

MUG = [{"product_id": "mug-panda", "quantity": 1}]  # 400 points
LAN = member_id_for(APP_ID, "ou_lan")
HOUR = 3600


@pytest.fixture
def world() -> Iterator[World]:
    with built() as world:
        yield world


class built:  # noqa: N801 -- a context manager, named as what it gives
    """A world whose member Lan is logged in and has 1000 points."""

    def __init__(self) -> None:
        self._world = simulated_world()

    def __enter__(self) -> World:
        world = self._world.__enter__()
        add_products(world)
        world.start()
        ledger(world).grant(LAN, "welcome", 1000, at=0)
        return world

    def __exit__(self, *raised: Any) -> None:
        self._world.__exit__(*raised)


def ledger(world: World) -> PointsLedger:
    return PointsLedger(world.account.client("dynamodb"), "PointsTable")


def lan(world: World) -> Member:
    member = Member(world, "ou_lan")
    member.log_in()
    return member


def order(world: World, key: str = "key-1") -> Order | None:
    found = world.account.client("dynamodb").get_item(
        TableName="OrdersTable", Key={"order_no": {"S": order_no_for(LAN, key)}}
    )
    return from_item(unmarshal_fields(found["Item"])) if "Item" in found else None


def settled(world: World, ship_requests: list[dict[str, Any]]) -> str:
    """How the order ended, every promise checked."""
    audit, made = ledger(world).audit(LAN), order(world)
    assert audit.adds_up
    if made is None:
        assert (1000, []) == (audit.balance, ship_requests)
        return "never made"
    there = world.platform.state.orders.find(made.order_no)
    assert () == made.pending
    if made.status is Status.CANCELLED:
        assert (1000, []) == (audit.balance, ship_requests)
        assert there is None or there.status == "cancelled"
        return "cancelled"
    assert (Status.SHIPPED, 600) == (made.status, audit.balance)
    assert {f"{made.order_no}:ship"} == {ship_request["detail"]["effect_id"] for ship_request in ship_requests}
    assert there is not None
    assert "shipped" == there.status
    return "shipped"


def test_an_order_for_points_is_paid_spent_and_shipped(world: World) -> None:
    ship_requests: list[dict[str, Any]] = []
    world.account.buses["TradeBus"].append(ship_requests.append)
    lan(world).place("key-1", MUG, pay_with="points")
    world.clock.run(world.clock.now + 60)

    assert "shipped" == settled(world, ship_requests)
    assert ("shipped", 1) == (settled(world, ship_requests), len(ship_requests))
    assert not world.errors


def test_a_merchant_sees_the_spent_points(world: World) -> None:
    number = lan(world).place("key-1", MUG, pay_with="points")
    world.clock.run(world.clock.now + 60)

    (spent,) = [booking for booking in ledger(world).recent(LAN) if booking.ref == number]
    assert (400, "spent") == (spent.points, spent.state)


def test_who_has_too_few_is_refused_and_keeps_them(world: World) -> None:
    member = lan(world)
    with pytest.raises(Refused) as refused:
        member.place("key-1", [{"product_id": "mug-panda", "quantity": 3}], pay_with="points")
    world.clock.run(world.clock.now + 60)

    assert 422 == refused.value.status
    assert "cancelled" == settled(world, [])


class Deadly:
    """Kills the process at the n-th call of all, before or after it took effect; `calls` counts those of a run."""

    def __init__(self, world: World, dies_at: int, phase: Phase) -> None:
        self.world, self.dies_at, self.phase, self.calls = world, dies_at, phase, 0

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        if not self.world.running or phase != self.phase:
            return
        self.calls += 1
        if self.calls == self.dies_at:
            raise Killed


def live(dies_at: int, phase: Phase, *, mugs: int = 1, again: bool = False) -> tuple[str, int]:
    """How an order for points ends when a process crashes at its n-th call, and how many calls there were. `again`: the
    app repeats its request."""
    ship_requests: list[dict[str, Any]] = []
    with built() as world:
        world.account.buses["TradeBus"].append(ship_requests.append)
        member = lan(world)
        world.calls.on_call = deadly = Deadly(world, dies_at, phase)
        for _ in range(2 if again else 1):
            with suppress(Refused):
                member.place("key-1", [{"product_id": "mug-panda", "quantity": mugs}], pay_with="points")
        world.clock.run(world.clock.now + 40)
        calls = deadly.calls
        world.calls.on_call = lambda *_: None
        world.clock.run(world.clock.now + 2 * HOUR)
        return settled(world, ship_requests), calls


@pytest.mark.timeout(300)
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(("mugs", "end"), [(1, "shipped"), (3, "cancelled")])
def test_wherever_a_process_dies_the_points_are_spent_once_or_kept(phase: Phase, mugs: int, end: str) -> None:
    _, calls = live(0, phase, mugs=mugs)
    ends = [live(place, phase, mugs=mugs, again=place % 2 == 0)[0] for place in range(1, calls + 1)]

    # only what crashed before our own order was written was never made
    assert {end} <= set(ends) <= {end, "never made"}
    assert (True, True) == (calls > 8, ends.count("never made") < 6)
