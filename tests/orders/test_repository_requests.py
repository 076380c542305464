"""What the store asks of DynamoDB, and what it makes of answers that a local one never gives."""

from dataclasses import replace
from typing import Any

import pytest

from jiuwu.aws.dynamodb import TableBusy, marshal_fields
from jiuwu.orders.codec import shard_of, to_item
from jiuwu.orders.order import Order, Status
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.runtime import Runtime
from tests.orders.stored import NOW, an_order


class OneAnswerAfterAnother:
    """A DynamoDB client that answers from a list and remembers what it was asked; orders of its own it has none, where
    the list does not say so."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.requested = list(answers), list[dict[str, Any]]()

    def batch_execute_statement(self, **request: Any) -> dict[str, Any]:
        self.requested.append(request)
        return self.answers.pop(0)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        return self.batch_execute_statement(**request) if self.answers else {"Responses": {}, "UnprocessedKeys": {}}


def fake_store(dynamodb: OneAnswerAfterAnother, waits: list[float] | None = None) -> OrderStore:
    client: Any = dynamodb
    return OrderStore(
        client,
        "orders",
        runtime=Runtime(clock=lambda: NOW, sleep=(waits if waits is not None else []).append, random=lambda: 1.0),
    )


def answers(*codes: str) -> dict[str, Any]:
    return {"Responses": [{"Error": {"Code": code, "Message": ""}} if code else {} for code in codes]}


def pairs(*numbers: int) -> list[tuple[Order, Order]]:
    return [(an_order(n, version=1), an_order(n, version=1, status=Status.PLACED)) for n in numbers]


def test_a_throttled_statement_alone_is_tried_again() -> None:
    dynamodb = OneAnswerAfterAnother(answers("", "ThrottlingError", "ConditionalCheckFailed"), answers(""))

    lost = fake_store(dynamodb).save_many(pairs(0, 1, 2))

    assert lost == {an_order(2).order_no}
    assert [len(request["Statements"]) for request in dynamodb.requested] == [3, 1]
    assert dynamodb.requested[1]["Statements"] == [dynamodb.requested[0]["Statements"][1]]


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
    assert dynamodb.requested == []


def test_an_order_is_written_once_in_a_request() -> None:
    with pytest.raises(ValueError, match=an_order(0).order_no):
        fake_store(OneAnswerAfterAnother()).save_many(pairs(0, 0))


def test_a_statement_sets_and_removes_what_differs_and_nothing_else() -> None:
    dynamodb = OneAnswerAfterAnother(answers(""))
    old = an_order(version=3, pay_url="https://pay")

    fake_store(dynamodb).save_many([(old, replace(old, status=Status.CANCELLED, pay_url="", due_at=0))])

    (statement,) = dynamodb.requested[0]["Statements"]
    assert statement == {
        "Statement": 'UPDATE "orders" SET "status"=? SET "version"=? SET "changed_shard"=? SET "changed"=?'
        ' REMOVE "due_at" REMOVE "due_shard" REMOVE "pay_url" WHERE "order_no"=? AND "version"=?',
        "Parameters": [
            *({"S": "cancelled"}, {"N": "4"}, {"S": "c0"}, {"S": f"{NOW}#{old.order_no}"}),
            *({"S": old.order_no}, {"N": "3"}),
        ],
    }


def test_an_order_whose_time_moves_goes_to_where_this_many_shards_have_it() -> None:
    dynamodb = OneAnswerAfterAnother(answers(""))
    client: Any = dynamodb
    old = an_order(version=3)

    OrderStore(client, "orders", shards=1000).save_many([(old, replace(old, due_at=old.due_at + 60))])

    (statement,) = dynamodb.requested[0]["Statements"]
    assert {"S": shard_of(old.order_no, 1000)} in statement["Parameters"]
    assert shard_of(old.order_no, 1000) != shard_of(old.order_no)


def test_keys_left_unread_are_requested_again() -> None:
    one, two = an_order(0, version=1), an_order(1, version=1)
    left = {"orders": {"Keys": [{"order_no": {"S": two.order_no}}]}}
    dynamodb = OneAnswerAfterAnother(
        {"Responses": {"orders": [marshal_fields(to_item(one))]}, "UnprocessedKeys": left},
        {"Responses": {"orders": [marshal_fields(to_item(two))]}, "UnprocessedKeys": {}},
    )

    assert fake_store(dynamodb).get_many([one.order_no, two.order_no]) == {one.order_no: one, two.order_no: two}
    again = dynamodb.requested[1]["RequestItems"]["orders"]
    assert (again["Keys"], again["ConsistentRead"]) == (left["orders"]["Keys"], True)


def test_a_read_that_stays_throttled_says_so() -> None:
    left = {"Responses": {}, "UnprocessedKeys": {"orders": {"Keys": [{"order_no": {"S": "JW1"}}]}}}

    with pytest.raises(TableBusy):
        fake_store(OneAnswerAfterAnother(*[left] * 4)).get("JW1")


def test_who_lost_waits_longer_before_each_round() -> None:
    waits: list[float] = []

    assert 9 == len(list(fake_store(OneAnswerAfterAnother(), waits).rounds()))

    assert [0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 1.28, 1.28] == waits


def test_who_lost_nothing_waits_for_nothing() -> None:
    waits: list[float] = []

    for _ in fake_store(OneAnswerAfterAnother(), waits).rounds():
        break

    assert [] == waits
