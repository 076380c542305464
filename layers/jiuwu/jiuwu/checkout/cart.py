"""A member's cart, read from what a browser sent: products and how many of each, and whether for money or
points; never a price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from jiuwu.aws.http import body
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.human_text import first_hidden

MAX_LINES = 50
MAX_PIECES = 999


@dataclass(frozen=True, slots=True)
class Basket:
    """{product_id: quantity} in the order given, and whether points are to pay for it."""

    quantities: Mapping[str, int]
    with_points: bool = False


class NewItem(msgspec.Struct, frozen=True):
    """One product of a new order."""

    product_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIECES)]


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /orders."""

    items: Annotated[list[NewItem], msgspec.Meta(min_length=1, max_length=MAX_LINES)]
    pay_with: Literal["money", "points"] = "money"


_DECODER = msgspec.json.Decoder(NewOrder)


def read_basket(request: Request) -> Basket:
    """Return the basket of a request; raise HttpError."""
    wanted = body.decode(request, _DECODER, _message)
    return Basket(_once_each(wanted.items), wanted.pay_with == "points")


def _once_each(items: list[NewItem]) -> dict[str, int]:
    basket: dict[str, int] = {}
    for place, item in enumerate(items):
        field = f"items[{place}].product_id"
        if first_hidden(item.product_id):
            raise HttpError(400, "field_malformed", "商品编号含有不可见字符", field)
        if item.product_id in basket:
            raise HttpError(400, "duplicate_product", "同一商品请合并为一行", field)
        basket[item.product_id] = item.quantity
    return basket


def _message(field: str) -> str:
    name = field.rpartition(".")[2]
    if name == "quantity":
        return f"数量必须是 1 到 {MAX_PIECES} 的整数"
    if name == "pay_with":
        return "支付方式必须是 money 或 points"
    if name == "product_id":
        return "商品编号必须是 1 到 64 个字符的文本"
    return f'请求应为 {{"items": [{{"product_id": …, "quantity": …}}]}}，1 到 {MAX_LINES} 行'
