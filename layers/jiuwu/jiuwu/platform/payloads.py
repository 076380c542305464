"""The platform's JSON to our values and back, by the profile's names.

Unknown fields are passed over; a missing or wrong one raises MalformedPayload with the platform's name for it and no
value.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import asdict
from pydantic import ValidationError

from jiuwu.platform.contract import OrderStatus, Profile, Table
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import (
    NewOrder,
    NewProduct,
    OrderCancelled,
    OrderCompleted,
    OrderEvent,
    OrderNotification,
    OrderPaid,
    OrderRefunded,
    Page,
    RefundReply,
    RemoteItem,
    RemoteOrder,
    RemotePayment,
    RemoteProduct,
    RemoteRefund,
    TokenReply,
    UserProfile,
    Value,
)
from jiuwu.platform.money import MoneyError, fen, yuan
from jiuwu.platform.profile import lookup

_EVENTS: dict[str, type[OrderEvent]] = {
    "order.paid": OrderPaid,
    "order.cancelled": OrderCancelled,
    "order.completed": OrderCompleted,
    "order.refunded": OrderRefunded,
}


def decode_json(body: str | bytes) -> object:
    """What a JSON text says; raises MalformedPayload for what is none, or nests or counts beyond all bounds."""
    with suppress(ValueError, RecursionError):
        return msgspec.json.decode(body)
    # raised here, because a UnicodeDecodeError holds the body
    raise MalformedPayload("body", "not JSON in UTF-8")


def parse_order(profile: Profile, data: object, *, at: str = "") -> RemoteOrder:
    """An order of a reply; `at` is where it stood, for the error."""
    fields = profile.fields
    parts = {
        "items": _each(RemoteItem, fields.item, data, fields.order.items, at),
        "payments": _each(RemotePayment, fields.payment, data, fields.order.payments, at),
        "refunds": _each(RemoteRefund, fields.refund, data, fields.order.refunds, at),
        "status": _status(profile, data, at),
    }
    return _read(RemoteOrder, fields.order, data, at, parts)


def parse_orders(profile: Profile, data: object) -> tuple[RemoteOrder, ...]:
    return tuple(parse_order(profile, order, at=at) for at, order in _listed(profile, data))


def parse_page(profile: Profile, data: object) -> Page:
    """A page of a list that is read once: an order that cannot be read must not keep the list from being read on.

    Where none can be, it is the profile that is wrong, and the list must wait for it.
    """
    orders, unreadable = [], []
    for at, order in _listed(profile, data):
        try:
            orders.append(parse_order(profile, order, at=at))
        except MalformedPayload as wrong:
            number = lookup(order, profile.fields.order.out_order_no)
            named = isinstance(number, str) and number.isprintable() and len(number) <= _LONGEST_ID
            unreadable.append(f"{number if named else 'an order'}: {wrong}")
    if unreadable and not orders:
        parse_orders(profile, data)  # raises
    ready = {"orders": tuple(orders), "unreadable": tuple(unreadable)}
    return _read(Page, profile.fields.page, data, "", ready)


def parse_refund(profile: Profile, data: object) -> RefundReply:
    return _read(RefundReply, profile.fields.refund, data)


def parse_product(profile: Profile, data: object) -> RemoteProduct:
    return _read(RemoteProduct, profile.fields.product, data)


def parse_user(profile: Profile, data: object) -> UserProfile:
    return _read(UserProfile, profile.fields.user, data)


def parse_token(profile: Profile, data: object) -> TokenReply:
    """A token reply; lifetimes may be text, and where none is named the profile's default holds."""
    names, oauth = profile.fields.token, profile.oauth
    lives = {
        "expires_in": _life(data, names.expires_in, oauth.default_expires_in),
        "refresh_expires_in": _life(data, names.refresh_expires_in, oauth.default_refresh_expires_in),
    }
    return _read(TokenReply, names, data, "", lives)


def parse_event(profile: Profile, event_type: str, data: object, *, at: str = "") -> OrderEvent:
    """The data of an order.* notification; `event_type` is our name for it."""
    if event_type not in _EVENTS:
        raise MalformedPayload(profile.notification.fields.event_type, "not an order's event")
    return _read(_EVENTS[event_type], profile.fields.event, data, at)


