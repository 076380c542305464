"""Tasks over a queue, with the local AWS; and what its faults come to, with a client of our own."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError

from jiuwu.aws import task_queue
from jiuwu.aws.task_queue import FanoutFailed, Task


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    part: int
    note: str = ""


def record(body: str, message_id: str = "m-1") -> dict[str, str]:
    return {"messageId": message_id, "body": body}


class Sqs:
    """Answers each request from a list; an exception in it is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.sent = list(answers), list[list[int]]()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 -- boto3's names
        self.sent.append([json.loads(entry["MessageBody"])["part"] for entry in Entries])
        if isinstance(answer := self.answers.pop(0), Exception):
            raise answer
        return {"Failed": [{"Id": str(n), "Code": code, "SenderFault": False} for n, code in answer]}


def spread(sqs: Sqs, number: int) -> int:
    client: Any = sqs
    return task_queue.enqueue(client, "https://queue", (Part(n) for n in range(number)))


def test_each_task_arrives_once_as_it_was_sent(aws: Callable[[str], Any], effect_queue: str) -> None:
    sqs = aws("sqs")

    assert task_queue.enqueue(sqs, effect_queue, [*(Part(n) for n in range(12)), {"part": 12, "note": "茶"}]) == 13

    arrived = list[Part | None]()
    while messages := sqs.receive_message(QueueUrl=effect_queue, MaxNumberOfMessages=10).get("Messages"):
        event = {"Records": [record(message["Body"], message["MessageId"]) for message in messages]}
        arrived += [task.body for task in task_queue.tasks(event, Part)]
        for message in messages:
            sqs.delete_message(QueueUrl=effect_queue, ReceiptHandle=message["ReceiptHandle"])
    assert sorted((part.part, part.note) for part in arrived if part) == [*((n, "") for n in range(12)), (12, "茶")]


def test_ten_tasks_go_in_one_request() -> None:
    assert spread(sqs := Sqs([], [], []), 21) == 21
    assert [len(parts) for parts in sqs.sent] == [10, 10, 1]


def test_no_task_is_no_request() -> None:
    assert spread(Sqs(), 0) == 0


def test_tasks_that_the_queue_refused_are_counted_and_the_others_are_sent_all_the_same() -> None:
    stubborn = [(3, "InternalError"), (7, "Throttled")]
    sqs = Sqs(stubborn, stubborn, stubborn, EndpointConnectionError(endpoint_url="q"), [])

    with pytest.raises(FanoutFailed, match="12 of 25 tasks were not queued: InternalError") as failed:
        spread(sqs, 25)

    assert (failed.value.unqueued, len(sqs.sent)) == (12, 5)


def test_what_the_queue_refused_singly_is_sent_again_alone() -> None:
    sqs = Sqs([(3, "Throttled"), (7, "Throttled")], [])

    assert spread(sqs, 10) == 10
    assert sqs.sent[1] == [3, 7]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"part": "1"}', '{"part": 1.5}', '"\\ud800"', "null"])
def test_what_is_no_task_of_ours_is_none_and_keeps_its_message_id(body: str) -> None:
    assert task_queue.tasks({"Records": [record(body)]}, Part) == [Task("m-1", None)]


def test_the_reply_names_the_messages_that_have_to_come_again() -> None:
    event = {"Records": [record('{"part": 1}', "m-1"), record("junk", "m-2")]}
    tasks = task_queue.tasks(event, Part)

    reply = task_queue.batch_failures(task.message_id for task in tasks if task.body is None)

    assert reply == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
