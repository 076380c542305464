"""Effects at the points ledger: spent and given back once, tried again while it is busy, given up where it says no."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from jiuwu.orders.effect_key import ReturnPoints, SpendPoints, UnknownEffect
from jiuwu.orders.events import Cancelled, Paid
from jiuwu.orders.order import Failure, Order
from jiuwu.orders.repository import OrderStore
from jiuwu.points.ledger import AlreadyReturned, Audit, LedgerBusy, NoReservation, PointsLedger
from tests.effects.both_receivers import (
    NUMBER,
    Bus,
    DeadLetterQueue,
    Ledger,
    Platform,
    dispatch,
    dispatcher,
    now_in,
    stored,
)
from tests.orders.lives import NOW, PLACED, after

FREE = replace(PLACED, amount_fen=0, points=600)
BOUGHT = after(FREE, Paid("evt", NOW, "free", 0, NOW))
CANCELLED = after(FREE, Cancelled("evt", NOW))


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


def test_points_of_a_paid_order_are_spent_and_the_order_ships(store: OrderStore) -> None:
    bus, ledger = Bus(), Ledger()
    stored(store, BOUGHT)

    dispatch(store, bus, Platform(), ledger=ledger)

    assert ([NUMBER], [], 1) == (ledger.spent, ledger.given_back, len(bus.details))
    assert () == now_in(store).pending


def test_points_of_a_cancelled_order_go_back_and_the_platform_is_not_requested(store: OrderStore) -> None:
    platform, ledger = Platform(), Ledger()
    stored(store, CANCELLED)

    dispatch(store, Bus(), platform, ledger=ledger)

    assert ([], [NUMBER], []) == (ledger.spent, ledger.given_back, platform.pushed)
    assert () == now_in(store).pending


@pytest.mark.parametrize(
    "fault",
    [
        LedgerBusy(),
        EndpointConnectionError(endpoint_url="http://dynamodb"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems"),
    ],
    ids=repr,
)
def test_a_ledger_that_is_busy_or_out_of_reach_is_tried_again(store: OrderStore, fault: Exception) -> None:
    dlq = DeadLetterQueue()
    stored(store, CANCELLED)

    dispatched = dispatch(store, Bus(), Platform(), ledger=Ledger(fault), dlq=dlq)

    effect = now_in(store).effect(ReturnPoints())
    assert effect is not None
    assert (1, True, None) == (effect.attempts, effect.next_at > NOW + 100, effect.failure)
    assert ({NUMBER}, []) == (set(dispatched.next_at), dlq.sent)


@pytest.mark.parametrize("no", [AlreadyReturned(), NoReservation()])
def test_what_the_ledger_can_never_do_fails_permanently_and_is_kept(store: OrderStore, no: Exception) -> None:
    dlq = DeadLetterQueue()
    stored(store, BOUGHT)

    dispatched = dispatch(store, Bus(), Platform(), ledger=Ledger(no), dlq=dlq)

    assert [SpendPoints()] == [attempt.effect for attempt in dlq.sent]
    assert ("effect_failed_permanently",) == dispatched.alerts[NUMBER]
    effect = now_in(store).effect(SpendPoints())
    assert effect is not None
    assert Failure("poison", type(no).__name__) == effect.failure


def test_an_effect_of_a_later_version_waits(store: OrderStore) -> None:
    dlq = DeadLetterQueue()
    stored(store, replace(FREE, effects=((UnknownEffect("points:lend"), BOUGHT.effects[0][1]),)))

    dispatch(store, Bus(), Platform(), dlq=dlq)

    assert ((UnknownEffect("points:lend"),), []) == (now_in(store).pending, dlq.sent)


@pytest.mark.parametrize(("order", "left"), [(BOUGHT, 400), (CANCELLED, 1000)], ids=["bought", "cancelled"])
def test_effects_carried_out_and_not_written_down_count_once_at_the_ledger(
    store: OrderStore, aws: Callable[[str], Any], points_table: str, order: Order, left: int
) -> None:
    ledger = PointsLedger(aws("dynamodb"), points_table)
    ledger.grant(order.member_id, "welcome", 1000, at=NOW)
    ledger.reserve(order.member_id, NUMBER, 600, at=NOW)
    read = stored(store, order)
    for _ in range(3):
        real: Any = ledger
        dispatcher(store, Bus(), Platform(), ledger=real).dispatch([NUMBER])
        written = now_in(store)
        store.save_many([(written, replace(read, version=written.version))])

    assert Audit(left, left, 2) == ledger.audit(order.member_id)