def parse_notification(profile: Profile, event_type: str, body: str | bytes) -> OrderNotification:
    """A whole order.* notification as it was received; `event_type` is our name for it."""
    names = profile.notification.fields
    found = decode_json(body)
    at = f"{names.data}." if names.data else ""
    event = parse_event(profile, event_type, lookup(found, names.data), at=at)
    return _read(OrderNotification, names, found, "", {"event": event})


def render_order(profile: Profile, order: NewOrder) -> dict[str, Any]:
    """The body of orders.create, in the platform's names."""
    names = profile.fields.order
    values: dict[str, Any] = {
        names.out_order_no: order.out_order_no,
        names.amount: yuan(order.amount_fen),
        names.items: [_render_item(profile, item) for item in order.items],
    }
    if order.notify_url is not None:
        values[profile.fields.request.notify_url] = order.notify_url
    return nested(values)


def render_product(profile: Profile, product: NewProduct) -> dict[str, Any]:
    """The body of products.upsert, in the platform's names; the id stands in the path."""
    names = profile.fields.product
    price = yuan(product.price_fen)
    return nested({names.title: product.title, names.price: price, names.on_shelf: product.on_shelf})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The object in which each value stands at its dotted name: {"a.b": 1} → {"a": {"b": 1}}."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parents, leaf = path.split(".")
        branch = tree
        for name in parents:
            branch = branch.setdefault(name, {})
        branch[leaf] = value
    return tree


def _render_item(profile: Profile, item: RemoteItem) -> dict[str, Any]:
    names = profile.fields.item
    return nested(
        {
            names.product_id: item.product_id,
            names.title: item.title,
            names.quantity: item.quantity,
            names.price: yuan(item.price_fen),
        }
    )


_MONEY = ("amount", "paid_amount", "price")
_LONGEST_ID = 128


def _listed(profile: Profile, data: object) -> list[tuple[str, object]]:
    """The orders of a list, each with where it stood."""
    name = profile.fields.page.orders
    found = _list(data, name, "")
    if found is None:
        raise MalformedPayload(name, "missing")
    return [(f"{name}.{index}.", order) for index, order in enumerate(found)]


def _read[V: Value](
    model: type[V], names: Table, data: object, at: str = "", ready: Mapping[str, object] | None = None
) -> V:
    """A `model` of `data` by our field → theirs; `ready` holds fields that are our values already."""
    if not isinstance(data, Mapping):
        raise MalformedPayload(at.rstrip(".") or "data", "missing" if data is None else "expected an object")
    found = {ours: lookup(data, theirs) for ours, theirs in asdict(names).items()} | dict(ready or {})
    for name in _MONEY:
        if (amount := found.pop(name, None)) is not None:
            found[f"{name}_fen"] = _fen(amount, at + getattr(names, name))
    try:
        # null is how some say "nothing"
        return model.model_validate({ours: value for ours, value in found.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    ours = str(first["loc"][0]).removesuffix("_fen")
    raise MalformedPayload(at + getattr(names, ours), "missing" if first["type"] == "missing" else first["msg"])


def _status(profile: Profile, data: object, at: str) -> OrderStatus | None:
    name = profile.fields.order.status
    theirs = lookup(data, name)
    if theirs is None:
        return None
    if not isinstance(theirs, str) or theirs not in profile.order_status:
        raise MalformedPayload(at + name, "not in the profile's [order_status]")
    return profile.order_status[theirs]


def _each[V: Value](model: type[V], names: Table, data: object, name: str, at: str) -> tuple[V, ...] | None:
    found = _list(data, name, at)
    if found is None:
        return None
    return tuple(_read(model, names, element, f"{at}{name}.{index}.") for index, element in enumerate(found))


def _list(data: object, name: str, at: str) -> list[object] | None:
    found = lookup(data, name)
    if found is not None and not isinstance(found, list):
        raise MalformedPayload(at + name, "expected a list")
    return found


def _fen(amount: Any, name: str) -> int:  # noqa: ANN401 -- money refuses what is no text
    try:
        return fen(amount)
    except MoneyError as error:
        raise MalformedPayload(name, str(error)) from None


def _life(data: object, name: str, default: int) -> object:
    found = lookup(data, name)
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 10:
        return int(found)
    return default if found is None else found
