"""What tests of the whole system on virtual time share: a stocked world, a member's basket, orders and dead letters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.orders.codec import from_item
from jiuwu.orders.order import Order
from sandbox.simulation.world.actors import add_products
from sandbox.simulation.world.world import World, simulated_world

TEA = [{"product_id": "mug-panda", "quantity": 1}]
HOUR, DAY = 3600, 86_400


@contextmanager
def stocked_world(off: Sequence[str] = ()) -> Iterator[World]:
    """Yield a world with products whose schedules run, except those of the functions in `off`."""
    with simulated_world() as world:
        add_products(world)
        world.start(off=off)
        yield world


def order(world: World, number: str) -> Order:
    found = world.account.client("dynamodb").get_item(TableName="OrdersTable", Key={"order_no": {"S": number}})
    return from_item(unmarshal_fields(found["Item"]))


def advance(world: World, seconds: float) -> None:
    world.clock.run(world.clock.now + seconds)


def dead_letter_reasons(world: World) -> list[str]:
    return [
        item["reason"]["S"] for item in world.account.client("dynamodb").scan(TableName="DeadLettersTable")["Items"]
    ]
