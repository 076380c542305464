"""OrderProcessor when messages are poison, others are down or faster, and orders are unknown."""

import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.aws import clients
from jiuwu.aws.dynamodb import marshal_fields
from jiuwu.dead_letters.queue import DeadLetterQueue
from jiuwu.orders.codec import to_item
from jiuwu.orders.effect_key import Ship
from jiuwu.orders.order import Status
from jiuwu.orders.repository import OrderStore, Pair
from jiuwu.runtime import Runtime
from tests.functions.order_processor_rig import Rig
from tests.functions.trade_messages import an_order, data, notification, number, record, shown
from tests.orders.lives import NOW

# ---- poison ----------------------------------------------------------------------------------------------------------


def test_poison_goes_to_the_dead_letters_as_it_came_with_its_reason_and_holds_up_nobody(rig: Rig) -> None:
    rig.put(an_order(), an_order(2))
    poison = record(notification("paid", 1, amount="十二元"), trace="abc")

    assert rig.handle(record(notification("paid", 0)), poison, record(notification("paid", 2))) == []

    (dead_letter,) = rig.dead_letters
    attributes = {name: value["StringValue"] for name, value in dead_letter["MessageAttributes"].items()}
    assert dead_letter["Body"] == poison["body"]
    assert {"event_id": "evt-paid-1", "event_type": "order.paid", "trace": "abc"}.items() <= attributes.items()
    assert ("quarantined", "OrderProcessor", "1") == tuple(attributes[n] for n in ("kind", "function", "attempts"))
    assert attributes["reason"].startswith("malformed: data.amount")
    assert "十二元" not in attributes["reason"]
    assert {rig.order(n).status for n in (0, 2)} == {Status.PAID}
    assert rig.captured.counted("PoisonMessages") == {"malformed": 1}


def test_whatever_lies_in_the_queue_goes_to_the_dead_letters_and_raises_nothing(rig: Rig) -> None:
    junk = [" ", "{", "null", "[]", '"x"', '{"event_id": 7}', "\x7f", '{"data": {}}']

    assert rig.handle(*(record(body) for body in junk)) == []
    assert sorted(message["Body"] for message in rig.dead_letters) == sorted(junk)


def test_a_message_without_attributes_goes_to_the_dead_letters(rig: Rig) -> None:
    assert rig.handle({"messageId": "m", "body": "{}", "messageAttributes": {}}) == []
    assert len(rig.dead_letters) == 1


def test_poison_with_more_attributes_than_fit_goes_to_the_dead_letters(rig: Rig) -> None:
    ours = {"delivery_id": "d-1", "headers": "{}", "redriven_from": "dl_1"}

    assert rig.handle(record("{", **{f"a{n}": "x" for n in range(5)}, **ours)) == []

    (dead_letter,) = rig.dead_letters
    goes_on = {"event_id", "event_type", "received_at", *ours}
    assert goes_on | {"kind", "reason", "function", "attempts"} == dead_letter["MessageAttributes"].keys()


