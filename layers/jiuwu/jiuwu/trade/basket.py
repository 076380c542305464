"""What a member wants to buy, read from what a browser sent: products and how many of each, never a price."""

import re
from typing import Annotated

import msgspec

MOST_LINES = 50
MOST_PIECES = 999

_AT = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")


class BasketRefused(Exception):
    """The body is not a basket: a reason code, a message for members, and the field that is wrong ("" for all)."""

    def __init__(self, reason: str, message: str, field: str = "") -> None:
        super().__init__(f"{reason}: {field}")
        self.reason, self.message, self.field = reason, message, field


class _Item(msgspec.Struct, frozen=True):
    product_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MOST_PIECES)]


class _Basket(msgspec.Struct, frozen=True):
    items: Annotated[list[_Item], msgspec.Meta(min_length=1, max_length=MOST_LINES)]


_DECODER = msgspec.json.Decoder(_Basket)


def read_basket(body: bytes) -> dict[str, int]:
    """{product_id: quantity} in the order given; raises BasketRefused."""
    try:
        items = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BasketRefused("body_malformed", "请求内容不是有效的 JSON") from None
    return _once_each(items.items)


def _once_each(items: list[_Item]) -> dict[str, int]:
    basket: dict[str, int] = {}
    for place, item in enumerate(items):
        field = f"items[{place}].product_id"
        if not item.product_id.isprintable():
            raise BasketRefused("field_malformed", "商品编号含有不可见字符", field)
        if item.product_id in basket:
            raise BasketRefused("duplicate_product", "同一商品请合并为一行", field)
        basket[item.product_id] = item.quantity
    return basket


def _refusal(problem: str) -> BasketRefused:
    """msgspec names the place ("… - at `$.items[0].quantity`") or the missing field; values are never in it."""
    found = _AT.search(problem)
    field = found["field"] if found else ""
    if missing := re.search(r"missing required field `(\w+)`", problem):
        field = f"{field}.{missing[1]}" if field else missing[1]
    return BasketRefused("field_malformed", _message(field), field)


def _message(field: str) -> str:
    name = field.rpartition(".")[2]
    if name == "quantity":
        return f"数量必须是 1 到 {MOST_PIECES} 的整数"
    if name == "product_id":
        return "商品编号必须是 1 到 64 个字符的文本"
    return f'请求应为 {{"items": [{{"product_id": …, "quantity": …}}]}}，1 到 {MOST_LINES} 行'
