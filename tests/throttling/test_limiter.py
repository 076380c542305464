"""The rate limit that all instances share: exact, cheap, by lanes, and never in the way when its table fails."""

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.runtime import Runtime
from jiuwu.throttling.limiter import Lanes
from jiuwu.throttling.repository import LaneTable
from tests.throttling.conftest import RULES, TABLE, Fleet, call

BLOCK = 1.0  # seconds that leased tokens stay good


def granted(lanes: Lanes, lane: str = "money", max_wait_seconds: float = 0.0) -> bool:
    return not lanes.acquire(lane, max_wait_seconds=max_wait_seconds).refused


def test_all_instances_together_get_the_burst_and_then_the_rate(fleet: Fleet) -> None:
    instances = [fleet.instance() for _ in range(5)]
    first = sum(granted(instances[n % 5]) for n in range(500))
    fleet.now += 2.0
    later = sum(granted(instances[n % 5]) for n in range(500))

    # a quarter of a second's tokens are left until they are worth a write
    assert 38 <= first <= 50
    # two seconds' rate are a hundred, but no more than the burst is kept
    assert 38 <= later <= 50
    assert ("limited", "money", "") in fleet.seen


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 0.7), st.integers(1, 25), st.booleans()), min_size=1, max_size=50
    )
)
def test_no_schedule_of_instances_crashes_and_pauses_gets_more_than_the_rate(
    schedule: list[tuple[int, float, int, bool]],
) -> None:
    fleet = Fleet()
    instances = [fleet.instance(skew) for skew in (0.0, 0.0, -0.2, 0.3)]
    total = 0
    for which, passed, calls, dies in schedule:
        fleet.now += passed
        total += sum(granted(instances[which]) for _ in range(calls))
        if dies:  # between lease and use: what it held is lost, and nobody gets it
            instances[which] = fleet.instance()
        seconds = fleet.now - 1_763_800_000.0 + 0.5  # how far the clocks differ
        assert total <= 50 * seconds + 50


def test_a_waiting_call_gets_its_turn_within_its_longest_wait_and_no_sooner(fleet: Fleet) -> None:
    lanes = fleet.instance()
    for _ in range(50):
        assert granted(lanes)
    began = fleet.now

    assert granted(lanes, max_wait_seconds=1.0)
    assert 0 < fleet.now - began <= 1.0


def test_a_call_that_cannot_wait_learns_when_to_come_again(fleet: Fleet) -> None:
    lanes = fleet.instance()
    while granted(lanes):
        pass
    refusal = lanes.acquire("money", max_wait_seconds=0.0)
    fleet.now += refusal.retry_after

    assert ("limit", True) == (refusal.refused, granted(lanes))


def test_a_flood_of_ten_thousand_products_leaves_refunds_as_fast_as_ever(fleet: Fleet) -> None:
    pushers, dispatcher = [fleet.instance() for _ in range(4)], fleet.instance()
    refunds, products, waits = 0, 0, []
    for n in range(10_000):
        fleet.now += 0.001
        products += granted(pushers[n % 4], "products")
        if n % 50 == 0:  # twenty refunds a second
            began = fleet.now
            refunds += granted(dispatcher, max_wait_seconds=1.0)
            waits.append(fleet.now - began)

    assert (200, 0.0) == (refunds, max(waits))
    assert products <= 15 * 10 + 15


def test_a_thousand_calls_of_a_busy_instance_cost_less_than_sixty_writes(fleet: Fleet) -> None:
    lanes = fleet.instance()
    for _ in range(10_000):
        fleet.now += 1 / 45
        assert granted(lanes)

    assert fleet.writes / 10 <= 60
    assert fleet.reads / 10 <= 5


def test_ten_busy_instances_at_the_limit_still_write_far_less_than_they_call(fleet: Fleet) -> None:
    instances = [fleet.instance() for _ in range(10)]
    calls = 0
    for n in range(200_000):
        fleet.now += 0.001
        calls += granted(instances[n % 10])

    assert 9_900 <= calls <= 50 * 200 + 50
    assert fleet.writes / calls <= 0.12


def test_an_idle_instance_takes_few_tokens_from_the_others(fleet: Fleet) -> None:
    idle = fleet.instance()
    for _ in range(20):
        fleet.now += 5.0
        assert granted(idle)

    assert 20 == fleet.writes
    assert 49 == sum(granted(fleet.instance()) for _ in range(60))


