"""How long what failed waits, and when it is given up."""

import pytest

from jiuwu.effects.retry_policy import Verdict, judge
from jiuwu.orders.effect_key import PushStatus, Ship
from jiuwu.orders.order import Failure
from jiuwu.platform.errors import (
    BadParameters,
    ContentRefused,
    OrderConflict,
    PlatformBusy,
    PlatformError,
    PlatformUnreachable,
    RateLimited,
    TransitionRefused,
    UnknownOutcome,
)

NOW = 1_763_800_000
PASSING = [PlatformBusy("x"), PlatformUnreachable("x"), UnknownOutcome("x", reason="r"), "ThrottlingException"]


class HeldBack(PlatformError):
    held_back = True
    retry_after = 7.0


def kind_of(verdict: Verdict) -> str:
    return verdict.failure.kind if verdict.failure else ""


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_is_tried_for_more_than_a_day_and_then_fails_permanently(error: Exception | str) -> None:
    at = NOW
    for attempt in range(1, 32):
        verdict = judge("JW1", Ship(), attempt, error, now=at)
        assert (at < verdict.next_at <= at + 3600, None) == (True, verdict.failure)
        at = verdict.next_at

    assert 86_400 / 2 < at - NOW < 2 * 86_400
    assert "exhausted" == kind_of(judge("JW1", Ship(), 32, error, now=at))


@pytest.mark.parametrize("error", [BadParameters("x"), ContentRefused("x")], ids=str)
def test_what_can_never_succeed_fails_permanently_at_once(error: PlatformError) -> None:
    assert Failure("poison", type(error).__name__) == judge("JW1", Ship(), 1, error, now=NOW).failure


@pytest.mark.parametrize("error", [TransitionRefused("x"), OrderConflict("x")], ids=str)
def test_what_is_refused_may_become_right_but_not_for_ever(error: PlatformError) -> None:
    assert judge("JW1", PushStatus("shipped"), 4, error, now=NOW).failure is None
    assert "poison" == kind_of(judge("JW1", PushStatus("shipped"), 5, error, now=NOW))


def test_a_payment_under_way_keeps_an_order_from_being_cancelled_for_hours() -> None:
    assert judge("JW1", PushStatus("cancelled"), 31, TransitionRefused("x"), now=NOW).failure is None


@pytest.mark.parametrize("error", [RateLimited("x", retry_after=3e7), HeldBack("x")], ids=str)
def test_a_garbled_wait_puts_nothing_off_for_longer_than_an_hour(error: RateLimited | HeldBack) -> None:
    error.retry_after = 3e7

    assert judge("JW1", Ship(), 1, error, now=NOW).next_at <= NOW + 3600 + 15


def test_the_wait_that_the_platform_asks_for_is_kept() -> None:
    assert judge("JW1", Ship(), 1, RateLimited("x", retry_after=90.0), now=NOW).next_at >= NOW + 90


@pytest.mark.parametrize("attempts", [1, 2, 29, 30, 1000])
def test_what_was_held_back_here_counts_as_no_attempt_and_never_fails_permanently(attempts: int) -> None:
    verdict = judge("JW1", Ship(), attempts, HeldBack("x"), now=NOW)

    assert (False, None) == (verdict.counted, verdict.failure)
    assert NOW + 7 <= verdict.next_at <= NOW + 7 + 15


def test_those_that_wait_for_the_same_platform_do_not_come_back_at_once() -> None:
    times = {judge(f"JW{n}", Ship(), 8, PlatformBusy("x"), now=NOW).next_at for n in range(100)}

    assert len(times) > 50
    assert times == {judge(f"JW{n}", Ship(), 8, PlatformBusy("x"), now=NOW).next_at for n in range(100)}


def waits(error: Exception | str, attempts: int = 1, orders: int = 400) -> set[int]:
    """The seconds that so many orders wait after this attempt failed."""
    return {judge(f"JW{n}", Ship(), attempts, error, now=NOW).next_at - NOW for n in range(orders)}


def test_a_wait_is_spread_over_the_second_half_of_its_pause() -> None:
    assert set(range(7, 15)) == waits(PlatformBusy("x"))
    assert set(range(15, 31)) == waits(PlatformBusy("x"), attempts=2)


def test_what_was_held_back_without_a_wait_is_spread_over_the_first_pause() -> None:
    error = HeldBack("x")
    error.retry_after = None  # type: ignore[assignment]

    assert set(range(16)) == waits(error)


def test_the_wait_of_what_was_held_back_is_spread_too() -> None:
    assert set(range(7, 23)) == waits(HeldBack("x"))


def test_a_wait_that_is_named_is_kept_to_the_second_up_to_an_hour() -> None:
    assert {90} == waits(RateLimited("x", retry_after=90.0), orders=5)
    assert {3600} == waits(RateLimited("x", retry_after=3601.0), orders=5)


def test_each_attempt_of_an_effect_has_its_own_spread() -> None:
    pauses = [judge("JW1", Ship(), attempt, PlatformBusy("x"), now=NOW).next_at - NOW for attempt in range(9, 25)]

    assert 3600 / 2 <= min(pauses)
    assert max(pauses) <= 3600
    assert len(set(pauses)) > 8


def test_what_failed_permanently_says_what_failed_and_how_often_it_was_tried() -> None:
    assert (
        Failure("poison", "TransitionRefused 5 times")
        == judge("JW1", PushStatus("shipped"), 5, TransitionRefused("x"), now=NOW).failure
    )
    assert (
        Failure("exhausted", "ThrottlingException, tried 32 times")
        == judge("JW1", Ship(), 32, "ThrottlingException", now=NOW).failure
    )


def test_an_attempt_that_left_is_counted() -> None:
    assert Verdict(0, None, True) == Verdict()
    assert judge("JW1", Ship(), 1, PlatformBusy("x"), now=NOW).counted


@pytest.mark.parametrize(
    ("attempt", "next_at"), [(1, NOW + 11), (2, NOW + 17), (3, NOW + 32), (9, NOW + 1919), (31, NOW + 2638)]
)
def test_the_jitter_of_an_attempt_is_the_same_wherever_it_is_computed(attempt: int, next_at: int) -> None:
    assert next_at == judge("JW1", Ship(), attempt, "ThrottlingException", now=NOW).next_at


@pytest.mark.parametrize("attempt", range(1, 32))
def test_an_attempt_that_never_left_waits_up_to_fifteen_seconds_longer_than_requested(attempt: int) -> None:
    verdict = judge("JW1", Ship(), attempt, HeldBack("x"), now=NOW)

    assert NOW + 7 <= verdict.next_at <= NOW + 7 + 15
    assert not verdict.counted
