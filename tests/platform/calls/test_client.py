"""The typed calls: what they say on the wire and what they make of the reply."""

import subprocess
import sys

import httpx
import msgspec
import pytest

from jiuwu.platform.calls.client import PlatformClient, WriteRecord
from jiuwu.platform.calls.gateway import Subject
from jiuwu.platform.errors import (
    BadParameters,
    BadReply,
    ProductRefused,
    ProductUnknown,
    TransitionRefused,
    UnknownOutcome,
)
from jiuwu.platform.models import NewOrder, NewProduct, RemoteItem, RemoteProduct
from tests.platform.fakes import STALE, Member, Rig, client, envelope, ok, order

NEW = NewOrder(
    out_order_no="JW1", amount_fen=1234, items=(RemoteItem(product_id="p1", title="茶", quantity=2, price_fen=617),)
)


TEA = NewProduct(product_id="tea/1", title="龙井", price_fen=617, on_shelf=True)
LISTED = {"product_id": "tea/1", "title": "龙井", "price": "6.17", "on_shelf": True, "updated_at": 1_763_800_000}


def said(rig: Rig, index: int = -1) -> tuple[str, str, object]:
    request = rig.requests[index]
    return request.method, request.url.path, msgspec.json.decode(request.content) if request.content else None


def test_an_order_is_created_for_the_member_in_yuan() -> None:
    api, rig = client(ok(order()))
    created = api.create_order(NEW, Member())
    assert ("JW1", "created", 1234, 0) == (
        created.out_order_no,
        created.status,
        created.amount_fen,
        created.paid_amount_fen,
    )
    items = [{"product_id": "p1", "title": "茶", "quantity": 2, "price": "6.17"}]
    assert ("POST", "/api/orders", {"out_order_no": "JW1", "amount": "12.34", "items": items}) == said(rig)
    assert STALE == rig.requests[0].url.params["access_token"]


def test_creating_an_order_may_be_repeated_because_its_number_is_its_key() -> None:
    api, rig = client(httpx.ReadTimeout, ok(order()))
    assert "P1" == api.create_order(NEW, Member()).platform_order_no
    assert len(rig.requests) == 2


@pytest.mark.parametrize("data", [order("JW2"), order(payments=7), order(amount=12.34), [], "x"])
def test_a_created_order_whose_reply_is_not_understood_may_have_been_created(data: object) -> None:
    api, _rig = client(ok(data))
    with pytest.raises(UnknownOutcome, match="reply not understood, data"):
        api.create_order(NEW, Member())


def test_an_order_is_looked_up_by_our_number() -> None:
    api, rig = client(ok(order()))
    assert "P1" == api.get_order("JW1").platform_order_no
    assert ("GET", "/api/orders/JW1", None) == said(rig)


def test_another_order_than_the_one_requested_is_a_bad_reply() -> None:
    api, _rig = client(ok(order("JW2")))
    with pytest.raises(BadReply, match=r"data\.out_order_no: not the requested order"):
        api.get_order("JW1")


def test_many_orders_are_requested_at_once_and_the_unknown_ones_are_absent() -> None:
    api, rig = client(ok({"orders": [order("JW2"), order("JW9")]}))
    assert ["JW2"] == [found.out_order_no for found in api.query_orders(["JW1", "JW2"])]
    assert ("POST", "/api/orders/query", {"out_order_nos": ["JW1", "JW2"]}) == said(rig)


def test_asking_for_many_orders_is_a_read_and_repeated() -> None:
    api, rig = client(envelope(90001), ok({"orders": []}))
    assert [] == api.query_orders(["JW1"])
    assert len(rig.requests) == 2


def test_asking_for_no_orders_asks_nobody_and_for_too_many_is_refused() -> None:
    api, rig = client(ok({"orders": []}))
    assert [] == api.query_orders([])
    with pytest.raises(BadParameters):
        api.query_orders([f"JW{index}" for index in range(101)])
    assert [] == rig.requests


def test_changed_orders_come_in_pages() -> None:
    api, rig = client(ok({"orders": [order()], "next_cursor": "c2"}), ok({"orders": [], "next_cursor": ""}))
    first = api.changed_orders(1_763_800_000)
    last = api.changed_orders(1_763_800_000, first.next_cursor, limit=50)
    assert ("c2", 1, "", 0) == (first.next_cursor, len(first.orders), last.next_cursor, len(last.orders))
    requested = [dict(request.url.params) for request in rig.requests]
    assert ("1763800000", None, "100") == (
        requested[0]["updated_after"],
        requested[0].get("cursor"),
        requested[0]["limit"],
    )
    assert ("c2", "50") == (requested[1]["cursor"], requested[1]["limit"])


def test_a_status_is_pushed_with_its_effects_id_and_repeated() -> None:
    api, rig = client(envelope(90000), ok(order(status="shipped")))
    assert "shipped" == api.push_status("JW1", "shipped", "E1").status
    assert ("POST", "/api/orders/JW1/status", {"status": "shipped", "request_no": "E1"}) == said(rig, 0)
    assert said(rig, 0) == said(rig, 1)


