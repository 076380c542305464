"""The points ledger over the local AWS: each thing counts once, and no balance falls below zero."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from jiuwu.points.codec import Booking, PointsState
from jiuwu.points.ledger import (
    MAX_POINTS,
    AlreadyReturned,
    Audit,
    InsufficientPoints,
    NoReservation,
    PointsLedger,
    RequestReused,
)
from jiuwu.runtime import Runtime

NOW = 1_763_800_000


@pytest.fixture(scope="module")
def ledger(aws: Callable[[str], Any], make_table: Callable[[str], str]) -> PointsLedger:
    return PointsLedger(aws("dynamodb"), make_table("PointsTable"), runtime=Runtime(random=lambda: 0.0))


@pytest.fixture
def member(ledger: PointsLedger) -> str:
    """Someone new with a hundred points."""
    member_id = f"mb_{uuid4().hex[:20]}"
    ledger.grant(member_id, "welcome", 100, at=NOW)
    return member_id


def test_who_was_never_given_points_has_none(ledger: PointsLedger) -> None:
    assert (0, ()) == (ledger.balance("mb_nobody"), ledger.recent("mb_nobody"))


def test_granted_points_can_be_spent(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)
    ledger.spend(member, "JW1", at=NOW + 5)

    assert 40 == ledger.balance(member)
    assert Booking("order", "JW1", 60, NOW, PointsState.SPENT, NOW + 5) in ledger.recent(member)


def test_reserved_points_are_not_there_for_another_order(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)

    with pytest.raises(InsufficientPoints) as short:
        ledger.reserve(member, "JW2", 41, at=NOW)

    assert (40, 40) == (short.value.balance, ledger.balance(member))
    assert "JW2" not in {booking.ref for booking in ledger.recent(member)}


def test_all_points_can_be_reserved_and_reserving_again_is_no_shortage(ledger: PointsLedger, member: str) -> None:
    for _ in range(3):
        ledger.reserve(member, "JW1", 100, at=NOW)

    assert Audit(0, 0, 2) == ledger.audit(member)


def test_who_has_nothing_at_all_is_short_of_anything(ledger: PointsLedger) -> None:
    with pytest.raises(InsufficientPoints) as short:
        ledger.reserve("mb_nobody", "JW1", 1, at=NOW)

    assert 0 == short.value.balance


def test_points_are_given_back_once(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)

    assert [60, 60, 60] == [ledger.give_back(member, "JW1", at=NOW + 9) for _ in range(3)]
    assert Audit(100, 100, 2) == ledger.audit(member)


def test_spent_points_are_given_back_once(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)
    ledger.spend(member, "JW1", at=NOW)

    assert [60, 60] == [ledger.give_back(member, "JW1", at=NOW) for _ in range(2)]
    assert Audit(100, 100, 2) == ledger.audit(member)


def test_spending_again_changes_nothing(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)
    for at in range(3):
        ledger.spend(member, "JW1", at=NOW + at)
    ledger.reserve(member, "JW1", 60, at=NOW + 9)

    assert Audit(40, 40, 2) == ledger.audit(member)
    assert Booking("order", "JW1", 60, NOW, PointsState.SPENT, NOW) in ledger.recent(member)


def test_points_that_were_given_back_buy_nothing_any_more(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)
    ledger.give_back(member, "JW1", at=NOW)

    with pytest.raises(AlreadyReturned):
        ledger.spend(member, "JW1", at=NOW)
    with pytest.raises(AlreadyReturned):
        ledger.reserve(member, "JW1", 60, at=NOW)
    assert 100 == ledger.balance(member)


def test_a_reservation_that_comes_after_its_cancellation_is_refused(ledger: PointsLedger, member: str) -> None:
    assert 0 == ledger.give_back(member, "JW1", at=NOW)

    with pytest.raises(AlreadyReturned):
        ledger.reserve(member, "JW1", 60, at=NOW)
    assert Audit(100, 100, 2) == ledger.audit(member)


def test_what_was_not_reserved_is_not_spent(ledger: PointsLedger, member: str) -> None:
    with pytest.raises(NoReservation):
        ledger.spend(member, "JW1", at=NOW)

    assert 100 == ledger.balance(member)


def test_an_order_has_one_price(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW)

    with pytest.raises(RequestReused):
        ledger.reserve(member, "JW1", 61, at=NOW)
    assert 40 == ledger.balance(member)


def test_the_same_grant_counts_once(ledger: PointsLedger, member: str) -> None:
    new = [ledger.grant(member, "birthday", 50, at=NOW, reason="生日") for _ in range(3)]

    assert ([True, False, False], 150) == (new, ledger.balance(member))


def test_the_same_grant_for_another_reason_counts_once_and_keeps_the_first_reason(
    ledger: PointsLedger, member: str
) -> None:
    new = [ledger.grant(member, "birthday", 50, at=NOW, reason=reason) for reason in ("生日", "节日", "")]

    assert ([True, False, False], 150) == (new, ledger.balance(member))
    assert ["生日"] == [booking.reason for booking in ledger.recent(member) if booking.ref == "birthday"]


@pytest.mark.parametrize("points", [51, -50])
def test_a_request_id_is_good_for_one_grant(ledger: PointsLedger, member: str, points: int) -> None:
    ledger.grant(member, "birthday", 50, at=NOW, reason="生日")

    with pytest.raises(RequestReused):
        ledger.grant(member, "birthday", points, at=NOW, reason="生日")
    assert 150 == ledger.balance(member)


def test_a_deduction_takes_what_is_there_and_never_more(ledger: PointsLedger, member: str) -> None:
    ledger.grant(member, "expired-1", -70, at=NOW)

    with pytest.raises(InsufficientPoints) as short:
        ledger.grant(member, "expired-2", -31, at=NOW)
    ledger.grant(member, "expired-1", -70, at=NOW)

    assert (30, Audit(30, 30, 2)) == (short.value.balance, ledger.audit(member))


def test_a_deduction_that_was_refused_may_come_again_when_there_are_points(ledger: PointsLedger, member: str) -> None:
    with pytest.raises(InsufficientPoints):
        ledger.grant(member, "expired", -101, at=NOW)
    ledger.grant(member, "more", 1, at=NOW)
    ledger.grant(member, "expired", -101, at=NOW)

    assert Audit(0, 0, 3) == ledger.audit(member)


def test_the_latest_entries_come_first_and_say_what_they_were(ledger: PointsLedger, member: str) -> None:
    ledger.reserve(member, "JW1", 60, at=NOW + 1)
    ledger.grant(member, "expired", -10, at=NOW + 2, reason="过期")

    expected = [Booking("grant", "expired", -10, NOW + 2, reason="过期")]
    expected += [Booking("order", "JW1", 60, NOW + 1, PointsState.RESERVED)]
    assert tuple(expected) == ledger.recent(member, limit=2)


def test_one_members_points_are_not_those_of_another(ledger: PointsLedger, member: str) -> None:
    with pytest.raises(InsufficientPoints):
        ledger.reserve(f"{member}x", "JW1", 1, at=NOW)

    assert 100 == ledger.balance(member)


@pytest.mark.parametrize("points", [0, -1, MAX_POINTS + 1])
def test_no_points_or_too_many_are_a_mistake_of_the_caller(ledger: PointsLedger, points: int) -> None:
    with pytest.raises(ValueError, match="points"):
        ledger.reserve("mb_1", "JW1", points, at=NOW)
    if points != -1:
        with pytest.raises(ValueError, match="points"):
            ledger.grant("mb_1", "r", -points, at=NOW)
    assert Audit(0, 0, 0) == ledger.audit("mb_1")


def test_an_audit_sees_a_balance_that_its_entries_do_not_explain(aws: Callable[[str], Any], points_table: str) -> None:
    ledger = PointsLedger(aws("dynamodb"), points_table)
    ledger.grant("mb_1", "welcome", 100, at=NOW)
    aws("dynamodb").update_item(
        TableName=points_table,
        Key={"member_id": {"S": "mb_1"}, "entry": {"S": "balance"}},
        UpdateExpression="SET points = points + :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )

    assert Audit(101, 100, 1) == (audit := ledger.audit("mb_1"))
    assert not audit.adds_up