class Down:
    """A client of which every call fails."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**request: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="https://sqs")

        return fail


def test_poison_that_the_dead_letter_queue_refuses_comes_again(rig: Rig) -> None:
    poison, down = record("{"), cast(Any, Down())

    assert rig.handle(poison, dead_letters=DeadLetterQueue(down, "q", function="f")) == [poison["messageId"]]
    assert rig.captured.about("order event")[0]["reason"] == "not_sent_to_dlq"


# ---- trouble ---------------------------------------------------------------------------------------------------------


class Refusing:
    """DynamoDB that refuses every request with this code."""

    class exceptions:  # noqa: N801 -- boto3's name
        class ConditionalCheckFailedException(Exception):
            pass

    def __init__(self, code: str) -> None:
        self.code = code

    def batch_get_item(self, **request: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "ou_secret"}}, "BatchGetItem")


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_table_that_does_not_answer_sends_all_back_but_poison(rig: Rig, code: str) -> None:
    dynamodb: Any = Refusing(code)
    first, poison, second = record(notification("paid", 0)), record("{"), record(notification("paid", 1))

    failures = rig.handle(first, poison, second, store=OrderStore(dynamodb, "orders"))

    assert failures == [first["messageId"], second["messageId"]]
    assert len(rig.dead_letters) == 1
    assert code in rig.captured.everything
    assert "ou_secret" not in rig.captured.everything


def test_effects_that_cannot_be_queued_are_left_to_the_due_time(rig: Rig) -> None:
    rig.put(an_order())

    assert rig.handle(record(notification("paid")), sqs=Down()) == []

    assert (rig.order().status, rig.order().pending) == (Status.PAID, (Ship(),))
    assert NOW < rig.order().due_at <= NOW + 180
    assert rig.captured.about("effects left to the reconciler")[0]["order_nos"] == [number(0)]


class Rushed(OrderStore):
    """A store in which someone else is always faster, so many times."""

    def __init__(self, table: str, times: int) -> None:
        super().__init__(clients.client("dynamodb"), table, runtime=Runtime(sleep=lambda _: None))
        self.times, self._table_name = times, table

    def save_many(self, pairs: Any) -> set[str]:
        pairs = list[Pair](pairs)
        for old, _ in pairs if self.times else ():
            self.times -= 1
            item = marshal_fields(to_item(old) | {"version": old.version + 1})
            clients.client("dynamodb").put_item(TableName=self._table_name, Item=item)
        return super().save_many(pairs)


def test_who_loses_the_race_reads_again_and_applies_again(rig: Rig) -> None:
    rig.put(an_order())

    assert rig.handle(record(notification("paid")), store=Rushed(rig.environment["ORDERS_TABLE"], 2)) == []

    assert (rig.order().status, rig.order().version) == (Status.PAID, 4)
    assert rig.requested_to_ship == [number(0)]


def test_who_loses_every_race_sends_the_message_back(rig: Rig) -> None:
    rig.put(an_order())
    message = record(notification("paid"))

    assert rig.handle(message, store=Rushed(rig.environment["ORDERS_TABLE"], 99)) == [message["messageId"]]

    assert rig.order().status is Status.PLACED
    assert rig.requested_to_ship == []
    assert rig.captured.about("order event")[0]["reason"] == "written_by_others"


# ---- orders that we don't know ---------------------------------------------------------------------------------------


def shows(*orders: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: data({"orders": list(orders)})


def test_an_order_that_only_the_platform_knows_is_adopted_and_paid(rig: Rig) -> None:
    rig.platform(shows(shown()))

    assert rig.handle(record(notification("paid"))) == []

    order = rig.order()
    assert (order.status, order.open_id, order.amount_fen, order.platform_order_no) == ("paid", "ou_secret", 1234, "P0")
    assert order.member_id.startswith("mb_")
    assert order.due_at == NOW  # what else happened meanwhile is for the reconciler to see
    assert rig.requested_to_ship == [number(0)]
    assert rig.captured.counted("Drift") == {"missing_here": 1}


def test_one_question_asks_for_all_orders_that_we_do_not_know(rig: Rig) -> None:
    requested: list[dict[str, Any]] = []

    def answers(request: httpx.Request) -> httpx.Response:
        requested.append(json.loads(request.content))
        return data({"orders": [shown(n) for n in range(3)]})

    rig.platform(answers)
    rig.put(an_order(3))

    assert rig.handle(*(record(notification("paid", n)) for n in range(4))) == []

    assert requested == [{"out_order_nos": [number(n) for n in range(3)]}]
    assert {rig.order(n).status for n in range(4)} == {Status.PAID}


def test_an_order_that_nobody_knows_is_poison_and_drift(rig: Rig) -> None:
    rig.platform(shows())
    rig.put(an_order(1))

    assert rig.handle(record(notification("paid", 0)), record(notification("paid", 1))) == []

    (dead_letter,) = rig.dead_letters
    assert dead_letter["MessageAttributes"]["reason"]["StringValue"].startswith("order_unknown: out_order_no")
    assert "poison" == dead_letter["MessageAttributes"]["kind"]["StringValue"]
    assert rig.store.get(number(0)) is None
    assert rig.order(1).status is Status.PAID
    assert (rig.captured.counted("Drift"), rig.captured.counted("PoisonMessages")) == ({}, {"order_unknown": 1})


def refuses_other_numbers(request: httpx.Request) -> httpx.Response:
    if json.loads(request.content)["out_order_nos"] != [number(1)]:
        return httpx.Response(200, json={"code": 10001, "msg": "", "request_id": "r", "data": {}})
    return data({"orders": [shown(1)]})


@pytest.mark.parametrize("foreign", ["x\x00y", "JW" + "a" * 22, "JW" + "A" * 23, "订单"])
def test_a_number_that_is_not_of_our_making_is_requested_nowhere_and_holds_up_nobody(rig: Rig, foreign: str) -> None:
    rig.platform(refuses_other_numbers)

    assert rig.handle(record(notification("paid", 0, out_order_no=foreign)), record(notification("paid", 1))) == []

    (dead_letter,) = rig.dead_letters
    assert dead_letter["MessageAttributes"]["reason"]["StringValue"].startswith("not_our_order: out_order_no")
    assert rig.order(1).status is Status.PAID


def test_an_unknown_order_whose_reply_makes_no_sense_waits_and_the_others_go_on(rig: Rig) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        requested = json.loads(request.content)["out_order_nos"]
        known = [shown(0), shown(1, amount="12,34"), shown(2)]
        return data({"orders": [order for order in known if order["out_order_no"] in requested]})

    rig.platform(answers)
    unreadable = record(notification("paid", 1))

    assert rig.handle(record(notification("paid", 0)), unreadable, record(notification("paid", 2))) == [
        unreadable["messageId"]
    ]

    assert {rig.order(n).status for n in (0, 2)} == {Status.PAID}
    assert rig.captured.about("order event")[1]["reason"] == "platform:BadReply"


def test_unknown_orders_that_there_is_no_time_to_ask_for_one_by_one_wait_and_the_known_go_on(rig: Rig) -> None:
    left = [30.0]

    def answers(request: httpx.Request) -> httpx.Response:
        left[0] -= 9.0  # as slow as a reply may be
        requested = json.loads(request.content)["out_order_nos"]
        return data({"orders": [shown(n, amount="12,34") for n in range(1, 9) if number(n) in requested]})

    rig.platform(answers)
    rig.put(an_order())
    unknown = [record(notification("paid", n)) for n in range(1, 9)]

    assert rig.handle(record(notification("paid")), *unknown, remaining=lambda: left[0]) == [
        one["messageId"] for one in unknown
    ]

    assert rig.order().status is Status.PAID
    assert left[0] > 0
    assert rig.dead_letters == []


@pytest.mark.parametrize("changes", [{"amount": "99.99"}, {"items": []}])
def test_an_order_that_is_not_provably_ours_is_not_adopted(rig: Rig, changes: dict[str, Any]) -> None:
    rig.platform(shows(shown(**changes)))

    assert rig.handle(record(notification("paid"))) == []

    assert rig.store.get(number(0)) is None
    assert rig.dead_letters[0]["MessageAttributes"]["reason"]["StringValue"].startswith("not_our_order: out_order_no")


def test_while_the_platform_is_down_an_unknown_order_waits_and_the_known_go_on(rig: Rig) -> None:
    rig.platform(lambda request: httpx.Response(400, json={"code": 20001, "msg": "", "request_id": "r", "data": {}}))
    rig.put(an_order(1))
    unknown = record(notification("paid", 0))

    assert rig.handle(unknown, record(notification("paid", 1))) == [unknown["messageId"]]

    assert rig.order(1).status is Status.PAID
    assert rig.dead_letters == []
    assert rig.captured.about("order event")[0]["reason"] == "platform:SignatureRefused"


def test_without_the_app_secret_an_unknown_order_waits_and_the_known_go_on(rig: Rig, aws: Callable[[str], Any]) -> None:
    aws("secretsmanager").put_secret_value(SecretId=rig.environment["APP_SECRET_NAME"], SecretString="hunter2")
    rig.platform(shows(shown()))
    rig.put(an_order(1))
    unknown = record(notification("paid", 0))

    assert rig.handle(unknown, record(notification("paid", 1))) == [unknown["messageId"]]

    assert rig.order(1).status is Status.PAID
    assert "hunter2" not in rig.captured.everything
