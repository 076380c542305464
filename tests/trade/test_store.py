"""Orders in the table: small, written only over what was read, found when due."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.trade.items import SHARDS, from_item, shard_of, to_item
from jiuwu.trade.machine import Applied, Policy, apply
from jiuwu.trade.orders import (
    Completed,
    Effect,
    EffectDone,
    Entry,
    Event,
    Happened,
    Line,
    Order,
    Paid,
    Placed,
    Status,
    order_no_for,
)
from jiuwu.trade.store import OrderStore, TableBusy, TableRefused

NOW = 1_763_800_000
POLICY = Policy()


def an_order(number: int = 0, **changes: Any) -> Order:
    return replace(
        Order(
            order_no=order_no_for("mb_aaaaaaaaaaaaaaaaaaaa", f"key-{number}"),
            member_id="mb_aaaaaaaaaaaaaaaaaaaa",
            open_id="ou_0123456789abcdef01234567",
            lines=(Line("tea-2025-spring", "明前龙井 2025 春茶 250 克礼盒装", 2, 617),),
            amount_fen=1234,
            fingerprint="0123456789abcdef" * 4,
            created_at=NOW,
            due_at=NOW + POLICY.check_seconds,
        ),
        **changes,
    )


def lived(order: Order, *events: Event) -> Order:
    for event in events:
        outcome = apply(order, event, policy=POLICY)
        assert isinstance(outcome, Applied), outcome
        order = outcome.order
    return order


LIFE: tuple[tuple[Event, ...], ...] = (
    (Placed(NOW + 1, "P2025112200000000001", "https://pay.example.com/p/P2025112200000000001?sign=0123456789abcdef"),),
    (Paid("evt_3f2504e04f8911d39a0c0305e82c3301", NOW + 60, "T20251122000000000000000001", 1234, NOW + 59),),
    (EffectDone(NOW + 61, "ship"), EffectDone(NOW + 61, "push:shipped")),
    (Completed("evt_3f2504e04f8911d39a0c0305e82c3302", NOW + 86_400),),
)


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


def number_size(text: str) -> int:
    digits = text.lstrip("-").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def value_size(value: Mapping[str, Any]) -> int:
    """AWS, "DynamoDB item sizes and formats": lists cost 3 bytes and 1 per element besides what is in them."""
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + value_size(element) for element in content)
    return len(content.encode()) if kind == "S" else number_size(content)


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def test_a_paid_and_shipped_order_of_one_line_is_under_a_kilobyte() -> None:
    shipped = lived(an_order(), *(event for events in LIFE[:3] for event in events))

    assert item_size(to_item(shipped)) < 1024


def test_an_order_comes_back_from_its_item_as_it_was() -> None:
    order = an_order(
        status=Status.HELD,
        version=7,
        platform_order_no="P1",
        pay_url="https://pay",
        ledger=(Entry("t1", 1234, NOW), Entry("r1", -4, NOW, of="t1")),
        effects=(("ship", Effect(2, NOW)), ("refund:t2", Effect(3))),
        history=(Happened(NOW, "", "placed"), Happened(NOW, "evt_1", "paid")),
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
    new = replace(read, status=Status.CANCELLED, pay_url="", due_at=0, history=(Happened(NOW, "evt", "cancelled"),))

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
    aws("dynamodb").put_item(TableName=orders_table, Item=to_item(order) | {"gift_note": {"S": "生日快乐"}})

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


def test_an_orders_whole_life_costs_at_most_ten_write_units(aws: Callable[[str], Any], orders_table: str) -> None:
    consumed: list[dict[str, Any]] = []
    store = OrderStore(aws("dynamodb"), orders_table, observe=consumed.append)
    order = store.create(an_order())
    for events in LIFE:
        new = lived(order, *events)
        assert store.save_many([(order, new)]) == set()
        order = replace(new, version=order.version + 1)

    assert order == store.get(order.order_no)
    assert order.status is Status.COMPLETED
    units = [capacity["CapacityUnits"] for capacity in consumed[:5]]
    assert sum(units) <= 10
    assert units[2] == 1  # a payment moves no index key


class OneAnswerAfterAnother:
    """A DynamoDB client that answers from a list and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), list[dict[str, Any]]()

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        return self.answers.pop(0)

    batch_get_item = batch_execute_statement


