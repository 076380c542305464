"""Who works on which part of a reconciliation: leases, continuations, shards that come and go, silence over parts."""

import json
from typing import Any

import pytest
from msgspec import structs

from jiuwu.aws.task_queue import FanoutFailed
from jiuwu.orders.codec import shard_of
from jiuwu.orders.events import Paid
from jiuwu.orders.order import Status
from jiuwu.orders.repository import OrderStore
from jiuwu.reconciliation.shard_tasks import CHANGED, ShardTask
from tests.functions.platform_stand_in import Serve, down, refuses
from tests.functions.reconciler_rig import EVENT, LATER, Clockwork, paid

# ── A tick ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("event", [EVENT, {}], ids=["schedule", "by hand"])
def test_a_tick_queues_one_task_for_each_shard_and_one_for_the_changes(clockwork: Clockwork, event: object) -> None:
    answer = clockwork.handle(event)

    queued = [json.loads(message["body"]) for message in clockwork.tasks()]
    assert answer == {"queued": 9}
    assert sorted(task["name"] for task in queued) == [*map(str, range(8)), CHANGED]
    assert {task["until"] for task in queued} == {LATER}


def test_a_tick_that_cannot_be_queued_fails_so_that_its_alarm_rings(clockwork: Clockwork) -> None:
    without_queue(clockwork)

    with pytest.raises(FanoutFailed, match="9 of 9"):
        clockwork.handle({})


def without_queue(clockwork: Clockwork) -> None:
    nowhere = f"{clockwork.sides.sqs.meta.endpoint_url}/000000000000/not-there"
    changed = structs.replace(clockwork.dependencies.settings, reconcile_queue_url=nowhere)
    clockwork.dependencies = clockwork.dependencies._replace(settings=changed)


def test_what_is_no_task_comes_again_and_ends_in_the_dead_letters(clockwork: Clockwork) -> None:
    junk = {"messageId": "m-7", "eventSource": "aws:sqs", "body": '{"name": 3}'}

    assert clockwork.take(junk) == {"batchItemFailures": [{"itemIdentifier": "m-7"}]}


# ── One at a time ─────────────────────────────────────────────────────────────────────────────────────────────────────


def in_the_middle_of_it(clockwork: Clockwork, part: ShardTask) -> ShardTask:
    """The continuation of this part, whose first invocation has come to its end."""
    clockwork.put(part, "m-first", remaining=lambda: 10.0)
    (rest,) = clockwork.tasks()
    return ShardTask(**json.loads(rest["body"]))


@pytest.mark.parametrize("name", ["3", CHANGED])
def test_a_part_still_in_work_is_left_alone_by_the_next_tick(clockwork: Clockwork, name: str) -> None:
    clockwork.orders_of("3", 101)
    in_the_middle_of_it(clockwork, ShardTask(name, LATER))
    requested = list(clockwork.sides.platform.calls)

    answer = clockwork.put(ShardTask(name, LATER + 1), "m-next-tick")

    assert ({"batchItemFailures": []}, requested) == (answer, clockwork.sides.platform.calls)
    assert clockwork.leases == [name]


def test_a_continuation_delivered_twice_is_worked_on_once(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 201)
    rest = in_the_middle_of_it(clockwork, ShardTask("3", LATER))
    clockwork.put(rest, "m-rest", remaining=lambda: 10.0)
    requested = clockwork.sides.platform.count("orders.query")

    clockwork.put(rest, "m-rest")

    assert (2, 2) == (requested, clockwork.sides.platform.count("orders.query"))


def test_a_part_whose_worker_died_is_taken_by_a_later_tick_and_not_given_back_to_the_dead(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 201)
    rest = in_the_middle_of_it(clockwork, ShardTask("3", LATER))
    clockwork.sides.now = LATER + 21  # ten seconds for what was left, ten for the clocks

    clockwork.put(ShardTask("3", LATER + 21), "m-next-tick", remaining=lambda: 10.0)
    requested = clockwork.sides.platform.count("orders.query")
    clockwork.put(rest, "m-rest")

    assert (2, 2) == (requested, clockwork.sides.platform.count("orders.query"))
    assert clockwork.leases == ["3"]


def test_a_shard_without_due_orders_costs_no_lease_and_no_report(clockwork: Clockwork) -> None:
    clockwork.put(ShardTask("3", LATER))

    table = clockwork.sides.names["RECONCILIATION_TABLE"]
    assert [] == clockwork.sides.dynamodb.scan(TableName=table)["Items"]


def test_a_continuation_that_finds_nothing_left_ends_the_lease(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 100)
    rest = in_the_middle_of_it(clockwork, ShardTask("3", LATER))

    clockwork.put(rest)

    assert ([], []) == (clockwork.tasks(), clockwork.leases)


