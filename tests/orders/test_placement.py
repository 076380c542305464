"""Placing our order at the platform within the time that is left."""

from types import SimpleNamespace
from typing import Any

import pytest

from jiuwu.deadline import Deadline
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Line
from jiuwu.orders.placement import attempt_seconds, new_order, place, retry_seconds
from jiuwu.platform.errors import OrderConflict, OrderUnknown, PlatformError, UnknownOutcome
from jiuwu.platform.models import RemoteOrder
from tests.orders.lives import CREATED, NOW
from tests.reconciliation.sides import ITEMS, remote

LOST = UnknownOutcome("orders.create", reason="no reply in time")
Answer = RemoteOrder | PlatformError


class Platform:
    """PlatformClient as far as placing calls it: `creates` are the answers in turn, `shows` what a look finds."""

    profile = SimpleNamespace(gateway=SimpleNamespace(timeout_seconds=2.0))

    def __init__(self, *creates: Answer, shows: Answer) -> None:
        self.creates, self.shows = list(creates), shows
        self.requested: list[str] = []
        self.timeouts: list[float] = []

    def create_order(self, order: Any, token: object, *, timeout: float) -> RemoteOrder:
        assert (order.out_order_no, order.amount_fen, order.items) == (CREATED.order_no, 1234, ITEMS)
        return self._answer("create", timeout, self.creates.pop(0))

    def get_order(self, out_order_no: str, *, timeout: float) -> RemoteOrder:
        return self._answer(f"look at {out_order_no}", timeout, self.shows)

    def _answer(self, requested: str, timeout: float, answer: Answer) -> RemoteOrder:
        self.requested.append(requested)
        self.timeouts.append(timeout)
        if isinstance(answer, PlatformError):
            raise answer
        return answer


def placed(platform: Any, seconds: float = 60.0) -> RemoteOrder:
    token: Any = object()
    return place(platform, CREATED, token, deadline=Deadline(lambda: seconds))


@pytest.mark.parametrize("doubt", [LOST, OrderConflict("orders.create")])
def test_what_may_be_there_is_checked_before_anything_else(doubt: PlatformError) -> None:
    platform = Platform(doubt, shows=remote())

    assert remote() == placed(platform)
    assert platform.requested == ["create", f"look at {CREATED.order_no}"]


def test_what_is_certainly_not_there_is_tried_once_more() -> None:
    platform = Platform(LOST, remote(), shows=OrderUnknown("orders.get"))

    assert remote() == placed(platform)
    assert platform.requested == ["create", f"look at {CREATED.order_no}", "create"]


def test_a_second_unknown_outcome_is_the_callers_to_wait_out() -> None:
    platform = Platform(LOST, LOST, shows=OrderUnknown("orders.get"))

    with pytest.raises(UnknownOutcome):
        placed(platform)


def test_with_time_enough_an_attempt_may_take_as_long_as_the_profile_says() -> None:
    platform = Platform(remote(), shows=remote())

    placed(platform)

    assert platform.timeouts == [2.0]


def test_three_calls_of_three_slow_attempts_each_end_in_the_time_that_is_left() -> None:
    left = 14.0
    deadline = Deadline(lambda: left)
    for _ in range(3):
        left -= 3 * attempt_seconds(Platform(shows=remote()), deadline)  # type: ignore[arg-type]

    assert left > 1.0


def test_a_request_makes_one_order_number_and_the_sum_of_its_lines() -> None:
    lines = (Line("a", "A", 3, 100), Line("b", "B", 1, 7))

    order = new_order("mb_x", "ou_x", "key-1", lines, now=NOW, check_seconds=180)

    assert (order.order_no, order.amount_fen) == (order_no_for("mb_x", "key-1"), 307)
    assert order.due_at == NOW + 180


@pytest.mark.parametrize(
    ("tries", "check_seconds", "expected"),
    [(0, 180, 5), (1, 180, 10), (5, 180, 160), (6, 180, 0), (0, 5, 5), (0, 4, 0)],
)
def test_the_pause_before_a_retry_doubles_until_the_due_time_brings_the_order_as_soon(
    tries: int, check_seconds: int, expected: int
) -> None:
    assert expected == retry_seconds(tries, check_seconds)
