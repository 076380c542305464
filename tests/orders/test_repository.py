"""Orders in the table: small, written only over what was read, found when due."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from jiuwu.aws.dynamodb import marshal_fields
from jiuwu.orders.business_day import bounds, day_of
from jiuwu.orders.codec import SHARDS, day_shard_of, day_shards, from_item, shard_of, to_item
from jiuwu.orders.effect_key import RefundAll, Ship
from jiuwu.orders.order import Effect, Entry, HistoryEntry, Order, Status
from jiuwu.orders.repository import OrderStore
from sandbox.simulation.aws.capacity_units import write_units
from sandbox.simulation.aws.values import item_size
from tests.orders.stored import LIFE, NOW, an_order, lived


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


def test_a_paid_and_shipped_order_of_one_line_is_under_a_kilobyte() -> None:
    shipped = lived(an_order(), *(event for events in LIFE[:3] for event in events))

    assert item_size(marshal_fields(to_item(shipped))) < 1024


def test_an_order_comes_back_from_its_item_as_it_was() -> None:
    order = an_order(
        status=Status.HELD,
        version=7,
        platform_order_no="P1",
        pay_url="https://pay",
        ledger=(Entry("t1", 1234, NOW), Entry("r1", -4, NOW, of="t1")),
        effects=((Ship(), Effect(2, NOW)), (RefundAll("t2"), Effect(3))),
        history=(HistoryEntry(NOW, "", "placed"), HistoryEntry(NOW, "evt_1", "paid")),
        reasons=(("AAAAAAAAAAAAAAAA", "商品破损"),),
    )

    assert from_item(to_item(order)) == order
    assert from_item(to_item(an_order())) == an_order()


def test_an_order_that_is_not_due_is_in_no_shard() -> None:
    assert "due_shard" in to_item(an_order())
    assert not {"due_shard", "due_at"} & to_item(an_order(due_at=0)).keys()


def test_an_orders_shard_is_the_same_for_ever_and_orders_spread() -> None:
    assert shard_of("JWAAAAAAAAAAAAAAAAAAAAAA") == "6"
    assert {shard_of(an_order(number).order_no) for number in range(100)} == {str(shard) for shard in range(SHARDS)}


def test_a_created_order_is_read_back(store: OrderStore) -> None:
    created = store.create(an_order())

    assert created == an_order(version=1)
    assert store.get(created.order_no) == created
    assert store.get("JWNONE") is None


def test_creating_a_number_again_returns_the_order_that_stands(store: OrderStore) -> None:
    store.create(an_order())

    assert store.create(an_order(fingerprint="another")) == an_order(version=1)


def test_more_orders_than_one_request_takes_are_read_at_once(store: OrderStore) -> None:
    numbers = [store.create(an_order(number)).order_no for number in range(101)]

    assert set(store.get_many([*numbers, "JWNONE", numbers[0]])) == set(numbers)


def test_a_write_changes_what_differs_and_counts_the_version(store: OrderStore) -> None:
    read = store.create(an_order(pay_url="https://pay"))
    new = replace(read, status=Status.CANCELLED, pay_url="", due_at=0, history=(HistoryEntry(NOW, "evt", "cancelled"),))

    assert store.save_many([(read, new)]) == set()
    assert store.get(read.order_no) == replace(new, version=2)


def test_only_the_first_of_two_writers_wins(store: OrderStore) -> None:
    read = store.create(an_order())
    first, second = replace(read, status=Status.PLACED), replace(read, status=Status.CANCELLED)

    assert store.save_many([(read, first)]) == set()
    assert store.save_many([(read, second)]) == {read.order_no}
    assert store.get(read.order_no) == replace(first, version=2)


def test_a_lost_order_does_not_hold_up_the_others_of_its_request(store: OrderStore) -> None:
    orders = [store.create(an_order(number)) for number in range(30)]
    stale = [replace(order, version=9) if n % 10 == 3 else order for n, order in enumerate(orders)]

    lost = store.save_many([(order, replace(order, status=Status.PLACED)) for order in stale])

    assert lost == {orders[n].order_no for n in (3, 13, 23)}
    placed = [order for order in store.get_many(o.order_no for o in orders).values() if order.status == "placed"]
    assert len(placed) == 27


def test_a_write_of_an_order_that_is_not_there_is_lost(store: OrderStore) -> None:
    gone = an_order(version=1)

    assert store.save_many([(gone, replace(gone, status=Status.PLACED))]) == {gone.order_no}
    assert store.get(gone.order_no) is None


def test_attributes_of_a_later_version_survive_a_write(
    store: OrderStore, aws: Callable[[str], Any], orders_table: str
) -> None:
    order = an_order(version=1)
    aws("dynamodb").put_item(TableName=orders_table, Item=marshal_fields(to_item(order) | {"gift_note": "生日快乐"}))

    assert store.save_many([(order, replace(order, status=Status.PLACED))]) == set()

    item = aws("dynamodb").get_item(TableName=orders_table, Key={"order_no": {"S": order.order_no}})["Item"]
    assert item["gift_note"] == {"S": "生日快乐"}
    assert store.get(order.order_no) == replace(order, status=Status.PLACED, version=2)


def test_due_orders_are_found_by_shard_and_time_in_pages(store: OrderStore) -> None:
    shard = shard_of(an_order(0).order_no)
    here = [n for n in range(60) if shard_of(an_order(n).order_no) == shard][:4]
    for place, number in enumerate(here):
        store.create(an_order(number, due_at=NOW + place))

    first = store.due(shard, NOW + 2, limit=2)
    rest = store.due(shard, NOW + 2, limit=2, start=first.next_start)

    assert [*first.order_nos, *rest.order_nos] == [an_order(n).order_no for n in here[:3]]
    assert rest.next_start is None


def life(order: Order) -> list[Order]:
    """The order as each write of its life leaves it."""
    stages = [order]
    for events in LIFE:
        stages.append(lived(stages[-1], *events))
    return [replace(stage, changed_at=NOW + n) for n, stage in enumerate(stages)]


def test_the_orders_of_a_day_are_found_by_their_making_in_order_and_in_pages(store: OrderStore) -> None:
    midnight, _ = bounds(day_of(NOW))
    mine = [order for number in range(200) if day_shard_of(order := an_order(number, created_at=midnight))[-2:] == "#7"]
    for order in mine:
        store.create(order)
    store.create(replace(mine[0], order_no=mine[0].order_no[:-1] + "2", created_at=midnight - 1))
    shard, numbers = f"{day_of(NOW)}#7", sorted(order.order_no for order in mine)

    first = store.of_day(shard, limit=2)
    rest = store.of_day(shard, after=first[-1])

    assert (tuple(numbers[:2]), tuple(numbers[2:])) == (first, rest)
    assert store.of_day(shard, after=numbers[-1]) == ()


def test_a_days_parts_hold_every_order_of_it_and_none_of_another_day() -> None:
    orders = [an_order(number) for number in range(500)]

    parts = {day_shard_of(order) for order in orders}

    assert set(day_shards(day_of(NOW))) == parts
    assert not parts & set(day_shards(day_of(NOW + 86_400)))


def test_an_order_keeps_its_day_whatever_happens_to_it() -> None:
    assert len({to_item(order)["day_shard"] for order in life(an_order())}) == 1


def test_an_orders_whole_life_costs_at_most_twenty_write_units() -> None:
    images: list[Any] = [None, *(marshal_fields(to_item(order)) for order in life(an_order()))]

    units = [write_units(before, after) for before, after in pairwise(images)]

    # created, into four indexes; then each moves the order in the list of changes, for two units: placed; paid; shipped
    # and pushed, which moves the check to when completion is overdue; completed, which ends it
    assert units == [5, 3, 3, 5, 4]
    assert sum(units) <= 20


def test_the_local_aws_bills_what_the_rules_say_where_it_counts_the_index(
    aws: Callable[[str], Any], orders_table: str
) -> None:
    consumed: list[dict[str, Any]] = []
    for after in life(an_order()):
        request: dict[str, Any] = {"TableName": orders_table, "ReturnConsumedCapacity": "INDEXES"}
        consumed.append(aws("dynamodb").put_item(Item=marshal_fields(to_item(after)), **request)["ConsumedCapacity"])

    assert [capacity["CapacityUnits"] for capacity in consumed] == [5, 3, 3, 5, 4]


def test_a_batch_of_lives_is_written_as_the_machine_left_them(store: OrderStore) -> None:
    orders = [store.create(an_order(number)) for number in range(3)]
    for events in LIFE:
        new = [lived(order, *events) for order in orders]
        assert store.save_many(zip(orders, new, strict=True)) == set()
        orders = [replace(order, version=order.version + 1) for order in new]

    assert list(store.get_many(order.order_no for order in orders).values()) == orders
    assert {order.status for order in orders} == {Status.COMPLETED}


class Repeating:
    """What botocore does when the reply does not come: the same request again."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def batch_execute_statement(self, **request: Any) -> Any:
        self._dynamodb.batch_execute_statement(**request)
        reply = self._dynamodb.batch_execute_statement(**request)
        return reply | {"ResponseMetadata": reply["ResponseMetadata"] | {"RetryAttempts": 1}}