def test_a_refund_names_the_payment_in_yuan_and_is_repeated() -> None:
    reply = {"refund_id": "R1", "out_refund_no": "OR1", "status": "succeeded", "amount": "0.01"}
    api, rig = client(httpx.ReadError, ok(reply))
    refund = api.refund("JW1", "OR1", "T1", 1, reason="两次付款")
    assert ("R1", 1, "succeeded") == (refund.refund_id, refund.amount_fen, refund.status)
    body = {
        "out_order_no": "JW1",
        "out_refund_no": "OR1",
        "transaction_id": "T1",
        "amount": "0.01",
        "reason": "两次付款",
    }
    assert ("POST", "/api/refunds", body) == said(rig)


def test_a_product_is_put_in_yuan_and_repeated_because_its_id_is_its_key() -> None:
    api, rig = client(httpx.ReadTimeout, ok(LISTED))
    assert RemoteProduct(**TEA.model_dump(), updated_at=1_763_800_000) == api.upsert_product(TEA)
    assert ("PUT", "/api/products/tea/1", {"title": "龙井", "price": "6.17", "on_shelf": True}) == said(rig)
    assert b"/api/products/tea%2F1" == rig.requests[1].url.raw_path.partition(b"?")[0]
    assert said(rig, 0) == said(rig, 1)


def test_a_product_is_looked_up_in_fen() -> None:
    api, rig = client(ok(LISTED))
    assert (617, True) == ((found := api.get_product("tea/1")).price_fen, found.on_shelf)
    assert ("GET", "/api/products/tea/1", None) == said(rig)


@pytest.mark.parametrize(
    "data", [LISTED | {"product_id": "other"}, LISTED | {"price": 6.17}, LISTED | {"on_shelf": "yes"}, [], {}]
)
def test_a_product_that_is_not_as_the_profile_describes_is_a_bad_reply(data: object) -> None:
    api, _rig = client(ok(data))
    with pytest.raises(BadReply, match="data"):
        api.get_product("tea/1")


def test_a_product_that_the_platform_does_not_know_is_told_from_other_bad_parameters() -> None:
    api, _rig = client(envelope(70001))
    with pytest.raises(ProductUnknown):
        api.get_product("tea/1")


def test_a_refused_product_has_its_reason_even_when_an_earlier_attempt_left_doubt() -> None:
    api, rig = client(httpx.ReadTimeout, envelope(70002, {"reason": "title_too_long"}))
    with pytest.raises(ProductRefused, match="ProductRefused, title_too_long") as caught:
        api.upsert_product(TEA)
    assert ("title_too_long", "说明", 2) == (caught.value.reason, caught.value.msg, len(rig.requests))
    assert "说明" not in str(caught.value)


@pytest.mark.parametrize("reason", [None, 7, "", "Title too long", "标题太长", "a\nb", "x" * 65, {"a": "b"}])
def test_a_reason_that_is_no_word_stays_out_of_the_error(reason: object) -> None:
    api, _rig = client(envelope(70002, {"reason": reason}))
    with pytest.raises(ProductRefused) as caught:
        api.upsert_product(TEA)
    assert "" == caught.value.reason


def test_a_member_is_read_with_their_token_and_others_by_id() -> None:
    api, rig = client(ok({"open_id": "o1", "nickname": "张三", "level": 3}))
    assert ("o1", "张三", 3) == ((me := api.me(Member())).open_id, me.nickname, me.level)
    assert "o1" == api.user("o/1").open_id
    assert ["/api/users/me", "/api/users/o/1"] == [request.url.path for request in rig.requests]
    assert b"/api/users/o%2F1" == rig.requests[1].url.raw_path.partition(b"?")[0]
    assert "access_token" not in rig.requests[1].url.params


def test_the_platforms_time_is_seconds() -> None:
    api, _rig = client(ok({"server_time": 1_763_800_000}))
    assert 1_763_800_000 == api.time()


def test_importing_the_client_brings_in_no_aws() -> None:
    heavy = "boto3,botocore,aws_lambda_powertools,fastapi"
    script = f"import sys, jiuwu.platform.calls.client; print([m for m in {heavy!r}.split(',') if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[]" == found.stdout.strip()


# ---- what goes into an order's timeline ------------------------------------------------------------------------------


def writes(api: PlatformClient) -> list[WriteRecord]:
    records: list[WriteRecord] = []
    api.on_write = records.append
    return records


def test_each_write_about_an_order_is_told_once_with_the_platforms_request_id() -> None:
    api, _rig = client(httpx.ReadTimeout, ok(order()), ok(order(status="shipped")))
    records = writes(api)

    api.create_order(NEW, Member())
    api.push_status("JW1", "shipped", "JW1:push:shipped")

    assert [
        ("orders.create", Subject("JW1"), "ok", "r-1"),
        ("orders.push_status", Subject("JW1", "JW1:push:shipped"), "ok", "r-1"),
    ] == [(one.name, one.subject, one.outcome, one.request_id) for one in records]
    assert all(one.milliseconds >= 0 for one in records)


def test_a_write_that_failed_is_told_by_the_name_of_its_error() -> None:
    api, _rig = client(envelope(50003))
    records = writes(api)

    with pytest.raises(TransitionRefused) as refused:
        api.refund("JW1", "JW1:refund:t1", "t1", 5)

    assert [("refunds.create", "TransitionRefused", refused.value.request_id)] == [
        (one.name, one.outcome, one.request_id) for one in records
    ]


def test_reads_are_not_told() -> None:
    api, _rig = client(ok(order()))
    records = writes(api)

    api.get_order("JW1")

    assert [] == records
