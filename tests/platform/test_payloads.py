"""The platform's JSON becomes our values by the profile's names, or one clear error without a value."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.platform import payloads
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import NewOrder, RemoteItem, RemoteOrder, RemotePayment, RemoteRefund, TokenReply
from jiuwu.platform.profile import load
from tests.platform.fakes import PAID, PAYMENT, REFUND

PROFILE = load()
ORDER: dict[str, Any] = {
    "platform_order_no": "P1",
    "out_order_no": "JW1",
    "open_id": "o1",
    "status": "paid",
    "amount": "12.34",
    "paid_amount": "12.34",
    "items": [{"product_id": "p1", "title": "茶", "quantity": 2, "price": "6.17"}],
    "pay_url": "https://pay.example/1",
    "payments": [PAYMENT],
    "refunds": [REFUND],
    "created_at": 1_763_800_000,
    "updated_at": 1_763_800_300,
}
TOKEN = {"access_token": "AT", "expires_in": 7200, "refresh_token": "RT", "refresh_expires_in": 9, "scope": "s"}


def test_an_order_becomes_fen_and_seconds() -> None:
    expected = RemoteOrder(
        platform_order_no="P1",
        out_order_no="JW1",
        open_id="o1",
        status="paid",
        amount_fen=1234,
        paid_amount_fen=1234,
        items=(RemoteItem(product_id="p1", title="茶", quantity=2, price_fen=617),),
        pay_url="https://pay.example/1",
        payments=(RemotePayment(transaction_id="T1", amount_fen=1234, paid_at=1_763_800_100),),
        refunds=(
            RemoteRefund(
                refund_id="R1", out_refund_no="OR1", transaction_id="T1", amount_fen=1, refunded_at=1_763_800_200
            ),
        ),
        created_at=1_763_800_000,
        updated_at=1_763_800_300,
    )
    assert expected == payloads.parse_order(PROFILE, ORDER | {"a_new_field": {"deep": [1]}})


def test_a_platform_with_other_names_is_only_another_profile(tmp_path: Path) -> None:
    overlay = """
    [order_status]
    WAIT = "created"
    DONE = "paid"
    SENT = "shipped"
    END = "completed"
    GONE = "cancelled"
    BACK = "refunded"
    [fields.order]
    open_id = "buyer.id"
    amount = "total"
    [fields.payment]
    transaction_id = "no"
    """
    (tmp_path / "other.toml").write_text(overlay, "utf-8")
    theirs = {key: value for key, value in ORDER.items() if key not in ("open_id", "amount")}
    theirs |= {"buyer": {"id": "o1"}, "total": "12.34", "status": "DONE"}
    theirs["payments"] = [{"no": "T1", "amount": "12.34", "paid_at": 1_763_800_100}]
    assert payloads.parse_order(PROFILE, ORDER) == payloads.parse_order(load("other", directory=tmp_path), theirs)


def but(whole: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(whole))
    at: Any = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "field", "problem"),
    [
        (("amount",), None, "amount", "missing"),
        (("amount",), 12.34, "amount", "yuan"),
        (("amount",), "12.345", "amount", "yuan"),
        (("amount",), "-1.00", "amount", "0 or more"),
        (("amount",), "1" * 30, "amount", "at most 11"),
        (("status",), "teleported", "status", "[order_status]"),
        (("status",), ["paid"], "status", "[order_status]"),
        (("status",), None, "status", "missing"),
        (("payments",), "", "payments", "list"),
        (("payments",), {"transaction_id": "T1"}, "payments", "list"),
        (("payments",), [PAYMENT, 7], "payments.1", "object"),
        (("payments", 0, "transaction_id"), "", "payments.0.transaction_id", "at least 1"),
        (("payments", 0, "transaction_id"), "T" * 129, "payments.0.transaction_id", "at most 128"),
        (("refunds", 0, "amount"), "NaN", "refunds.0.amount", "yuan"),
        (("payments", 0, "transaction_id"), True, "payments.0.transaction_id", "string"),
        (("payments", 0, "transaction_id"), "T\ufffd", "payments.0.transaction_id", "cannot be read"),
        (("refunds", 0, "out_refund_no"), [], "refunds.0.out_refund_no", "string"),
    ],
)
def test_a_wrong_field_of_an_order_is_named(
    path: tuple[str | int, ...], value: object, field: str, problem: str
) -> None:
    with pytest.raises(MalformedPayload) as caught:
        payloads.parse_order(PROFILE, but(ORDER, *path, value=value))
    assert field == caught.value.field
    assert problem in caught.value.problem


@pytest.mark.parametrize("data", [None, 7, "text", [], True])
def test_what_is_no_object_is_no_order(data: object) -> None:
    with pytest.raises(MalformedPayload, match=r"^data: "):
        payloads.parse_order(PROFILE, data)


def test_an_order_may_lack_what_nothing_depends_on() -> None:
    order = payloads.parse_order(PROFILE, ORDER | {"items": None, "pay_url": None, "created_at": None})
    assert ((), "", 0) == (order.items, order.pay_url, order.created_at)


def test_a_wrong_order_in_a_list_is_named_by_its_place() -> None:
    with pytest.raises(MalformedPayload) as caught:
        payloads.parse_orders(PROFILE, {"orders": [ORDER, but(ORDER, "refunds", 0, "amount", value="x")]})
    assert caught.value.field == "orders.1.refunds.0.amount"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (but(ORDER, "refunds", 0, "amount", value="x"), f"{ORDER['out_order_no']}: orders.1.refunds.0.amount: "),
        (ORDER | {"out_order_no": "a\nb"} | {"amount": "x"}, "an order: orders.1.amount: "),
        (None, "an order: orders.1: "),
    ],
)
def test_a_page_is_read_without_its_wrong_orders_and_names_them(wrong: object, named: str) -> None:
    page = payloads.parse_page(PROFILE, {"orders": [ORDER, wrong], "next_cursor": "c"})

    assert (1, "c") == (len(page.orders), page.next_cursor)
    (said,) = page.unreadable
    assert said.startswith(named)


def test_a_page_of_wrong_orders_only_is_no_page() -> None:
    with pytest.raises(MalformedPayload, match=r"^orders\.0\.status"):
        payloads.parse_page(PROFILE, {"orders": [ORDER | {"status": "new"}] * 3})


def test_an_order_that_cannot_be_read_and_is_alone_on_its_page_does_not_hold_up_the_list() -> None:
    page = payloads.parse_page(PROFILE, {"orders": [ORDER | {"status": "new"}], "next_cursor": "p2"})
    assert ((), 1, "p2") == (page.orders, len(page.unreadable), page.next_cursor)


def test_a_page_without_orders_is_not_an_empty_page() -> None:
    with pytest.raises(MalformedPayload, match=r"^orders: missing$"):
        payloads.parse_page(PROFILE, {})


def test_the_last_page_has_no_cursor() -> None:
    assert payloads.parse_page(PROFILE, {"orders": []}).next_cursor == ""


def test_the_name_of_a_page_that_would_fit_no_url_is_refused() -> None:
    with pytest.raises(MalformedPayload, match="next_cursor"):
        payloads.parse_page(PROFILE, {"orders": [], "next_cursor": "c" * 4097})


def test_a_token_reply_without_lifetimes_gets_the_profiles() -> None:
    token = payloads.parse_token(PROFILE, {"access_token": "AT"})
    assert (7200, 2_592_000, None) == (token.expires_in, token.refresh_expires_in, token.refresh_token)


def test_a_lifetime_may_be_text() -> None:
    assert payloads.parse_token(PROFILE, TOKEN | {"expires_in": "600"}).expires_in == 600


def test_tokens_are_not_in_any_text_of_a_reply() -> None:
    token: TokenReply = payloads.parse_token(
        PROFILE, TOKEN | {"access_token": "AT-secret", "refresh_token": "RT-secret"}
    )
    for text in (repr(token), str(token), f"{[token]}"):
        assert "secret" not in text


def test_names_of_people_are_not_in_the_text_of_a_profile() -> None:
    user = payloads.parse_user(PROFILE, {"open_id": "o1", "nickname": "张三", "avatar_url": "https://a/z3"})
    assert "张三" == user.nickname
    assert "张三" not in repr(user)
    assert "z3" not in repr(user)


def test_a_new_order_is_said_in_the_platforms_names(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        '[fields.order]\namount = "total.yuan"\n[fields.item]\nprice = "each"', "utf-8"
    )
    order = NewOrder(
        out_order_no="JW1",
        amount_fen=1234,
        items=(RemoteItem(product_id="p1", title="茶", quantity=2, price_fen=617),),
        notify_url="https://me.example/hook",
    )
    expected = {
        "out_order_no": "JW1",
        "total": {"yuan": "12.34"},
        "items": [{"product_id": "p1", "title": "茶", "quantity": 2, "each": "6.17"}],
        "notify_url": "https://me.example/hook",
    }
    assert expected == payloads.render_order(load("other", directory=tmp_path), order)


MARK = "q7Zs3cr3t"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([MARK, "paid", "1.00", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ORDER, *PAYMENT, *REFUND, *TOKEN, MARK]), inner, max_size=6)
    ),
    max_leaves=20,
)
PARSERS: list[Callable[[object], object]] = [
    lambda data: payloads.parse_order(PROFILE, data),
    lambda data: payloads.parse_order(PROFILE, {**ORDER, **data} if isinstance(data, dict) else data),
    lambda data: payloads.parse_page(PROFILE, data),
    lambda data: payloads.parse_refund(PROFILE, data),
    lambda data: payloads.parse_user(PROFILE, data),
    lambda data: payloads.parse_token(PROFILE, data),
    lambda data: payloads.parse_event(PROFILE, "order.paid", {**PAID, **data} if isinstance(data, dict) else data),
]


@pytest.mark.parametrize("parse", PARSERS)
@settings(max_examples=50)
@given(data=JSON)
def test_whatever_comes_is_a_value_or_one_error_that_shows_nothing_of_it(
    parse: Callable[[object], object], data: object
) -> None:
    try:
        said = ""
        parse(data)
    except MalformedPayload as error:
        said = str(error) + repr(error)
    assert MARK not in said
