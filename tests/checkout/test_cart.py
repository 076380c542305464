"""A cart is read from a browser's request whole, or refused with the field that is wrong."""

import json
from typing import Any

import pytest

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.checkout.cart import Basket, read_basket

TEA = {"product_id": "tea", "quantity": 2}


def request(content: object) -> Request:
    """POST /orders with this JSON."""
    return Request(
        method="POST",
        path="/orders",
        host="shop.example",
        source="192.0.2.1",
        raw_query="",
        headers={"content-type": "application/json"},
        cookies={},
        raw_body=json.dumps(content),
        is_base64=False,
    )


def refusal(content: object) -> dict[str, Any]:
    """The error that refuses this JSON."""
    with pytest.raises(HttpError) as refused:
        read_basket(request(content))
    return refused.value.content


def test_a_cart_keeps_its_order_and_pays_with_money() -> None:
    basket = read_basket(request({"items": [TEA, {"product_id": "cup", "quantity": 1}]}))

    assert Basket({"tea": 2, "cup": 1}, with_points=False) == basket
    assert ["tea", "cup"] == list(basket.quantities)
    assert Basket({"tea": 2}) == read_basket(request({"items": [TEA], "pay_with": "money"}))


def test_a_cart_may_pay_with_points() -> None:
    assert Basket({"tea": 2}, with_points=True) == read_basket(request({"items": [TEA], "pay_with": "points"}))


def test_fifty_products_of_999_pieces_are_the_most() -> None:
    items = [{"product_id": f"p{n}", "quantity": 999} for n in range(50)]

    assert {f"p{n}": 999 for n in range(50)} == read_basket(request({"items": items})).quantities


TOO_MANY = [{"product_id": f"p{n}", "quantity": 1} for n in range(51)]
BODY = '请求应为 {"items": [{"product_id": …, "quantity": …}]}，1 到 50 行'
MALFORMED: list[tuple[object, str, str]] = [
    ({"items": [TEA | {"quantity": 0}]}, "items[0].quantity", "数量必须是 1 到 999 的整数"),
    ({"items": [TEA, TEA | {"quantity": 1000}]}, "items[1].quantity", "数量必须是 1 到 999 的整数"),
    ({"items": [TEA | {"product_id": ""}]}, "items[0].product_id", "商品编号必须是 1 到 64 个字符的文本"),
    ({"items": [TEA | {"product_id": "p" * 65}]}, "items[0].product_id", "商品编号必须是 1 到 64 个字符的文本"),
    ({"items": [{"quantity": 1}]}, "items[0].product_id", "商品编号必须是 1 到 64 个字符的文本"),
    ({"items": [TEA], "pay_with": "card"}, "pay_with", "支付方式必须是 money 或 points"),
    ({"items": []}, "items", BODY),
    ({"items": TOO_MANY}, "items", BODY),
    ([], "", BODY),
]


@pytest.mark.parametrize(("content", "field", "message"), MALFORMED, ids=str)
def test_a_malformed_cart_is_refused_with_its_field(content: object, field: str, message: str) -> None:
    expected = {"code": 400, "reason": "field_malformed", "message": message} | ({"field": field} if field else {})

    assert expected == refusal(content)


def test_a_product_on_two_lines_is_refused_at_the_second() -> None:
    expected = {
        "code": 400,
        "reason": "duplicate_product",
        "message": "同一商品请合并为一行",
        "field": "items[2].product_id",
    }

    assert expected == refusal({"items": [TEA, {"product_id": "cup", "quantity": 1}, TEA]})


def test_a_product_id_with_a_hidden_character_is_refused() -> None:
    expected = {
        "code": 400,
        "reason": "field_malformed",
        "message": "商品编号含有不可见字符",
        "field": "items[1].product_id",
    }

    assert expected == refusal({"items": [TEA, {"product_id": "te\u200ba", "quantity": 1}]})
