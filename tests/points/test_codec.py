"""The points table's items and writes: what a booking keeps, and what each write changes and expects."""

from dataclasses import replace

import pytest

from jiuwu.aws.dynamodb import put_parameters, update_parameters
from jiuwu.points import codec
from jiuwu.points.codec import Booking, PointsState

NOW = 1_763_800_000
MEMBER = "mb_1"
RESERVED = Booking("order", "JW1", 300, NOW, PointsState.RESERVED)
GRANT = Booking("grant", "welcome", 100, NOW, reason="新会员")
KEYS = {RESERVED: codec.order_key(MEMBER, "JW1"), GRANT: codec.grant_key(MEMBER, "welcome")}


@pytest.mark.parametrize(
    ("booking", "points"),
    [
        (RESERVED, -300),
        (replace(RESERVED, state=PointsState.SPENT), -300),
        (replace(RESERVED, state=PointsState.RETURNED), 0),
        (GRANT, 100),
        (replace(GRANT, points=-40), -40),
    ],
    ids=str,
)
def test_a_booking_counts_what_it_does_to_the_balance(booking: Booking, points: int) -> None:
    assert points == booking.counts


def test_each_entry_has_its_own_key_beside_the_balance() -> None:
    assert {"member_id": MEMBER, "entry": "order#JW1"} == codec.order_key(MEMBER, "JW1")
    assert {"member_id": MEMBER, "entry": "grant#r1"} == codec.grant_key(MEMBER, "r1")
    assert {"member_id": MEMBER, "entry": "balance"} == codec.balance_key(MEMBER)


@pytest.mark.parametrize(
    ("booking", "item"),
    [
        (RESERVED, {"entry": "order#JW1", "points": 300, "state": "reserved"}),
        (GRANT, {"entry": "grant#welcome", "points": 100, "reason": "新会员"}),
    ],
    ids=["order", "grant"],
)
def test_a_new_entry_is_written_once_and_read_back(booking: Booking, item: dict[str, object]) -> None:
    item |= {"member_id": MEMBER, "booked_at": NOW}

    assert ("Put", put_parameters(item, "attribute_not_exists(entry)")) == codec.new_entry(KEYS[booking], booking)
    assert booking == codec.booking_in(item)


def test_an_entry_that_moved_says_when() -> None:
    item = {"entry": "order#JW1", "points": 300, "booked_at": NOW, "state": "spent", "moved_at": NOW + 5}

    assert replace(RESERVED, state=PointsState.SPENT, moved_at=NOW + 5) == codec.booking_in(item)
    assert 0 == Booking("order", "JW1", 300, NOW).moved_at


def test_an_entry_moves_only_from_the_state_it_is_in() -> None:
    key = codec.order_key(MEMBER, "JW1")
    change, condition = "SET #state = :after, moved_at = :at", "#state = :before"
    expected = update_parameters(key, change, condition, before="reserved", after="spent", at=NOW)

    assert ("Update", expected) == codec.moved(key, PointsState.RESERVED, PointsState.SPENT, NOW)


@pytest.mark.parametrize("points", [0, 1, 40])
def test_points_are_added_to_any_balance(points: int) -> None:
    change = "SET points = if_not_exists(points, :none) + :points"
    expected = update_parameters(codec.balance_key(MEMBER), change, none=0, points=points)

    assert ("Update", expected) == codec.changed_balance(MEMBER, points)


@pytest.mark.parametrize("points", [-1, -40])
def test_points_are_taken_only_from_a_balance_that_has_them(points: int) -> None:
    change = "SET points = if_not_exists(points, :none) + :points"
    condition = "points >= :needed"
    expected = update_parameters(
        codec.balance_key(MEMBER), change, condition, none=0, points=points, needed=abs(points)
    )

    assert ("Update", expected) == codec.changed_balance(MEMBER, points)


def test_an_item_without_points_has_none() -> None:
    assert (0, 7) == (codec.points_in({}), codec.points_in({"points": 7}))
