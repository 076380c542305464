"""What moves an order in the merchant's list of changes, and what does not."""

from dataclasses import replace

import pytest

from jiuwu.orders.changes import is_news
from jiuwu.orders.codec import CHANGED_SHARDS, changed_fields, changed_shards, from_item, to_item
from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Effect, Entry, HistoryEntry, Order, Status
from tests.orders.stored import LIFE, NOW, an_order, lived

PAID = lived(an_order(), LIFE[0][0], LIFE[1][0])


def with_attempts(order: Order, attempts: int) -> Order:
    return order.with_effect(Ship(), Effect(attempts))


@pytest.mark.parametrize(
    "new",
    [
        replace(PAID, status=Status.COMPLETED),
        replace(PAID, ledger=(*PAID.ledger, Entry("r1", -4, NOW, of="t1"))),
        PAID.with_effect(RefundAll(PAID.payments[0].ref), Effect()),  # money on its way back
    ],
    ids=["status", "ledger", "refund requested"],
)
def test_what_the_list_shows_is_news(new: Order) -> None:
    assert is_news(PAID, new)


@pytest.mark.parametrize(
    "new",
    [
        PAID,
        replace(PAID, due_at=NOW + 9),
        replace(PAID, history=(*PAID.history, HistoryEntry(NOW, "", "done"))),
        with_attempts(PAID, 3),
        PAID.with_effect(PushStatus("shipped"), Effect(done_at=NOW)),
    ],
    ids=["nothing", "due time", "history", "attempts", "confirmed"],
)
def test_what_is_our_own_business_is_no_news(new: Order) -> None:
    assert not is_news(PAID, new)


def test_an_order_keeps_its_shard_of_changes_and_orders_spread_over_all() -> None:
    shards = {changed_fields(order_no_for("mb", str(n)), NOW)["changed_shard"] for n in range(400)}

    assert set(changed_shards()) == shards
    assert CHANGED_SHARDS == len(shards)


def test_the_time_of_the_last_change_comes_back_from_the_item() -> None:
    assert NOW == from_item(to_item(an_order(changed_at=NOW))).changed_at
    assert 0 == from_item(to_item(an_order())).changed_at
