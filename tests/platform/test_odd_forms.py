"""A secondary field in an odd form never throws away the essential, and no essential is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.intake import parser
from jiuwu.platform import payloads
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import RemoteOrder
from jiuwu.platform.profile import load
from jiuwu.platform.signed_notifications import NotificationRefused, receive, sign_notification
from tests.platform.test_payloads import ORDER, PROFILE, TOKEN, but

NOW = 1_763_800_000
INFINITE = float("inf")
WHOLE = payloads.parse_order(PROFILE, ORDER)


@pytest.mark.parametrize(
    ("path", "value", "read", "expected"),
    [
        (("refunds",), None, "refunds", ()),
        (("refunds",), {}, "refunds", ()),
        (("payments",), None, "payments", ()),
        (("items",), None, "items", ()),
        (("items",), 7, "items", ()),
        (("items", 0, "product_id"), None, "items", ()),
        (("items", 0, "price"), 6.17, "items", ()),
        (("created_at",), "2025-11-22 16:26:40", "created_at", NOW),
        (("updated_at",), NOW * 1000, "updated_at", NOW),
        (("updated_at",), float(NOW), "updated_at", NOW),
        (("updated_at",), "soon", "updated_at", 0),
        (("updated_at",), None, "updated_at", 0),
        (("updated_at",), True, "updated_at", 0),
        (("updated_at",), INFINITE, "updated_at", 0),
        (("pay_url",), None, "pay_url", ""),
        (("pay_url",), [], "pay_url", ""),
        (("paid_amount",), 12.34, "paid_amount_fen", None),
        (("out_order_no",), 12345678901234567890123, "out_order_no", "12345678901234567890123"),
        (("platform_order_no",), 95, "platform_order_no", "95"),
        (("platform_order_no",), 95.0, "platform_order_no", "95"),
        (("open_id",), 7, "open_id", "7"),
        (("open_id",), None, "open_id", ""),
    ],
)
def test_an_odd_field_of_an_order_costs_itself_only(
    path: tuple[str | int, ...], value: object, read: str, expected: object
) -> None:
    order = payloads.parse_order(PROFILE, but(ORDER, *path, value=value))
    assert WHOLE.model_copy(update={read: expected}) == order


@pytest.mark.parametrize("quantity", [0, 0.0, "0"])
def test_a_gift_of_quantity_nothing_is_a_line(quantity: object) -> None:
    (item,) = payloads.parse_order(PROFILE, but(ORDER, "items", 0, "quantity", value=quantity)).items
    assert 0 == item.quantity


@pytest.mark.parametrize("when", [None, "", "soon", -1, True, [], INFINITE])
def test_money_whose_time_cannot_be_read_is_money(when: object) -> None:
    odd = but(but(ORDER, "payments", 0, "paid_at", value=when), "refunds", 0, "refunded_at", value=when)
    order = payloads.parse_order(PROFILE, odd)
    assert (0, 1234, 0, 1) == (
        order.payments[0].paid_at,
        order.payments[0].amount_fen,
        order.refunds[0].refunded_at,
        order.refunds[0].amount_fen,
    )


def test_a_missing_list_of_payments_is_not_an_order_without_any() -> None:
    for name in ("payments", "refunds"):
        with pytest.raises(MalformedPayload, match=f"^{name}: missing$"):
            payloads.parse_order(PROFILE, {key: value for key, value in ORDER.items() if key != name})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("amount",), 12.34),
        (("amount",), INFINITE),
        (("payments", 0, "amount"), 12),
        (("payments", 0, "amount"), True),
        (("payments", 0, "transaction_id"), None),
        (("payments", 0, "transaction_id"), 1.5),
        (("payments", 0, "transaction_id"), 9.5e19),
        (("payments", 0, "transaction_id"), -1),
        (("payments", 0, "transaction_id"), "T\ufffd"),
        (("refunds", 0, "out_refund_no"), True),
        (("out_order_no",), True),
        (("status",), None),
        (("status",), True),
    ],
)
def test_an_essential_in_an_odd_form_is_never_guessed(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(MalformedPayload):
        payloads.parse_order(PROFILE, but(ORDER, *path, value=value))


def test_one_unreadable_order_leaves_its_page() -> None:
    page = payloads.parse_page(PROFILE, {"orders": [ORDER, ORDER | {"amount": INFINITE}], "next_cursor": 7})
    assert (1, 1, "7") == (len(page.orders), len(page.unreadable), page.next_cursor)


@pytest.mark.parametrize(
    ("written", "on_shelf"), [(0, False), (1.0, True), ("0", False), ("1", True), ("false", False), ("True", True)]
)
def test_whether_a_product_is_on_the_shelf_may_be_a_number_or_text(written: object, on_shelf: bool) -> None:
    product = {"product_id": "tea", "title": "龙井", "price": "6.17", "on_shelf": written}
    assert on_shelf is payloads.parse_product(PROFILE, product).on_shelf


@pytest.mark.parametrize("written", ["", "yes", 2, -1, None, []])
def test_what_may_mean_either_is_not_guessed(written: object) -> None:
    product = {"product_id": "tea", "title": "龙井", "price": "6.17", "on_shelf": written}
    with pytest.raises(MalformedPayload):
        payloads.parse_product(PROFILE, product)


def test_an_unreadable_order_is_called_by_no_more_than_its_number() -> None:
    nested: object = []
    for _ in range(5000):
        nested = [nested]
    odd = [nested, {"phone": "13800138000"}, ["JW1"], True, 12.5, 7]
    page = payloads.parse_page(
        PROFILE, {"orders": [ORDER, *(ORDER | {"out_order_no": one, "amount": 1} for one in odd)]}
    )
    assert ["an order"] * 5 + ["7"] == [problem.partition(":")[0] for problem in page.unreadable]


@pytest.mark.parametrize("end", [None, "", False, 0, 0.0, -1, [], {}])
def test_there_is_no_further_page_whichever_way_it_is_said(end: object) -> None:
    assert "" == payloads.parse_page(PROFILE, {"orders": [ORDER], "next_cursor": end}).next_cursor


def test_a_status_may_be_any_number_that_the_profile_has(tmp_path: Path) -> None:
    words = ("created", "paid", "shipped", "completed", "cancelled", "refunded")
    (tmp_path / "mine.toml").write_text(
        "[order_status]\n"
        + "".join(f'{number} = "{word}"\n' for number, word in enumerate(words))
        + '[refund_status]\n0 = "processing"\n1 = "succeeded"\n2 = "failed"\n'
    )
    mine = load("mine", directory=tmp_path)
    for number in (1, 1.0, "1"):
        odd = but(ORDER, "refunds", 0, "status", value=number) | {"status": number}
        order = payloads.parse_order(mine, odd)
        assert ("paid", "succeeded") == (order.status, order.refunds[0].status)


@pytest.mark.parametrize("empty", [None, {}, []])
def test_an_empty_page_may_be_written_in_any_language(empty: object) -> None:
    assert () == payloads.parse_page(PROFILE, {"orders": empty}).orders


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"level": 1.0}, 1),
        ({"level": "VIP"}, "VIP"),
        ({"level": True}, 0),
        ({"level": 1.5}, 0),
        ({"level": []}, 0),
        ({"level": None}, 0),
        ({"level": 1, "updated_at": "soon"}, 1),
        ({"level": 1, "nickname": ["x"], "avatar_url": 7}, 1),
    ],
)
def test_a_members_decoration_never_hides_the_member(change: dict[str, Any], level: object) -> None:
    user = payloads.parse_user(PROFILE, {"open_id": 42, "nickname": "兰", **change})
    assert ("42", level) == (user.open_id, user.level)


def test_a_nickname_of_digits_is_a_name() -> None:
    assert "12345" == payloads.parse_user(PROFILE, {"open_id": "o", "nickname": 12345}).nickname


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"expires_in": 3600.0}, (3600, 9, "RT", "s", None)),
        ({"expires_in": 0}, (7200, 9, "RT", "s", None)),
        ({"refresh_expires_in": 0}, (7200, 31_536_000, "RT", "s", None)),
        ({"refresh_expires_in": -1}, (7200, 31_536_000, "RT", "s", None)),
        ({"refresh_expires_in": -3600}, (7200, 31_536_000, "RT", "s", None)),
        ({"refresh_expires_in": None}, (7200, 2_592_000, "RT", "s", None)),
        ({"expires_in": NOW + 600, "refresh_expires_in": NOW + 6000}, (600, 6000, "RT", "s", None)),
        ({"refresh_token": ""}, (7200, 9, None, "s", None)),
        ({"refresh_token": None}, (7200, 9, None, "s", None)),
        ({"refresh_token": []}, (7200, 9, None, "s", None)),
        ({"scope": ["profile", "orders"]}, (7200, 9, "RT", "profile orders", None)),
        ({"scope": ["profile", None, ["x"]]}, (7200, 9, "RT", "profile", None)),
        ({"scope": {}}, (7200, 9, "RT", "", None)),
        ({"open_id": ""}, (7200, 9, "RT", "s", None)),
        ({"open_id": 95}, (7200, 9, "RT", "s", "95")),
    ],
)
def test_a_token_reply_with_an_odd_field_gives_its_tokens(change: dict[str, Any], expected: tuple[object, ...]) -> None:
    token = payloads.parse_token(PROFILE, TOKEN | change, now=NOW)
    assert expected == (
        token.expires_in,
        token.refresh_expires_in,
        token.refresh_token,
        token.scope,
        token.open_id,
    )


# ---- the door and what stands behind it ---------------------------------------------------------------------------

_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(["", "1", "order.paid", "evt_1", "2025-11-22 16:26:40", "\ud83d", str(NOW), f"{NOW}000"]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
_PAID = {
    "out_order_no": "JW1",
    "platform_order_no": "P1",
    "transaction_id": "T1",
    "amount": "12.34",
    "paid_at": NOW,
}
_HEAD = {"event_id": "evt_1", "event_type": "order.paid", "occurred_at": NOW, "version": 2}
PROFILES = ["seconds", "milliseconds", "%Y-%m-%d %H:%M:%S"]


@pytest.fixture(scope="module", params=PROFILES)
def contract(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("profiles")
    (directory / "mine.toml").write_text(f'[signing]\ntimestamp_format = "{request.param}"\n')
    return load("mine", directory=directory)


@given(
    changes=st.dictionaries(st.sampled_from([*_HEAD, "other"]), _ANYTHING, max_size=4),
    gone=st.sets(st.sampled_from(list(_HEAD))),
)
def test_what_the_door_accepts_is_accepted_inside(contract: Any, changes: dict[str, Any], gone: set[str]) -> None:
    head = {name: value for name, value in (_HEAD | changes).items() if name not in gone}
    body = json.dumps(head | {"data": _PAID})
    headers = sign_notification(contract, app_id="a", secret="s", event_id="evt_1", body=body, timestamp=NOW, nonce="n")
    try:
        taken = receive(
            contract, app_id="a", secrets=lambda: ["s"], headers=headers, body=body.encode(), now=float(NOW)
        )
    except NotificationRefused:
        return
    if taken.event_type != "unknown":
        notice = parser.read(contract, taken.body_text, {"event_type": taken.event_type}, now=NOW)
        assert ("JW1", taken.occurred_at) == (notice.order_no, notice.rank[0])


@pytest.mark.parametrize("change", [{"occurred_at": None}, {"version": 2**63}, {"version": -1}, {"version": "x"}, {}])
@pytest.mark.parametrize("missing", ["occurred_at", "version", "other"])
def test_a_time_or_version_that_says_nothing_is_taken_at_the_door_and_inside(
    contract: Any, change: dict[str, Any], missing: str
) -> None:
    head = {name: value for name, value in (_HEAD | change).items() if name != missing}
    body = json.dumps(head | {"data": _PAID})
    headers = sign_notification(contract, app_id="a", secret="s", event_id="evt_1", body=body, timestamp=NOW, nonce="n")
    taken = receive(contract, app_id="a", secrets=lambda: ["s"], headers=headers, body=body.encode(), now=float(NOW))
    assert "JW1" == parser.read(contract, taken.body_text, {"event_type": taken.event_type}, now=NOW).order_no


def test_an_order_read_leniently_is_one_of_our_values() -> None:
    assert isinstance(WHOLE, RemoteOrder)
