"""A message fails permanently, becomes a dead letter, is redriven by `jiuwu dead-letters`, and counts as a new one."""

import json
from typing import Any

import boto3
import pytest

from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.order import Status
from jiuwu.runtime import Runtime
from jiuwu_cli.dead_letters.redrive import Redriver
from jiuwu_cli.deployment.stack import Stack
from tests.functions.order_processor_rig import Rig
from tests.functions.test_order_processor_trouble import shows
from tests.functions.trade_messages import an_order, drained, notification, number, record, shown
from tests.orders.lives import NOW


class Desk:
    """Letters of OrderProcessor's dead, and the way back."""

    def __init__(self, rig: Rig, stack: Stack) -> None:
        self.rig, self.stack, self.sqs = rig, stack, stack.client("sqs")
        self.shelf = DeadLetterRepository(stack.client("dynamodb"), stack.output("DeadLettersTable"))

    def kept(self) -> list[DeadLetter]:
        """A message that failed, as the keeper keeps it."""
        found = taken(self.sqs, self.rig.environment["ORDER_DEAD_LETTER_URL"])
        profile = self.rig.dependencies.platform.profile
        return [
            self.shelf.keep(failed_message.read(one, source=failed_message.ORDERS, profile=profile, now=NOW + 60))
            for one in found
        ]

    def redriven(self, dead_letter: DeadLetter) -> list[str]:
        """Sends it back and has OrderProcessor take what then is on the queue."""
        Redriver(self.stack, runtime=Runtime(clock=lambda: NOW + 120)).send(dead_letter)
        return self.rig.handle(*taken(self.sqs, self.stack.output("OrderQueue")))


def taken(sqs: Any, url: str) -> list[dict[str, Any]]:
    """The messages of a queue as Lambda hands them over, and off the queue."""
    records = []
    for message in drained(sqs, url):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        named = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        records.append(record(message["Body"], **named) | {"messageId": message["MessageId"]})
    return records


@pytest.fixture
def desk(rig: Rig, cloud: Any, order_queue: str, dead_letters_table: str) -> Desk:
    outputs = {
        "OrderQueue": order_queue,
        "EffectQueue": rig.environment["EFFECT_QUEUE_URL"],
        "OrdersTable": rig.environment["ORDERS_TABLE"],
        "DeadLettersTable": dead_letters_table,
    }
    return Desk(rig, Stack("tests", outputs, {"Profile": "jiuwu"}, boto3.Session(), cloud.endpoint_url))


def test_an_order_that_nobody_knew_is_paid_by_the_redrive_and_by_that_only_once(desk: Desk) -> None:
    desk.rig.platform(shows())
    desk.rig.handle(record(notification("paid"), delivery_id="d-1"))
    (dead_letter,) = desk.kept()
    desk.rig.platform(shows(shown()))

    assert [] == desk.redriven(dead_letter)
    paid = desk.rig.order()
    assert (Status.PAID, 1234) == (paid.status, paid.balance_fen)
    assert [number(0)] == desk.rig.requested_to_ship

    assert [] == desk.redriven(dead_letter)
    assert (paid, []) == (desk.rig.order(), desk.rig.requested_to_ship)
    line = desk.rig.captured.about("order event")[-1]
    assert ("duplicate_event", dead_letter.dead_letter_id) == (line["reason"], line["redriven_from"])
    assert line["delivery_id"].startswith("redrive-")


def test_the_redrive_of_what_was_applied_changes_nothing(desk: Desk) -> None:
    """A message can be given up though it was applied: the function died after its write, or its reply was lost."""
    desk.rig.put(an_order())
    message = record(notification("paid"))
    desk.rig.handle(message)
    before, shipped = desk.rig.order(), desk.rig.requested_to_ship
    profile = desk.rig.dependencies.platform.profile
    dead_letter = desk.shelf.keep(failed_message.read(message, source=failed_message.ORDERS, profile=profile, now=NOW))

    assert [] == desk.redriven(dead_letter)

    assert (before, [number(0)], []) == (desk.rig.order(), shipped, desk.rig.requested_to_ship)


def test_what_dies_again_is_the_same_dead_letter_and_says_so(desk: Desk) -> None:
    desk.rig.put(an_order())
    desk.rig.handle(record(notification("paid", amount="十二元"), delivery_id="d-1"))
    (dead_letter,) = desk.kept()

    desk.redriven(dead_letter)
    (again,) = desk.kept()

    assert (dead_letter.dead_letter_id, "failed again", 2, 2) == (
        again.dead_letter_id,
        again.state,
        again.failures,
        again.attempts,
    )
    assert (dead_letter.body, dead_letter.first_at) == (again.body, again.first_at)
    assert again.delivery_id == again.redriven_as


def test_the_second_event_under_a_used_id_is_kept_beside_the_first_and_never_applied(desk: Desk) -> None:
    desk.rig.put(an_order())
    desk.rig.handle(record(notification("paid", event="evt-1")))
    paid = desk.rig.order()
    desk.rig.handle(record(notification("paid", event="evt-1", transaction_id="T9")))
    (dead_letter,) = desk.kept()
    assert "T9" == json.loads(dead_letter.body)["data"]["transaction_id"]

    desk.redriven(dead_letter)

    assert paid == desk.rig.order()
    assert ["failed again"] == [one.state for one in desk.kept()]
