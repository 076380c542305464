"""What tests of the whole system on virtual time share: a stocked town, a member's basket, orders and dead letters."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jiuwu.orders.codec import from_item
from jiuwu.orders.order import Order
from sandbox.simulation.world.actors import stock
from sandbox.simulation.world.world import Town, town

TEA = [{"product_id": "mug-panda", "quantity": 1}]
HOUR, DAY = 3600, 86_400


@contextmanager
def stocked_town(off: Sequence[str] = ()) -> Iterator[Town]:
    """A town with products whose schedules run, but for those of the functions in `off`."""
    with town() as here:
        stock(here)
        here.start(off=off)
        yield here


def order(here: Town, number: str) -> Order:
    found = here.account.client("dynamodb").get_item(TableName="OrdersTable", Key={"order_no": {"S": number}})
    return from_item(found["Item"])


def later(here: Town, seconds: float) -> None:
    here.clock.run(here.clock.now + seconds)


def letters(here: Town) -> list[str]:
    return [item["reason"]["S"] for item in here.account.client("dynamodb").scan(TableName="DeadLettersTable")["Items"]]