def test_a_task_that_crashes_comes_again_and_finds_the_part_free(clockwork: Clockwork) -> None:
    (number,) = clockwork.orders_of("3", 1)
    clockwork.sides.platform.fail("orders.query", crash)

    with pytest.raises(ZeroDivisionError):
        clockwork.put(ShardTask("3", LATER), "m-1")
    clockwork.put(ShardTask("3", LATER), "m-1")

    assert clockwork.sides.order(number).due_at > LATER
    assert clockwork.leases == []


def crash(_: Serve) -> object:
    return 1 / 0


def test_a_continuation_that_cannot_be_queued_brings_the_task_again(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 101)
    without_queue(clockwork)

    with pytest.raises(FanoutFailed, match="1 of 1"):
        clockwork.put(ShardTask("3", LATER), remaining=lambda: 10.0)


def test_a_platform_that_is_down_is_requested_again_by_the_next_tick_and_no_sooner(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 101)
    clockwork.sides.platform.fail_always("orders.query", down)

    answer = clockwork.put(ShardTask("3", LATER))

    assert ({"batchItemFailures": []}, [], []) == (answer, clockwork.tasks(), clockwork.leases)


def test_orders_that_stay_due_do_not_keep_a_pass_from_its_end(clockwork: Clockwork) -> None:
    numbers = clockwork.orders_of("3", 101)

    def unreadable(serve: Serve) -> object:
        data: Any = serve()
        return data | {"orders": [order | {"amount": "?"} for order in data["orders"]]}

    clockwork.sides.platform.fail_always("orders.query", unreadable)
    rest = in_the_middle_of_it(clockwork, ShardTask("3", LATER))
    clockwork.put(rest)

    assert {LATER - 820} == {clockwork.sides.order(number).due_at for number in numbers}
    assert (clockwork.tasks(), clockwork.leases) == ([], [])


# ── More shards, and fewer ────────────────────────────────────────────────────────────────────────────────────────────


def with_shards(clockwork: Clockwork, shards: int) -> OrderStore:
    """The parameter changed: the reconciler on so many shards; and a store that writes into them."""
    changed = structs.replace(clockwork.dependencies.settings, due_shards=shards)
    store = OrderStore(clockwork.sides.dynamodb, clockwork.sides.names["ORDERS_TABLE"], shards=shards)
    clockwork.dependencies = clockwork.dependencies._replace(settings=changed, store=store)
    return store


def shards_in_table(clockwork: Clockwork) -> dict[str, str]:
    items = clockwork.sides.dynamodb.scan(TableName=clockwork.sides.names["ORDERS_TABLE"])["Items"]
    return {item["order_no"]["S"]: item["due_shard"]["S"] for item in items}


@pytest.mark.parametrize(("before", "after"), [(8, 64), (64, 8), (8, 12)])
def test_a_changed_number_of_shards_loses_no_order(clockwork: Clockwork, before: int, after: int) -> None:
    clockwork.sides.store = with_shards(clockwork, before)
    clockwork.run()
    old = [clockwork.order(f"old-{n}") for n in range(30)]
    clockwork.sides.store = with_shards(clockwork, after)
    new = [clockwork.order(f"new-{n}") for n in range(30)]
    assert shards_in_table(clockwork) == {
        number: shard_of(number, before if number in old else after) for number in [*old, *new]
    }

    clockwork.run()

    assert all(clockwork.sides.order(number).due_at > LATER for number in [*old, *new])
    # an order moves to its new shard when its time in the index changes, which costs nothing more
    assert shards_in_table(clockwork) == {number: shard_of(number, after) for number in [*old, *new]}


def test_a_function_that_was_not_told_of_more_shards_writes_where_all_are_read(clockwork: Clockwork) -> None:
    with_shards(clockwork, 64)
    numbers = [clockwork.order(f"key-{n}") for n in range(30)]

    clockwork.run()

    assert all(clockwork.sides.order(number).due_at > LATER for number in numbers)


def test_two_ticks_of_an_old_and_a_new_version_both_read_all_shards_there_ever_were(clockwork: Clockwork) -> None:
    with_shards(clockwork, 64)
    clockwork.handle({})
    with_shards(clockwork, 8)

    assert clockwork.handle({}) == {"queued": 65}


# ── Silence ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def unheard_of(clockwork: Clockwork, number: int) -> None:
    """So many payments whose notifications never came, due and changed."""
    for n in range(number):
        clockwork.sides.platform.pay(clockwork.order(f"key-{n}"), transaction=f"t{n}")
    clockwork.sides.now = LATER + 100