def fake_store(dynamodb: OneAnswerAfterAnother, waits: list[float] | None = None) -> OrderStore:
    client: Any = dynamodb
    return OrderStore(client, "orders", sleep=(waits if waits is not None else []).append, rand=lambda: 1.0)


def answers(*codes: str) -> dict[str, Any]:
    return {"Responses": [{"Error": {"Code": code, "Message": ""}} if code else {} for code in codes]}


def pairs(*numbers: int) -> list[tuple[Order, Order]]:
    return [(an_order(n, version=1), an_order(n, version=1, status=Status.PLACED)) for n in numbers]


def test_a_throttled_statement_alone_is_tried_again() -> None:
    dynamodb = OneAnswerAfterAnother(answers("", "ThrottlingError", "ConditionalCheckFailed"), answers(""))

    lost = fake_store(dynamodb).save_many(pairs(0, 1, 2))

    assert lost == {an_order(2).order_no}
    assert [len(request["Statements"]) for request in dynamodb.asked] == [3, 1]
    assert dynamodb.asked[1]["Statements"] == [dynamodb.asked[0]["Statements"][1]]


@pytest.mark.parametrize(
    "code",
    [
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    ],
)
def test_what_stays_throttled_counts_as_not_written(code: str) -> None:
    waits: list[float] = []
    dynamodb = OneAnswerAfterAnother(*[answers(code)] * 4)

    assert fake_store(dynamodb, waits).save_many(pairs(0)) == {an_order(0).order_no}
    assert waits == sorted(waits)
    assert sum(waits) < 1


@pytest.mark.parametrize("code", ["AccessDenied", "ResourceNotFound", "SomethingNew"])
def test_what_no_retry_cures_is_raised_with_its_code(code: str) -> None:
    with pytest.raises(TableRefused, match=code):
        fake_store(OneAnswerAfterAnother(answers(code))).save_many(pairs(0))


def test_one_item_refused_leaves_the_others_written() -> None:
    dynamodb = OneAnswerAfterAnother(answers("ValidationError", ""))

    assert fake_store(dynamodb).save_many(pairs(0, 1)) == {an_order(0).order_no}


def test_a_pair_without_difference_costs_nothing() -> None:
    dynamodb = OneAnswerAfterAnother()

    assert fake_store(dynamodb).save_many([(an_order(), an_order())]) == set()
    assert dynamodb.asked == []


def test_an_order_is_written_once_in_a_request() -> None:
    with pytest.raises(ValueError, match=an_order(0).order_no):
        fake_store(OneAnswerAfterAnother()).save_many(pairs(0, 0))


def test_a_statement_sets_and_removes_what_differs_and_nothing_else() -> None:
    dynamodb = OneAnswerAfterAnother(answers(""))
    old = an_order(version=3, pay_url="https://pay")

    fake_store(dynamodb).save_many([(old, replace(old, status=Status.CANCELLED, pay_url="", due_at=0))])

    (statement,) = dynamodb.asked[0]["Statements"]
    assert statement == {
        "Statement": 'UPDATE "orders" SET "status"=? SET "version"=?'
        ' REMOVE "due_at" REMOVE "due_shard" REMOVE "pay_url" WHERE "order_no"=? AND "version"=?',
        "Parameters": [{"S": "cancelled"}, {"N": "4"}, {"S": old.order_no}, {"N": "3"}],
    }


def test_keys_left_unread_are_asked_for_again() -> None:
    one, two = an_order(0, version=1), an_order(1, version=1)
    left = {"orders": {"Keys": [{"order_no": {"S": two.order_no}}]}}
    dynamodb = OneAnswerAfterAnother(
        {"Responses": {"orders": [to_item(one)]}, "UnprocessedKeys": left},
        {"Responses": {"orders": [to_item(two)]}, "UnprocessedKeys": {}},
    )

    assert fake_store(dynamodb).get_many([one.order_no, two.order_no]) == {one.order_no: one, two.order_no: two}
    again = dynamodb.asked[1]["RequestItems"]["orders"]
    assert (again["Keys"], again["ConsistentRead"]) == (left["orders"]["Keys"], True)


def test_a_read_that_stays_throttled_says_so() -> None:
    left = {"Responses": {}, "UnprocessedKeys": {"orders": {"Keys": [{"order_no": {"S": "JW1"}}]}}}

    with pytest.raises(TableBusy):
        fake_store(OneAnswerAfterAnother(*[left] * 4)).get("JW1")
