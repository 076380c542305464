"""The circuit breaker over all instances: opened by what they saw together, probed by few, closed for all."""

from typing import Any

import pytest

from jiuwu.throttling import lane as lanes_
from jiuwu.throttling.limiter import Lanes
from tests.throttling.conftest import RULES, Fleet, call, fail

OPEN, WINDOW = 15.0, 10.0


def broken(fleet: Fleet) -> list[Lanes]:
    """Three instances, by which the circuit of the money lane was opened just now."""
    instances = [fleet.instance() for _ in range(3)]
    for lanes in instances:
        fail(lanes, 16)
    fleet.now += 2.0
    assert "circuit" in {lanes.acquire("money", max_wait_seconds=0.0).refused for lanes in instances}
    return instances


def force(fleet: Fleet, word: Any, address: Any = "primary") -> None:
    fleet.table.change("money", lambda lane: lanes_.forced(lane, address, word))


def test_two_instances_that_each_see_half_of_the_failures_open_it_together(fleet: Fleet) -> None:
    one, other = fleet.instance(), fleet.instance()
    fail(one, 12)
    fail(other, 12)
    fleet.now += 1.0
    fail(one, 1)  # reports what came before it
    fleet.now += 1.0
    answers = fail(other, 1)

    assert ["circuit"] == answers
    assert [("money", "primary")] == fleet.events("opened")
    fleet.now += 2.0
    assert ["circuit"] == call(one, 1)


def test_an_open_circuit_refuses_at_once_says_when_to_come_again_and_asks_the_table_rarely(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]
    began, writes, reads = fleet.now, fleet.writes, fleet.reads
    refusals = [lanes.acquire("money", max_wait_seconds=1.0) for _ in range(100)]

    assert {"circuit"} == {refusal.refused for refusal in refusals}
    assert 0 < refusals[0].retry_after <= OPEN
    assert began == fleet.now
    assert 0 == fleet.writes - writes
    assert fleet.reads - reads <= 100  # while others wrote a moment ago it reads, at a fifth of a write's price


def test_one_lanes_failures_leave_the_others_alone(fleet: Fleet) -> None:
    broken(fleet)

    assert ["primary"] == call(fleet.instance(), 1, "reading")


def test_business_errors_and_refusals_for_the_rate_do_not_open_it(fleet: Fleet) -> None:
    lanes = fleet.instance()
    answers = []
    for _ in range(10):
        fleet.now += 1.0
        answers += call(lanes, 10, outcome="ok") + call(lanes, 10, outcome="neither")

    assert {"primary"} == set(answers)


def test_after_its_time_only_three_probes_go_through_from_any_caller(fleet: Fleet) -> None:
    instances = broken(fleet)
    fleet.now += OPEN
    permits = [instances[n % 3].acquire("money", max_wait_seconds=0.0) for n in range(30)]

    assert 3 == sum(not permit.refused for permit in permits)


def test_it_closes_for_all_when_the_probes_succeeded(fleet: Fleet) -> None:
    instances = broken(fleet)
    fleet.now += OPEN
    probes = [lanes.acquire("money", max_wait_seconds=0.0) for lanes in instances]
    for probe in probes:
        probe.report("ok")
    fleet.now += 2.0

    assert [["primary"]] * 3 == [call(lanes, 1) for lanes in instances]
    assert [("money", "primary")] == fleet.events("closed")


def test_a_failed_probe_opens_it_again_for_all(fleet: Fleet) -> None:
    instances = broken(fleet)
    fleet.now += OPEN
    instances[0].acquire("money", max_wait_seconds=0.0).report("failed")

    assert [["circuit"]] * 3 == [call(lanes, 1) for lanes in instances]
    assert 2 == len(fleet.events("opened"))


def test_probes_that_died_are_followed_by_others(fleet: Fleet) -> None:
    instances = broken(fleet)
    fleet.now += OPEN
    for lanes in instances:
        assert not lanes.acquire("money", max_wait_seconds=0.0).refused  # and is never heard of again
    assert "circuit" == fleet.instance().acquire("money", max_wait_seconds=0.0).refused
    fleet.now += OPEN

    assert not fleet.instance().acquire("money", max_wait_seconds=0.0).refused


def test_failures_of_long_ago_do_not_count(fleet: Fleet) -> None:
    lanes = fleet.instance()
    fail(lanes, 16)
    fleet.now += 10 * WINDOW

    assert ["primary"] * 10 == fail(lanes, 10)


# ── an operator's word ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_can_stop_calls_and_let_them_go_again(fleet: Fleet) -> None:
    lanes = fleet.instance()
    assert ["primary"] == call(lanes, 1)
    force(fleet, "open")
    fleet.now += 2.0
    assert ["circuit"] * 3 == call(lanes, 3)
    fleet.now += 1000.0
    assert ["circuit"] == call(lanes, 1)
    force(fleet, "auto")
    fleet.now += 2.0

    assert ["primary"] == call(lanes, 1)


def test_an_operator_can_keep_it_closed_though_everything_fails(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]
    force(fleet, "closed")
    fleet.now += 2.0
    answers = []
    for _ in range(5):
        answers += fail(lanes, 10)
        fleet.now += 1.0

    assert {"primary"} == set(answers)


# ── the fallback address ──────────────────────────────────────────────────────────────────────────────────────────────


def test_while_the_primary_is_open_calls_go_to_the_fallback_and_back_when_its_probes_succeed(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]
    assert ["fallback"] * 5 == call(lanes, 5, fallback=True)
    fleet.now += OPEN
    answers = call(lanes, 10, fallback=True)  # the first three are the probes

    assert ["primary"] * 10 == answers
    assert [("money", "primary")] == fleet.events("closed")


def test_calls_that_must_not_go_there_are_refused(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]

    assert (["circuit"], ["fallback"]) == (call(lanes, 1, fallback=False), call(lanes, 1, fallback=True))


def test_the_fallback_has_a_circuit_of_its_own(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]
    answers = []
    for _ in range(5):
        answers += call(lanes, 16, fallback=True, outcome="failed")
        fleet.now += 1.0

    assert ("fallback", "circuit") == (answers[0], answers[-1])
    assert [("money", "primary"), ("money", "fallback")] == fleet.events("opened")


def test_the_fallback_shares_the_primarys_rate(fleet: Fleet) -> None:
    lanes = broken(fleet)[0]
    fleet.now += 5.0
    permits = [lanes.acquire("money", max_wait_seconds=0.0, fallback=True) for _ in range(200)]

    assert sum(not permit.refused for permit in permits) <= RULES["money"].rate.burst


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_an_instance_whose_clock_is_wrong_by_an_hour_keeps_no_circuit_open(fleet: Fleet, skew: float) -> None:
    wrong = [fleet.instance(skew) for _ in range(2)]
    for _ in range(4):
        for lanes in wrong:
            fail(lanes, 10)
        fleet.now += 1.0
    right = fleet.instance()
    fleet.now += OPEN

    for _ in range(3):
        right.acquire("money", max_wait_seconds=1.0).report("ok")
    assert ["primary"] * 5 == call(right, 5)
