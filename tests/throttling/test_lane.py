"""One lane's decisions, by example: pauses, the operator's word, and tokens that are scarce."""

import pytest
from msgspec import structs

from jiuwu.throttling import lane as lanes
from jiuwu.throttling.circuit_breaker import Circuit
from jiuwu.throttling.lane import Lane, LaneRules, LeaseRefused, LeaseRequest, OutcomeCounts, TokenLease
from jiuwu.throttling.token_bucket import Rate, micros
from tests.throttling.conftest import CIRCUIT, NOW

RULES = LaneRules(Rate(50, 50), CIRCUIT)
SLOW = LaneRules(Rate(1, 5), CIRCUIT)


def answer(lane: Lane, now: float, rules: LaneRules = RULES, want: int = 1) -> TokenLease | LeaseRefused:
    return lanes.lease(lane, LeaseRequest(want), now, rules)[1]


@pytest.mark.parametrize("requested", [60.0, 61.0, 3600.0, 10.0**9])
def test_a_pause_of_a_minute_and_more_holds_from_its_first_second_for_a_minute(requested: float) -> None:
    paused = lanes.paused(Lane(), NOW, requested)

    assert LeaseRefused("limit", 60.0) == answer(paused, NOW)
    assert LeaseRefused("limit", 59.5) == answer(paused, NOW + 0.5)
    assert LeaseRefused("limit", 1.0) == answer(paused, NOW + 59)
    assert isinstance(answer(paused, NOW + 60), TokenLease)


def test_an_instance_whose_clock_is_behind_holds_a_pause_of_a_minute_too() -> None:
    assert isinstance(answer(lanes.paused(Lane(), NOW, 60.0), NOW - 0.5), LeaseRefused)


def test_a_shorter_pause_after_a_longer_one_does_not_shorten_it() -> None:
    paused = lanes.paused(lanes.paused(Lane(), NOW, 30.0), NOW + 1, 2.0)

    assert NOW + 30 == paused.paused_until


def test_a_longer_pause_after_a_shorter_one_lengthens_it() -> None:
    assert NOW + 31 == lanes.paused(lanes.paused(Lane(), NOW, 2.0), NOW + 1, 30.0).paused_until


@pytest.mark.parametrize("address", ["primary", "fallback"])
def test_a_circuit_forced_open_and_given_back_leaves_the_lane_its_pause_its_tokens_and_the_other_address(
    address: lanes.Address,
) -> None:
    other: lanes.Address = "fallback" if address == "primary" else "primary"
    busy = structs.replace(
        Lane(full_at=micros(NOW + 1), paused_until=NOW + 30),
        **{other: Circuit(state="open", until=NOW + 9), address: Circuit(calls=7)},
    )

    forced = lanes.forced(busy, address, "open")
    given_back = lanes.forced(forced, address, "auto")

    assert structs.replace(busy, **{address: Circuit(forced="open")}) == forced
    assert structs.replace(busy, **{address: Circuit()}) == given_back


@pytest.mark.parametrize("want", [1, 2, 5])
def test_at_one_call_a_second_the_token_of_a_second_is_granted(want: int) -> None:
    empty, first = lanes.lease(Lane(), LeaseRequest(5), NOW, SLOW)

    assert TokenLease(5, "primary") == first
    assert LeaseRefused("limit", 1.0) == answer(empty, NOW, SLOW, want)
    assert TokenLease(1, "primary") == answer(empty, NOW + 1, SLOW, want)


def test_a_lane_begins_full_unpaused_and_with_both_circuits_closed() -> None:
    begun = Circuit(
        state="closed",
        until=0.0,
        forced="",
        window=0,
        calls=0,
        failures=0,
        calls_before=0,
        failures_before=0,
        probes=0,
        passed=0,
    )

    assert begun == Circuit()
    assert Lane(full_at=0, paused_until=0.0, primary=begun, fallback=begun) == Lane()
    assert OutcomeCounts(calls=0, failures=0) == OutcomeCounts()
    assert LeaseRequest(1, fallback=False, primary_outcomes=OutcomeCounts()) == LeaseRequest(1)


def test_a_probe_is_one_token_however_many_are_wanted() -> None:
    half_open = Lane(primary=Circuit(state="half_open", until=NOW + 9, probes=1))

    moved, granted = lanes.lease(half_open, LeaseRequest(7), NOW, RULES)

    assert TokenLease(1, "primary", probe=True) == granted
    # one token of fifty a second is twenty milliseconds
    assert micros(NOW) + 20_000 == moved.full_at


@pytest.mark.parametrize(
    ("until", "wait"), [(NOW + 60.0, 60.0), (NOW + 61.0, 61.0), (NOW + 61.5, None), (NOW, None), (NOW - 1, None)]
)
def test_a_pause_longer_than_one_can_be_was_written_by_a_wrong_clock(until: float, wait: float | None) -> None:
    found = answer(Lane(paused_until=until), NOW)

    assert (TokenLease(1, "primary") if wait is None else LeaseRefused("limit", wait)) == found


@pytest.mark.parametrize(
    ("circuit", "wait"),
    [
        (Circuit(state="open", until=NOW + 9), 9.0),
        (Circuit(state="open", until=NOW + 0.5), 0.5),
        (Circuit(forced="open"), 15.0),  # nobody knows when: as long as a circuit stays open
        (Circuit(forced="open", until=NOW + 3), 15.0),
    ],
)
def test_a_caller_waits_until_the_circuit_lets_a_probe_through(circuit: Circuit, wait: float) -> None:
    assert LeaseRefused("circuit", wait) == answer(Lane(primary=circuit), NOW)
