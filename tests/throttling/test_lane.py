"""One lane's decisions, by example: pauses, the operator's word, and tokens that are scarce."""

import pytest
from msgspec import structs

from jiuwu.throttling import lane as lanes
from jiuwu.throttling.circuit_breaker import Circuit
from jiuwu.throttling.lane import Lane, LeaseRefused, LeaseRequest, Rules, TokenLease
from jiuwu.throttling.token_bucket import Rate, micros
from tests.throttling.conftest import CIRCUIT, NOW

RULES = Rules(Rate(50, 50), CIRCUIT)
SLOW = Rules(Rate(1, 5), CIRCUIT)


def answer(lane: Lane, now: float, rules: Rules = RULES, want: int = 1) -> TokenLease | LeaseRefused:
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
