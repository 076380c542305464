"""The tasks of a reconciliation, and the lease that keeps two invocations from one shard."""

import json
from typing import Any

import pytest

from jiuwu.aws.dynamodb import Table
from jiuwu.reconciliation import shard_tasks
from jiuwu.reconciliation.shard_tasks import CHANGED, Lease, ShardTask, queue_placing
from sandbox.simulation.aws.account import Account
from tests.functions.trade_messages import capture_telemetry

NOW = 1_763_800_000
SHARD = ShardTask("3", NOW, holder="m1", step=2)
START = {"order_no": {"S": "JW1"}}


@pytest.fixture
def account() -> Account:
    return Account.of_template(lambda: NOW)


def lease(account: Account, task: ShardTask) -> Lease:
    return Lease(Table(account.client("dynamodb"), "ReconciliationTable"), task)


def test_a_tick_has_a_task_for_each_shard_and_one_for_the_changed_orders() -> None:
    expected = [ShardTask(CHANGED, NOW), ShardTask("0", NOW), ShardTask("1", NOW)]

    assert expected == list(shard_tasks.of_tick(2, NOW))
    assert (None, "", 0) == (expected[0].start, expected[0].holder, expected[0].step)


def test_a_task_is_held_by_the_message_that_began_it() -> None:
    assert "m1" == ShardTask("3", NOW).held_by("m1").holder
    assert SHARD == SHARD.held_by("m2")


def test_a_continuation_reads_on_as_the_next_step_of_the_same_holder() -> None:
    assert ShardTask("3", NOW, START, "m1", 3) == SHARD.rest(START)


def test_a_task_ends_after_five_hundred_continuations() -> None:
    last = ShardTask("3", NOW, step=499).rest(START)

    assert last
    assert 500 == last.step
    assert last.rest(START) is None


# ── Leases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lease_keeps_others_out_until_it_lapses(account: Account) -> None:
    assert lease(account, ShardTask("3", NOW, holder="m1")).acquire(NOW, NOW + 60)

    other = ShardTask("3", NOW, holder="m2")
    assert not lease(account, other).acquire(NOW + 59, NOW + 120)
    assert lease(account, other).acquire(NOW + 60, NOW + 120)


def test_the_leases_of_two_shards_are_apart(account: Account) -> None:
    assert lease(account, ShardTask("3", NOW, holder="m1")).acquire(NOW, NOW + 60)
    assert lease(account, ShardTask("4", NOW, holder="m2")).acquire(NOW, NOW + 60)


def test_a_continuation_takes_the_lease_from_the_step_before_and_the_same_message_twice_does_not(
    account: Account,
) -> None:
    assert lease(account, SHARD).acquire(NOW, NOW + 60)

    assert not lease(account, SHARD).acquire(NOW + 1, NOW + 60)
    assert lease(account, ShardTask("3", NOW, holder="m1", step=3)).acquire(NOW + 1, NOW + 60)


def test_a_lease_that_ended_is_free_at_once(account: Account) -> None:
    mine = lease(account, SHARD)
    assert mine.acquire(NOW, NOW + 60)

    mine.release()

    assert lease(account, ShardTask("3", NOW, holder="m2")).acquire(NOW + 1, NOW + 60)


@pytest.mark.parametrize("taken", [True, False])
def test_a_lease_that_another_holds_now_is_not_ended(account: Account, *, taken: bool) -> None:
    mine, next_step = lease(account, SHARD), lease(account, ShardTask("3", NOW, holder="m1", step=3))
    if taken:
        assert mine.acquire(NOW, NOW + 60)
    assert next_step.acquire(NOW, NOW + 60)

    mine.release()

    assert not lease(account, ShardTask("3", NOW, holder="m2")).acquire(NOW + 1, NOW + 60)


def test_a_lease_that_was_never_taken_is_not_looked_up(account: Account) -> None:
    calls: list[str] = []
    account.client("dynamodb").delete_item = lambda **_: calls.append("delete_item")

    lease(account, SHARD).release()

    assert [] == calls


# ── Orders to be placed soon ──────────────────────────────────────────────────────────────────────────────────────────


class Queue:
    """SQS that notes its requests and refuses each entry with this code."""

    def __init__(self, refuses_with: str = "") -> None:
        self.requests: list[dict[str, Any]] = []
        self._code = refuses_with

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Failed": [{"Id": entry["Id"], "Code": self._code} for entry in request["Entries"] if self._code]}


def test_an_order_is_queued_to_be_placed_after_a_pause_that_doubles() -> None:
    sqs: Any = Queue()

    queue_placing(sqs, "https://queue", "JW1", tries=2, check_seconds=180)

    [request] = sqs.requests
    [entry] = request["Entries"]
    assert ("https://queue", 20) == (request["QueueUrl"], entry["DelaySeconds"])
    assert {"name": "JW1", "until": 0, "step": 2} == json.loads(entry["MessageBody"])


def test_an_order_that_is_due_as_soon_is_not_queued() -> None:
    sqs: Any = Queue()

    queue_placing(sqs, "https://queue", "JW1", tries=6, check_seconds=180)

    assert [] == sqs.requests


def test_an_order_that_the_queue_refuses_is_left_to_the_reconciler(capsys: pytest.CaptureFixture[str]) -> None:
    sqs: Any = Queue("InternalError")

    telemetry = capture_telemetry(capsys)
    queue_placing(sqs, "https://queue", "JW1", tries=0, check_seconds=180)

    [line] = telemetry.lines
    assert "left to the reconciler" == line["message"]
    assert ("JW1", "not queued: InternalError") == (line["order_no"], line["problem"])


def test_an_order_that_was_queued_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    sqs: Any = Queue()

    telemetry = capture_telemetry(capsys)
    queue_placing(sqs, "https://queue", "JW1", tries=0, check_seconds=180)

    assert [] == telemetry.lines