def test_a_write_whose_reply_was_lost_is_no_lost_order(aws: Callable[[str], Any], orders_table: str) -> None:
    repeating: Any = Repeating(aws("dynamodb"))
    store = OrderStore(repeating, orders_table)
    before = store.create(an_order(0))

    assert set() == store.save_many([(before, replace(before, status=Status.PLACED))])


def test_who_comes_second_with_the_same_write_has_lost(store: OrderStore) -> None:
    before = store.create(an_order(0))
    after = replace(before, status=Status.PLACED)
    store.save_many([(before, after)])

    assert {before.order_no} == store.save_many([(before, after)])


def test_another_writers_order_is_lost_though_it_has_the_version_that_we_wanted(store: OrderStore) -> None:
    before = store.create(an_order(0))
    store.save_many([(before, replace(before, status=Status.CANCELLED))])

    assert {before.order_no} == store.save_many([(before, replace(before, status=Status.PLACED))])


# ── A member's look ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_of_two_that_check_at_the_same_moment_may_ask_the_platform(store: OrderStore) -> None:
    order = store.create(an_order())

    claims = [store.claim_check(order.order_no, NOW + at, since=NOW + at - 3) for at in (0, 0, 2, 3, 3)]

    assert [True, False, False, True, False] == claims


def test_a_look_loses_no_other_writer_a_round_and_stays_noted(store: OrderStore) -> None:
    order = store.create(an_order())
    store.claim_check(order.order_no, NOW, since=NOW - 3)

    assert set() == store.save_many([(order, replace(order, due_at=NOW + 9))])
    after = store.get(order.order_no)
    assert after
    assert (2, NOW + 9, NOW) == (after.version, after.due_at, after.checked_at)


def test_a_check_of_an_unknown_order_leaves_nothing_behind(store: OrderStore) -> None:
    number = an_order(77).order_no

    assert (False, None) == (store.claim_check(number, NOW, since=NOW), store.get(number))
