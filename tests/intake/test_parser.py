"""A message of the order queue becomes what happened, or poison that names the field."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.intake.inbox import NoticeResult, fold
from jiuwu.intake.parser import Notice, Poison, read
from jiuwu.orders.effect_key import RefundAll
from jiuwu.orders.events import Cancelled, Completed, Paid, Refunded, RefundStatusChanged
from jiuwu.orders.order import Order, Status
from jiuwu.orders.state_machine import Policy
from jiuwu.platform import profile
from tests.orders.lives import CANCELLED, CREATED, NOW, PAID, PLACED, completed, paid, refunded

PROFILE = profile.load()
ORDER = {"out_order_no": "JW1", "platform_order_no": "P1"}
DATA: dict[str, dict[str, Any]] = {
    "order.paid": ORDER | {"open_id": "ou_1", "transaction_id": "t1", "amount": "12.34", "paid_at": NOW - 5},
    "order.cancelled": ORDER | {"reason": "timeout", "cancelled_at": NOW - 5},
    "order.completed": ORDER | {"completed_at": NOW - 5},
    "order.refunded": ORDER
    | {
        "refund_id": "r1",
        "out_refund_no": "JW1:refund:t1",
        "transaction_id": "t1",
        "amount": "0.05",
        "refunded_at": NOW - 5,
    },
}


def body(event_type: str, **changes: Any) -> str:
    data = {name: value for name, value in (DATA[event_type] | changes).items() if value is not ...}
    return json.dumps({"event_id": "e1", "event_type": event_type, "occurred_at": NOW - 4, "version": 3, "data": data})


def attributes(event_type: str) -> dict[str, str]:
    return {"event_id": "e1", "event_type": event_type, "received_at": f"{NOW - 3}.123"}


@pytest.mark.parametrize(
    ("event_type", "event"),
    [
        ("order.paid", Paid("e1", NOW, "t1", 1234, NOW - 5)),
        ("order.cancelled", Cancelled("e1", NOW, "timeout")),
        ("order.completed", Completed("e1", NOW)),
        ("order.refunded", Refunded("e1", NOW, "r1", "t1", 5, NOW - 5, "JW1:refund:t1")),
    ],
)
def test_a_notification_becomes_what_happened_to_which_order(event_type: str, event: Any) -> None:
    notice = read(PROFILE, body(event_type, a_field_added_later={"x": 1}), attributes(event_type), now=NOW)

    assert re.fullmatch("[0-9a-f]{8}", notice.event.payload_digest)
    assert notice == Notice("JW1", "P1", replace(event, payload_digest=notice.event.payload_digest), (NOW - 4, 3))


@pytest.mark.parametrize("event_type", DATA)
def test_what_the_platform_may_write_anew_at_each_sending_leaves_the_proof_as_it_is(event_type: str) -> None:
    again = json.loads(body(event_type, open_id="ou_2", reason="other words", added_later=1))
    again |= {"occurred_at": NOW, "version": 9}

    assert digest(body(event_type), event_type) == digest(json.dumps(again), event_type)


@pytest.mark.parametrize("event_type", DATA)
@pytest.mark.parametrize("field", ["out_order_no", "platform_order_no", "transaction_id", "refund_id", "out_refund_no"])
def test_whatever_moves_an_order_is_in_the_digest(event_type: str, field: str) -> None:
    if field in DATA[event_type]:
        assert digest(body(event_type), event_type) != digest(body(event_type, **{field: "another"}), event_type)


@pytest.mark.parametrize("event_type", ["order.paid", "order.refunded"])
def test_another_amount_or_time_of_money_is_another_digest(event_type: str) -> None:
    when = "paid_at" if event_type == "order.paid" else "refunded_at"
    said: list[dict[str, Any]] = [{}, {"amount": "0.06"}, {when: NOW - 6}]

    assert len({digest(body(event_type, **changes), event_type) for changes in said}) == 3


def test_another_event_type_is_another_digest() -> None:
    common = body("order.cancelled")

    assert digest(common, "order.cancelled") != digest(common, "order.completed")


def digest(text: str, event_type: str) -> str:
    return read(PROFILE, text, attributes(event_type), now=NOW).event.payload_digest


@pytest.mark.parametrize("field", ["out_order_no", "platform_order_no", "transaction_id", "amount"])
@pytest.mark.parametrize("value", [..., None, "", [], {}, True, 1.5, -1], ids=repr)
def test_a_missing_or_wrong_field_is_poison_that_names_it(field: str, value: object) -> None:
    with pytest.raises(Poison, match=f"data.{field}") as poison:
        read(PROFILE, body("order.paid", **{field: value}), attributes("order.paid"), now=NOW)

    assert poison.value.reason == "malformed"


@pytest.mark.parametrize("amount", ["１２.34", "12.345", "-0.01", "1e3", "NaN", " 1.00", "1,000.00"])
def test_an_amount_that_is_not_plain_yuan_is_poison(amount: str) -> None:
    with pytest.raises(Poison, match=r"data\.amount"):
        read(PROFILE, body("order.paid", amount=amount), attributes("order.paid"), now=NOW)


def test_poison_does_not_show_the_value() -> None:
    with pytest.raises(Poison) as poison:
        read(PROFILE, body("order.paid", amount="12.345 secret"), attributes("order.paid"), now=NOW)

    assert "secret" not in str(poison.value)


@pytest.mark.parametrize("event_type", ["user.updated", "", "orders"])
def test_what_is_no_orders_event_is_poison(event_type: str) -> None:
    with pytest.raises(Poison) as poison:
        read(PROFILE, body("order.paid"), attributes(event_type), now=NOW)

    assert poison.value.reason == "not_an_orders_event"


def test_an_orders_event_that_we_do_not_know_is_poison() -> None:
    with pytest.raises(Poison, match="event_type"):
        read(PROFILE, body("order.paid"), attributes("order.gifted"), now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DATA)), st.data())
def test_junk_is_poison_and_nothing_else(event_type: str, chosen: st.DataObject) -> None:
    field = chosen.draw(st.sampled_from(sorted(DATA[event_type])))
    text = chosen.draw(st.text() | st.builds(json.dumps, json_values))
    changed = body(event_type, **{field: chosen.draw(json_values)})
    for junk in (text, changed):
        with suppress(Poison):
            assert isinstance(read(PROFILE, junk, attributes(event_type), now=NOW), Notice)


# ---- several notices of one order ------------------------------------------------------------------------------------


def notice(event: Any, number: str = "P1") -> Notice:
    return Notice(PLACED.order_no, number, event)


def test_notices_of_one_order_are_folded_one_after_the_other() -> None:
    order, results = fold(PLACED, [notice(paid()), notice(paid()), notice(refunded(fen=1))], Policy())

    assert [result.what for result in results] == ["paid", "duplicate_event", "partly_refunded"]
    assert (order.status, order.balance_fen) == (Status.PAID, 1233)


@pytest.mark.parametrize("order", [CREATED, replace(PAID, platform_order_no="")], ids=lambda order: order.status)
def test_a_notification_tells_the_number_that_the_lost_reply_would_have(order: Order) -> None:
    after, _ = fold(order, [notice(paid("t2"))], Policy())

    assert (after.platform_order_no, after.status) == ("P1", Status.PAID)


def test_a_number_is_not_worth_a_write_of_its_own() -> None:
    order = replace(PAID, platform_order_no="")

    assert fold(order, [notice(paid())], Policy()) == (
        order,
        [NoticeResult("ignored", "duplicate_event", duplicate_of="evt-paid-t1")],
    )


def test_a_cancelled_order_is_not_cancelled_over_there_because_of_a_notification() -> None:
    after, _ = fold(replace(CANCELLED, platform_order_no=""), [notice(paid())], Policy())

    assert after.pending == (RefundAll("t1"),)


def test_a_notification_about_another_platform_order_is_poison() -> None:
    order, (result,) = fold(PLACED, [notice(paid(), "P2")], Policy())

    assert (order, result.outcome, result.what) == (PLACED, "poison", "another_platform_order")


def test_what_cannot_be_judged_is_remembered_and_due() -> None:
    order, (first, second) = fold(PLACED, [notice(completed()), notice(completed())], Policy())

    assert (first.what, second.what) == ("lookup_needed:completed_but_unpaid", "duplicate_event")
    assert order.due_at == completed().at


@pytest.mark.parametrize(
    ("event_type", "left_out"),
    [("order.paid", "open_id"), ("order.cancelled", "cancelled_at"), ("order.completed", "completed_at")],
)
def test_a_field_that_nothing_is_done_with_may_be_left_out(event_type: str, left_out: str) -> None:
    text = body(event_type, **{left_out: ...})

    assert "JW1" == read(PROFILE, text, attributes(event_type), now=NOW).order_no


def refund_told(**changes: Any) -> Any:
    return read(PROFILE, body("order.refunded", **changes), attributes("order.refunded"), now=NOW).event


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_a_refund_that_did_not_succeed_is_read_with_its_status(status: str) -> None:
    event = refund_told(status=status, refunded_at=None)

    assert RefundStatusChanged("e1", NOW, "r1", "t1", 5, status, "JW1:refund:t1", event.payload_digest) == event


def test_the_same_event_id_with_another_status_is_another_event() -> None:
    stated = [refund_told(status=status) for status in ("succeeded", "processing", "failed")]

    assert 3 == len({event.payload_digest for event in stated})
    assert refund_told() == stated[0]


@pytest.mark.parametrize("when", [..., None, "soon", True])
def test_money_of_which_the_platform_does_not_say_when_moved_when_it_was_reported(when: object) -> None:
    paid = read(PROFILE, body("order.paid", paid_at=when), attributes("order.paid"), now=NOW).event
    refunded = read(PROFILE, body("order.refunded", refunded_at=when), attributes("order.refunded"), now=NOW).event

    assert isinstance(paid, Paid)
    assert isinstance(refunded, Refunded)
    assert (NOW - 4, NOW - 4) == (paid.paid_at, refunded.refunded_at)