def test_unused_tokens_of_a_block_expire(fleet: Fleet) -> None:
    lanes = fleet.instance()
    for _ in range(16):  # 1 + 2 + 4 + 8 + 16: fifteen are left of the last block
        assert granted(lanes)
    before = fleet.writes
    fleet.now += BLOCK

    assert granted(lanes)
    assert before + 1 == fleet.writes


def test_a_clock_an_hour_ahead_does_not_stop_the_others(fleet: Fleet) -> None:
    wrong, right = fleet.instance(3600.0), fleet.instance()
    assert granted(wrong)
    fleet.now += 1.0
    granted(right)
    fleet.now += 2.0

    assert all(granted(right) for _ in range(40))


# ── the platform's own word ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_by_the_platform_pauses_its_lane_for_all_instances_and_no_other_lane(fleet: Fleet) -> None:
    paused, other = fleet.instance(), fleet.instance()
    paused.acquire("money", max_wait_seconds=0.0).report("neither", 3.0)

    assert [False, False] == [granted(paused), granted(other)]
    assert granted(paused, "reading")
    assert 3.0 == pytest.approx(other.acquire("money", max_wait_seconds=0.0).retry_after)
    fleet.now += 3.0
    assert granted(other)
    assert [("money", "")] == fleet.events("paused")


def test_a_pause_of_years_ends_after_a_minute(fleet: Fleet) -> None:
    lanes = fleet.instance()
    lanes.acquire("money", max_wait_seconds=0.0).report("neither", 1e9)
    fleet.now += 60.0

    assert granted(lanes)


# ── when the table fails ──────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_go_on_while_the_table_is_throttled_and_it_is_told_once_and_requested_again_later(fleet: Fleet) -> None:
    fleet.account.calls.throttle = lambda *_: True
    lanes = fleet.instance()

    assert ["primary"] * 500 == call(lanes, 500)
    assert [("money", "ProvisionedThroughputExceededException")] == fleet.events("unavailable")
    fleet.account.calls.throttle = lambda *_: False
    fleet.now += 5.0
    assert 50 == sum(granted(lanes) for _ in range(100))


def test_an_item_that_is_not_ours_does_not_stop_calls(fleet: Fleet) -> None:
    item = {"lane": {"S": "money"}, "version": {"N": "3"}, "state": {"S": "[]"}}
    fleet.account.client("dynamodb").put_item(TableName=TABLE, Item=item)

    assert ["primary"] == call(fleet.instance(), 1)
    assert [("money", "LaneMalformed")] == fleet.events("unavailable")


def test_a_lease_whose_reply_was_lost_only_wastes_its_tokens(fleet: Fleet) -> None:
    lost = 0

    def lose(service: str, operation: str, phase: str, request: Mapping[str, Any]) -> None:
        nonlocal lost
        if operation == "put_item" and phase == "after" and not lost:
            lost += 1
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")

    fleet.account.calls.on_call = lose

    lanes = fleet.instance()
    assert granted(lanes)
    assert 1 == lost
    assert 50 > sum(granted(fleet.instance()) for _ in range(60)) >= 47


def test_a_lane_that_is_always_taken_by_others_is_no_leave_to_call_unlimited(fleet: Fleet) -> None:
    others = fleet.table

    def interfere(service: str, operation: str, phase: str, request: Mapping[str, Any]) -> None:
        if operation == "put_item" and phase == "before":
            fleet.account.calls.on_call = lambda *_: None
            seen = others.read("money")
            others.save("money", seen, seen.lane)
            fleet.account.calls.on_call = interfere

    fleet.account.calls.on_call = interfere

    assert "limit" == fleet.instance().acquire("money", max_wait_seconds=0.1).refused
    assert [] == fleet.events("unavailable")


# ── the real thing ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_threads_of_many_instances_never_get_more_than_the_rate_from_the_local_aws(aws: Any, limits_table: str) -> None:
    clock = [1_763_800_000.0]

    def instance() -> Lanes:
        table = LaneTable(aws("dynamodb"), limits_table)
        return Lanes(
            table,
            RULES,
            on_event=lambda *_: None,
            runtime=Runtime(clock=lambda: clock[0], sleep=lambda _: None, random=random.random),
        )

    instances = [instance() for _ in range(6)]
    with ThreadPoolExecutor(12) as pool:
        first = list(pool.map(lambda n: granted(instances[n % 6], max_wait_seconds=0.05), range(240)))
        clock[0] += 0.5
        second = list(pool.map(lambda n: granted(instances[n % 6], max_wait_seconds=0.05), range(240)))

    assert 0 < sum(first) <= 50
    assert sum(first) + sum(second) <= 75
