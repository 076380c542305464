"""Numbers and ids that come out the same however often they are made, and what an order says about its money."""

import hashlib
from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import RefundAll, Ship
from jiuwu.orders.ids import effect_id, fingerprint, order_no_for
from jiuwu.orders.order import Effect, Entry, HoldReason, Line, Order

ORDER = Order(
    order_no="JWAAAAAAAAAAAAAAAAAAAAAA",
    member_id="mb_aaaaaaaaaaaaaaaaaaaa",
    open_id="ou_1",
    lines=(Line("p1", "茶", 2, 617),),
    amount_fen=1234,
    fingerprint="f",
    created_at=1_763_800_000,
)
PAID_TWICE = replace(
    ORDER,
    ledger=(Entry("t1", 1234, 1), Entry("t2", 1234, 2), Entry("t1", -234, 3, of="t1")),
    effects=((Ship(), Effect(1, 5)), (RefundAll("t2"), Effect())),
)


def test_the_same_request_of_the_same_member_makes_the_same_number() -> None:
    assert order_no_for("mb_a", "key") == order_no_for("mb_a", "key")
    assert len(order_no_for("mb_a", "key")) == 24


def test_member_and_key_do_not_run_into_each_other() -> None:
    assert len({order_no_for("mb_a", "bkey"), order_no_for("mb_ab", "key"), order_no_for("mb_a", "key")}) == 3


def test_an_effects_id_is_made_of_order_and_name() -> None:
    assert effect_id("JW1", RefundAll("t2")) == "JW1:refund:t2"


def test_an_effects_id_is_short_enough_however_long_the_transactions() -> None:
    long, longer = (effect_id(ORDER.order_no, RefundAll("9" * length)) for length in (100, 101))

    assert len(long) <= 64
    assert long != longer
    assert long.startswith(f"{ORDER.order_no}:refund:")


def test_a_refund_may_have_the_id_of_a_payment() -> None:
    assert PAID_TWICE.payment("t1") == Entry("t1", 1234, 1)
    assert PAID_TWICE.refund("t1") == Entry("t1", -234, 3, of="t1")


def test_what_is_left_of_a_payment_is_what_did_not_go_back() -> None:
    assert {ref: PAID_TWICE.remaining_fen(ref) for ref in ("t1", "t2", "t3")} == {"t1": 1000, "t2": 1234, "t3": 0}


def test_the_balance_is_payments_less_refunds() -> None:
    assert PAID_TWICE.balance_fen == 2234


def test_a_payment_to_be_given_back_is_not_kept() -> None:
    assert [payment.ref for payment in PAID_TWICE.kept] == ["t1"]


def test_pending_effects_are_those_not_done() -> None:
    assert PAID_TWICE.pending == (RefundAll("t2"),)


def test_the_fingerprint_knows_products_and_quantities_and_no_sequence() -> None:
    assert fingerprint([("a", 1), ("b", 2)]) == fingerprint([("b", 2), ("a", 1)])
    others = [[("a", 1)], [("a", 2), ("b", 2)], [("a", 1), ("b", 2), ("c", 1)], [("a1", 1), ("b", 2)]]
    assert fingerprint([("a", 1), ("b", 2)]) not in {fingerprint(other) for other in others}


@pytest.mark.parametrize(("length", "plain"), [(31, True), (32, True), (33, False)])
def test_an_effects_id_of_64_characters_stays_plain(length: int, *, plain: bool) -> None:
    # an order number, "refund" and two colons take 32 of the 64 characters that platforms allow
    found = effect_id(ORDER.order_no, RefundAll("9" * length))

    assert plain == (found == f"{ORDER.order_no}:refund:{'9' * length}")
    assert len(found) <= 64


def test_a_long_effects_id_ends_in_96_bits_of_a_digest() -> None:
    digest = hashlib.sha256(f"refund:{'9' * 100}".encode()).hexdigest()[:24]

    assert f"{ORDER.order_no}:refund:{digest}" == effect_id(ORDER.order_no, RefundAll("9" * 100))


def test_an_order_paid_with_points_is_another_request_and_money_is_what_is_meant_by_default() -> None:
    lines = [("p1", 2)]

    assert fingerprint(lines) == fingerprint(lines, with_points=False) != fingerprint(lines, with_points=True)
    # stored with every order: another text would refuse a request that is repeated over a deployment
    assert hashlib.sha256(b'[["p1",2]]').hexdigest() == fingerprint(lines)
    assert hashlib.sha256(b'[["p1",2],"points"]').hexdigest() == fingerprint(lines, with_points=True)


def test_an_order_begins_with_nothing_booked_nothing_due_and_nothing_read() -> None:
    begun = Order(
        order_no="JW1",
        member_id="mb_1",
        open_id="ou_1",
        lines=(Line("p1", "茶", 1, 1),),
        amount_fen=1,
        fingerprint="f",
        created_at=1_763_800_000,
    )

    assert (0, 0, 0, 0) == (begun.version, begun.due_at, begun.points, begun.checked_at)
    assert ((), (), (), (), ()) == (begun.ledger, begun.effects, begun.history, begun.unbooked, begun.reasons)
    assert ("", "", HoldReason.NONE) == (begun.platform_order_no, begun.pay_url, begun.hold_reason)


def test_when_the_member_asked_last_is_no_part_of_what_an_order_equals() -> None:
    assert ORDER == replace(ORDER, checked_at=5) == replace(ORDER, changed_at=5)
    assert "checked_at" in repr(ORDER)


def test_reasons_of_refunds_are_in_no_log_of_an_order() -> None:
    order = replace(ORDER, reasons=(("r1", "王先生要求"),))

    assert "王先生" not in repr(order)
    assert ORDER != order


def test_an_effect_begins_untried_and_an_entry_without_doubt() -> None:
    assert Effect(attempts=0, done_at=0, fen=0, next_at=0, failure=None, times_missing=0) == Effect()
    assert Entry("t1", 1, 2, of="", by="", answers=None, doubted_at=0) == Entry("t1", 1, 2)
