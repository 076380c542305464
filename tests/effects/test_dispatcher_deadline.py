"""Effects within the time that the invocation has: whatever hangs, what was tried is written down."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.orders.effect_key import SpendPoints
from jiuwu.orders.events import RefundRequested
from jiuwu.orders.order import Effect, Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.errors import UnknownOutcome
from tests.effects.both_receivers import NUMBER, Bus, Ledger, Platform, dispatch, now_in, stored
from tests.orders.lives import NOW, PAID, SHIPPED, after

LOST = UnknownOutcome("refunds.create", reason="no reply in time")


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


class Hanging(Platform):
    """Takes what it is sent and never answers: three attempts of a call, each of as many seconds as it may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(LOST, LOST)
        self.seconds, self.timeouts = seconds, list[float]()

    def remaining(self) -> float:
        return self.seconds

    def push_status(self, *args: Any, timeout: float) -> None:
        self._hang(timeout)
        super().push_status(*args, timeout=timeout)

    def refund(self, *args: Any, timeout: float, **more: Any) -> Any:
        self._hang(timeout)
        return super().refund(*args, timeout=timeout, **more)

    def get_order(self, *args: Any, timeout: float) -> Any:
        self._hang(timeout)
        return super().get_order(*args, timeout=timeout)

    def _hang(self, timeout: float) -> None:
        self.timeouts.append(timeout)
        self.seconds -= 3 * timeout


def requested_parts(order: Order, count: int) -> Order:
    return after(order, *(RefundRequested(f"r{n}", NOW + 80, 100) for n in range(count)))


def tries(store: OrderStore) -> list[int]:
    return [effect.attempts for _, effect in now_in(store).effects if effect.fen]


def test_no_effect_is_begun_that_could_not_end_in_time(store: OrderStore) -> None:
    stored(store, requested_parts(PAID, 5))
    platform = Hanging(30.0)
    bus = Bus()

    dispatch(store, bus, platform, remaining=platform.remaining)

    assert [1, 1, 0, 0, 0] == tries(store)
    assert platform.remaining() > 5.0
    assert (Status.SHIPPED, 1) == (now_in(store).status, len(bus.details))


def test_what_there_was_no_time_for_is_requested_at_once(store: OrderStore) -> None:
    stored(store, requested_parts(SHIPPED, 4))

    done = dispatch(store, Bus(), platform := Hanging(30.0), remaining=platform.remaining)

    assert (NOW + 100, {}) == (done.next_at[NUMBER][0], done.unwritten)


def test_what_has_waited_longest_is_tried_first(store: OrderStore) -> None:
    stored(store, requested_parts(SHIPPED, 3))

    for at in (NOW + 100.5, NOW + 120.5):  # by then, what failed is ready again
        dispatch(store, Bus(), platform := Hanging(30.0), remaining=platform.remaining, at=at)

    assert [1, 1, 1] == tries(store)


def test_calls_are_shorter_when_there_is_less_time(store: OrderStore) -> None:
    stored(store, requested_parts(PAID, 2))

    dispatch(store, Bus(), platform := Hanging(30.0), remaining=platform.remaining)

    assert [2.0, 2.0] == platform.timeouts[:2]
    assert all(timeout < 2.0 for timeout in platform.timeouts[3:])


def test_points_are_not_begun_on_without_time(store: OrderStore) -> None:
    ledger = Ledger()
    stored(store, SHIPPED.with_effect(SpendPoints(), Effect()))

    done = dispatch(store, Bus(), Platform(), ledger=ledger, remaining=lambda: 10.0)

    assert ([], (NOW + 100,)) == (ledger.spent, done.next_at[NUMBER])