def test_a_silent_channel_is_noticed_though_the_shards_have_repaired_all_of_it(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    unheard_of(clockwork, 3)
    for shard in range(8):
        clockwork.put(ShardTask(str(shard), LATER + 100))
    assert "SilentWebhook" not in capsys.readouterr().out

    clockwork.put(ShardTask(CHANGED, LATER + 100))

    assert "SilentWebhook" in capsys.readouterr().out


@pytest.mark.parametrize(("missed", "silent"), [(0, False), (3, True)])
def test_what_members_looks_found_first_is_neither_silence_nor_news(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str], missed: int, silent: bool
) -> None:
    for n in range(3):
        seen = Paid(f"storefront:paid:s{n}", LATER, f"s{n}", 1234, LATER)
        number = clockwork.order(f"seen-{n}", seen)
        clockwork.sides.platform.pay(number, transaction=f"s{n}")
    unheard_of(clockwork, missed)

    clockwork.put(ShardTask(CHANGED, LATER + 100))

    assert silent is ("SilentWebhook" in capsys.readouterr().out)


def test_silence_is_judged_over_all_pages_of_the_list(clockwork: Clockwork, capsys: pytest.CaptureFixture[str]) -> None:
    unheard_of(clockwork, 3)
    clockwork.sides.platform.page_size = 1

    for page in range(3):
        assert "SilentWebhook" not in capsys.readouterr().out, f"before page {page}"
        clockwork.put(ShardTask(CHANGED, LATER + 100), remaining=lambda: 10.0)
        clockwork.sides.now += 21

    assert "SilentWebhook" in capsys.readouterr().out


def test_one_notification_on_the_first_page_is_remembered_to_the_last(
    clockwork: Clockwork, capsys: pytest.CaptureFixture[str]
) -> None:
    received = clockwork.order("received", paid("x", at=LATER))
    clockwork.sides.platform.pay(received, transaction="t1")
    unheard_of(clockwork, 3)
    clockwork.sides.platform.page_size = 1

    clockwork.run(remaining=lambda: 10.0)

    assert "SilentWebhook" not in capsys.readouterr().out


def test_a_forgotten_page_counts_nobody_twice(clockwork: Clockwork, capsys: pytest.CaptureFixture[str]) -> None:
    unheard_of(clockwork, 2)
    clockwork.sides.platform.page_size = 1
    clockwork.put(ShardTask(CHANGED, LATER + 100), remaining=lambda: 10.0)
    (rest,) = clockwork.tasks()

    clockwork.sides.platform.fail("orders.changed", refuses(10001))
    clockwork.take(rest)

    assert "SilentWebhook" not in capsys.readouterr().out


# ── An order that the platform could not take a moment ago ────────────────────────────────────────────────────────────


def test_an_order_not_taken_yet_is_placed_by_its_own_task(clockwork: Clockwork) -> None:
    number = clockwork.order(there=False)

    answer = clockwork.put(ShardTask(number, 0))

    assert ({"batchItemFailures": []}, "created") == (answer, clockwork.sides.platform.orders[number].status)
    assert Status.PLACED is clockwork.sides.order(number).status
    assert ([], []) == (clockwork.leases, clockwork.reports)


@pytest.mark.parametrize("call", ["orders.query", "orders.create"])
def test_while_the_platform_is_down_the_next_try_comes_after_twice_the_pause(clockwork: Clockwork, call: str) -> None:
    number = clockwork.order(there=False)
    clockwork.sides.platform.fail_always(call, down)
    sent = sending(clockwork)

    for step in range(6):
        clockwork.put(ShardTask(number, 0, step=step))

    assert [(10, 1), (20, 2), (40, 3), (80, 4), (160, 5)] == [(delay, task["step"]) for delay, task in sent]
    assert {number} == {task["name"] for _, task in sent}


def test_a_task_for_an_order_placed_meanwhile_asks_the_platform_nothing(clockwork: Clockwork) -> None:
    number = clockwork.order()

    clockwork.put(ShardTask(number, 0))

    assert [] == clockwork.sides.platform.calls


def test_a_task_for_an_order_of_nobody_is_done(clockwork: Clockwork) -> None:
    assert {"batchItemFailures": []} == clockwork.put(ShardTask("JW" + "A" * 22, 0))


def sending(clockwork: Clockwork) -> list[tuple[int, dict[str, Any]]]:
    """The tasks that the reconciler queues from now on, each with its delay."""
    sent: list[tuple[int, dict[str, Any]]] = []

    class Queue:
        def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            sent.extend((entry["DelaySeconds"], json.loads(entry["MessageBody"])) for entry in Entries)
            return {}

    clockwork.dependencies = clockwork.dependencies._replace(sqs=Queue())
    return sent
