"""The head of `jiuwu order`: state, hold reasons, ledger and effects."""

import time
from dataclasses import replace

import pytest
from rich.cells import cell_len

from jiuwu.orders.effect_key import PushStatus, RefundAll, RefundPart, Ship
from jiuwu.orders.events import PaymentsDoubted
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Failure, HistoryEntry, Order
from jiuwu.reconciliation.decide import hold
from jiuwu_cli.orders.timeline import build_timeline, head
from tests.functions.trade_messages import an_order
from tests.orders.lives import HELD, NOW, PAID, PLACED, REFUNDED, SHIPPED, after, paid, refunded

SHANGHAI = time.strftime("%m-%d %H:%M:%S", time.gmtime(NOW + 8 * 3600))


# ---- the head --------------------------------------------------------------------------------------------------------


def test_the_head_shows_state_lines_ledger_and_effects() -> None:
    shown = "\n".join(head(an_order(base=REFUNDED)))

    assert "refunded, 12.34 yuan" in shown
    assert "2 × " in shown
    assert "+12.34" in shown
    assert "-12.34" in shown
    assert "ledger: +0.00 kept" in shown


ON_ITS_WAY = HELD.with_effect(RefundPart("t1", "AB"), Effect(fen=1000, attempts=1))
HELD_UNPAID = hold(PLACED, "ordered for 1234 fen, there for 999 fen", at=NOW)


@pytest.mark.parametrize(
    ("order", "why", "end"),
    [
        (
            HELD,
            "10.00 of 12.34 yuan are here: 2.34 are missing",
            "the rest of the money ends it; if it expires or is cancelled, 10.00 yuan go back",
        ),
        (ON_ITS_WAY, "0.00 of 12.34 yuan are here: 12.34 are missing", "its refund is on its way"),
        (HELD_UNPAID, "ordered for 1234 fen, there for 999 fen", "cancel it at the platform"),
        (after(HELD_UNPAID, paid()), "ordered for 1234 fen, there for 999 fen", "give 12.34 yuan back"),
        (after(PAID, refunded(fen=2000)), "payment t1 brought 12.34 yuan and 20.00 went back", "no refund ends it"),
        (
            after(PAID, PaymentsDoubted(NOW + 300, ("t1",))),
            "the platform does not show payment t1 of 12.34 yuan",
            "as soon as the platform shows the payment",
        ),
        (replace(HELD_UNPAID, history=()), "its history does not reach back so far", "cancel it at the platform"),
    ],
)
def test_a_held_order_says_why_and_what_ends_it(order: Order, why: str, end: str) -> None:
    _, because, ends, *_ = head(order)

    assert f"  held because {why}" in because
    assert end in ends


@pytest.mark.parametrize(("base", "said"), [(PAID, "it is not shipped; "), (SHIPPED, "it was shipped before; ")])
def test_a_held_order_says_whether_its_goods_have_left(base: Order, said: str) -> None:
    assert said in "\n".join(head(after(base, refunded(fen=2000))))


def test_a_payment_in_doubt_says_so_in_the_ledger() -> None:
    shown = "\n".join(head(after(PAID, PaymentsDoubted(NOW + 300, ("t1",)))))

    assert "12.34  t1, not shown by the platform" in shown
    assert "ledger: 0.00 kept" in shown or "ledger: +0.00 kept" in shown


def test_an_order_that_is_not_held_has_no_reason_to_be() -> None:
    assert "held" not in "\n".join(head(an_order(base=REFUNDED)))


def test_a_refund_requested_is_told_in_yuan() -> None:
    order = replace(
        an_order(), history=(HistoryEntry(at=NOW, idempotency_key="request→1", kind="refund_requested", detail="980"),)
    )

    assert "refund of 9.80 yuan requested by request→1" in [moment.what for moment in build_timeline(order, [], [], [])]


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (Effect(), "push:shipped  pending, 0 tries"),
        (Effect(attempts=3, next_at=NOW), f"push:shipped  pending, 3 tries, next {SHANGHAI}"),
        (Effect(attempts=1, done_at=NOW), f"push:shipped  done {SHANGHAI}"),
        (
            Effect(attempts=32, failure=Failure("exhausted", "Busy")),
            "push:shipped  given up after 32 tries: exhausted: Busy",
        ),
        (Effect(fen=1234), "push:shipped  12.34 yuan pending"),
        (Effect(attempts=2, done_at=NOW), f"push:shipped  done {SHANGHAI}, 2 tries"),
    ],
)
def test_an_effect_says_how_far_it_is(effect: Effect, expected: str) -> None:
    order: Order = an_order().with_effect(PushStatus("shipped"), effect)

    assert any(line.strip().startswith(expected) for line in head(order))


def test_a_refund_requested_says_why() -> None:
    order: Order = replace(an_order(), reasons=(("AB", "damaged\n"),)).with_effect(
        RefundPart("t1", "AB"), Effect(fen=1234)
    )

    assert any("12.34 yuan pending, 0 tries, 'damaged\\n'" in line for line in head(order))


def test_a_refund_is_one_line_of_80_columns_and_what_answered_it_names_it() -> None:
    payment, reason = "4200002281202611291234567890", "requested by the merchant"
    name = RefundPart(payment, "A" * 16)
    requested = (
        after(PLACED, paid(payment)).with_effect(name, Effect(fen=234, done_at=NOW)).with_effect(Ship(), Effect())
    )
    requested = replace(requested, reasons=(("A" * 16, reason),))
    number = effect_id(requested.order_no, name)
    booked = replace(refunded("rf_1234567890abcdef1234", of=payment, fen=234), out_refund_no=number)

    lines = list(head(after(requested, booked)))

    label = f"refund:…{number[-8:]}"
    assert [f"  {label}  2.34 yuan done {SHANGHAI}, {reason!r}"] == [
        one for one in lines if one.startswith("  refund:")
    ]
    assert any(one.endswith(f"-2.34  rf_1234567890abcdef1234 for {label}") for one in lines)
    assert [] == [one for one in lines if "refund:" in one and cell_len(one) > 80]


def test_a_refund_made_at_the_platform_answers_none_of_ours() -> None:
    shown = "\n".join(head(after(PAID.with_effect(RefundAll("t1"), Effect()), refunded())))

    assert "-12.34  r1\n" in shown


def test_a_booking_of_one_of_two_payments_says_of_which() -> None:
    assert "-12.34  r1 of t1" in "\n".join(head(after(PAID, paid("t2"), refunded())))
