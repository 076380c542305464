"""Effects are requested by messages, once for each order; how long a message waits is estimated."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.effects import queue
from jiuwu.effects.queue import EffectQueue
from jiuwu.effects.queue_delay import Backlog
from jiuwu.runtime import Runtime
from tests.functions.trade_messages import capture_telemetry


def test_orders_are_queued_ten_at_a_time_and_once_each(aws: Callable[[str], Any], effect_queue: str) -> None:
    numbers = [f"JW{n}" for n in range(12)]

    assert queue.send(aws("sqs"), effect_queue, [*numbers, "JW0"]) == set()

    received = [
        json.loads(message["Body"])["order_no"]
        for _ in range(2)
        for message in aws("sqs").receive_message(QueueUrl=effect_queue, MaxNumberOfMessages=10)["Messages"]
    ]
    assert sorted(received) == sorted(numbers)


def test_orders_that_the_queue_did_not_take_are_named() -> None:
    class HalfDown:
        def send_message_batch(self, **request: Any) -> dict[str, Any]:
            if len(request["Entries"]) < 10:
                raise EndpointConnectionError(endpoint_url="https://sqs")
            return {"Successful": [], "Failed": [{"Id": "3", "Code": "InternalError", "SenderFault": False}]}

    sqs: Any = HalfDown()

    assert queue.send(sqs, "https://queue", [f"JW{n}" for n in range(12)]) == {"JW3", "JW10", "JW11"}


def test_an_order_that_the_queue_turned_away_is_sent_again_alone() -> None:
    requested: list[list[str]] = []

    class BusyOnce:
        def send_message_batch(self, **request: Any) -> dict[str, Any]:
            requested.append([json.loads(entry["MessageBody"])["order_no"] for entry in request["Entries"]])
            failed = [{"Id": "1", "Code": "RequestThrottled", "SenderFault": False}] if len(requested) == 1 else []
            return {"Successful": [], "Failed": failed}

    sqs: Any = BusyOnce()

    assert queue.send(sqs, "https://queue", ["JW0", "JW1", "JW2"]) == set()
    assert requested == [["JW0", "JW1", "JW2"], ["JW1"]]


class Counting:
    """An effect queue with so many messages, as SQS says; it takes all that is sent."""

    def __init__(self, waiting: int) -> None:
        self.waiting, self.requested, self.sent = waiting, 0, 0

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        self.requested += 1
        if self.waiting < 0:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")
        assert QueueUrl == "effects"
        return {"Attributes": {name: str(self.waiting) for name in AttributeNames}}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "effects"
        self.sent += len(Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def queue_of(sqs: Any, now: list[float]) -> EffectQueue:
    return EffectQueue(sqs, "effects", Backlog(50.0, readers=8), runtime=Runtime(clock=lambda: now[0]))


def test_an_effect_waits_for_all_that_are_queued_before_it() -> None:
    assert 3 * 9000 / 50 == queue_of(Counting(9000), [0.0]).wait()
    assert 0.0 == queue_of(Counting(0), [0.0]).wait()


def test_what_sqs_has_not_counted_yet_counts_eight_times_for_eight_readers_until_it_is_counted() -> None:
    sqs, now = Counting(0), [0.0]
    effects = queue_of(sqs, now)
    effects.wait()

    effects.enqueue(f"JW{number}" for number in range(100))
    soon = effects.wait()
    sqs.waiting, now[0] = 500, 60.0
    later = effects.wait()

    now[0] = 120.0
    counted = effects.wait()

    # SQS' own count may be a minute old
    assert (3 * 800 / 50, 3 * (500 + 800) / 50, 3 * 500 / 50) == (soon, later, counted)
    assert (100, 3) == (sqs.sent, sqs.requested)


def test_a_queue_that_sqs_does_not_count_is_taken_for_what_was_known_and_requested_a_minute_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sqs, now, waits, captured = Counting(100), [0.0], list[float](), capture_telemetry(capsys)
    effects = queue_of(sqs, now)
    effects.wait()
    sqs.waiting = -1

    for now[0] in (30.0, 60.0, 90.0):
        waits.append(effects.wait())

    assert [6.0] * 3 == waits
    assert 2 == sqs.requested
    (line,) = captured.about("the effect queue's length is not known")
    assert ("WARNING", "ClientError AccessDenied") == (line["level"], line["failed"])


def test_a_queue_that_nobody_reads_puts_nothing_off_for_days() -> None:
    assert 12 * 3600 == queue_of(Counting(10**9), [0.0]).wait()
