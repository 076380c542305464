"""The bucket never grants more than rate × time + burst, for any takers and clocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.throttling import token_bucket
from jiuwu.throttling.token_bucket import TOLERANCE, Rate

T0 = 1_763_800_000_000_000
RATES = st.builds(
    Rate, per_second=st.floats(0.1, 1000, allow_nan=False, allow_infinity=False), burst=st.integers(1, 200)
)
# Steps: microseconds that pass, how far the asking clock is off, and how many tokens it wants.
STEPS = st.lists(
    st.tuples(st.integers(0, 3_000_000), st.integers(-TOLERANCE // 2, TOLERANCE // 2), st.integers(1, 50)), max_size=60
)


def take_all(rate: Rate, steps: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """(when, how many) were granted to those who ask by these steps."""
    full_at, now, granted = 0, T0, []
    for passed, off, want in steps:
        now += passed
        clock = now + off
        full_at = token_bucket.plausible_full_at(rate, full_at, clock)
        count = min(want, token_bucket.tokens(rate, full_at, clock))
        if count:
            full_at = token_bucket.taken(rate, full_at, clock, count)
            granted.append((now, count))
    return granted


@given(RATES, STEPS)
def test_in_no_stretch_of_time_more_than_rate_times_time_and_burst_is_granted(
    rate: Rate, steps: list[tuple[int, int, int]]
) -> None:
    granted = take_all(rate, [(passed, 0, want) for passed, _, want in steps])

    for begin, (since, _) in enumerate(granted):
        total = 0
        for until, count in granted[begin:]:
            total += count
            assert total <= rate.per_second * (until - since) / 1e6 + rate.burst + 1e-6


@given(RATES, STEPS)
def test_clocks_that_differ_cost_at_most_the_tokens_of_their_difference(
    rate: Rate, steps: list[tuple[int, int, int]]
) -> None:
    granted = take_all(rate, steps)

    if granted:
        seconds = (granted[-1][0] - granted[0][0] + TOLERANCE) / 1e6
        assert sum(count for _, count in granted) <= rate.per_second * seconds + rate.burst + 1e-6


@given(RATES, st.integers(0, 10**9), st.integers(1, 200))
def test_what_is_missing_is_there_after_the_time_told(rate: Rate, ahead: int, count: int) -> None:
    count = min(count, rate.burst)
    full_at = token_bucket.plausible_full_at(rate, T0 + ahead, T0)
    wait = token_bucket.seconds_until(rate, full_at, T0, count)

    assert count <= token_bucket.tokens(rate, full_at, T0 + round(wait * 1e6))


@pytest.mark.parametrize("per_second", [10, 1_000_000])
def test_a_quiet_bucket_holds_its_burst_and_no_more(per_second: float) -> None:
    assert 7 == token_bucket.tokens(Rate(per_second, 7), 0, T0)


def test_a_bucket_that_a_wrong_clock_emptied_for_an_hour_is_merely_empty() -> None:
    rate = Rate(10, 20)
    an_hour_ahead = token_bucket.taken(rate, 0, T0 + 3_600_000_000, 20)

    plausible_full_at = token_bucket.plausible_full_at(rate, an_hour_ahead, T0)

    assert 0 == token_bucket.tokens(rate, plausible_full_at, T0)
    assert 10 == token_bucket.tokens(rate, plausible_full_at, T0 + 1_000_000)


def test_a_bucket_emptied_by_a_clock_slightly_ahead_is_believed() -> None:
    rate = Rate(10, 20)
    ahead = token_bucket.taken(rate, 0, T0 + 500_000, 20)

    assert ahead == token_bucket.plausible_full_at(rate, ahead, T0)


@pytest.mark.parametrize(
    ("per_second", "price"), [(1, 1_000_000), (10, 100_000), (3, 333_334), (0.1, 10_000_000), (1000, 1000)]
)
def test_the_price_of_a_token_is_the_time_in_which_it_flows_in_rounded_up(per_second: float, price: int) -> None:
    assert price == Rate(per_second, 1).price


def test_seconds_are_a_million_microseconds_each() -> None:
    assert 1_500_000 == token_bucket.micros(1.5)


def test_a_bucket_is_believed_up_to_a_second_beyond_empty_and_no_longer() -> None:
    rate, empty = Rate(10, 20), T0 + 2_000_000

    assert empty + 1_000_000 == token_bucket.plausible_full_at(rate, empty + 1_000_000, T0)
    assert empty == token_bucket.plausible_full_at(rate, empty + 1_000_001, T0)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [(-1, 20), (0, 20), (1, 19), (100_000, 19), (100_001, 18), (1_999_999, 0), (2_000_000, 0), (3_000_000, 0)],
)
def test_a_token_is_there_once_all_of_it_has_flowed_in(missing: int, expected: int) -> None:
    assert expected == token_bucket.tokens(Rate(10, 20), T0 + missing, T0)


def test_tokens_are_taken_from_what_is_there_now() -> None:
    rate = Rate(10, 20)

    assert T0 + 300_000 == token_bucket.taken(rate, T0 - 5_000_000, T0, 3)
    assert T0 + 400_000 == token_bucket.taken(rate, T0 + 100_000, T0, 3)


@pytest.mark.parametrize(("count", "seconds"), [(1, 0.1), (5, 0.5), (20, 2.0)])
def test_an_empty_bucket_tells_how_long_its_tokens_take(count: int, seconds: float) -> None:
    assert seconds == token_bucket.seconds_until(Rate(10, 20), T0 + 2_000_000, T0, count)


def test_for_what_is_there_nobody_waits() -> None:
    assert 0.0 == token_bucket.seconds_until(Rate(10, 20), T0 + 1_000_000, T0, 5)
