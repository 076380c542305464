"""The platform's JSON to our values and back, by the profile's names.

Unknown fields are passed over; a missing or wrong one raises MalformedPayload with the platform's name for it and no
value.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from jiuwu.platform.decoding import as_word, decode
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.field_reading import has_field, read_each, read_fields, read_list
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
    RefundState,
    RemoteItem,
    RemoteOrder,
    RemotePayment,
    RemoteProduct,
    RemoteRefund,
    TokenReply,
    UserProfile,
)
from jiuwu.platform.money import yuan
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import OrderStatus, Profile
from jiuwu.platform.times import MAX_LIFETIME_SECONDS, lifetime

from .signed_notifications import NotificationQuarantined, read_envelope

_EVENTS: dict[str, type[OrderEvent]] = {
    "order.paid": OrderPaid,
    "order.cancelled": OrderCancelled,
    "order.completed": OrderCompleted,
    "order.refunded": OrderRefunded,
}


def decode_json(body: str | bytes) -> object:
    """Return the value of a JSON text, as far as it can be read (platform/decoding.py); raise MalformedPayload for what
    is none."""
    try:
        return decode(body)
    except ValueError:
        raise MalformedPayload("body", "not JSON") from None


def parse_order(profile: Profile, data: object, *, at: str = "") -> RemoteOrder:
    """Return an order of a reply; `at` is where it stood, for the error."""
    fields = profile.fields
    parts = {
        "items": _items(profile, data, at),
        "payments": read_each(profile, RemotePayment, fields.payment, data, fields.order.payments, at),
        "refunds": _refunds(profile, data, at),
        "status": _status(profile, data, at),
    }
    return read_fields(profile, RemoteOrder, fields.order, data, at, parts)


def parse_orders(profile: Profile, data: object) -> tuple[RemoteOrder, ...]:
    return tuple(parse_order(profile, order, at=at) for at, order in _listed(profile, data))


def parse_page(profile: Profile, data: object) -> Page:
    """Read a page of a list that is read once: an order that cannot be read must not keep the list from being read on.

    Where several are on it and none can be, it is the profile that is wrong, and the list must wait for it.
    """
    orders, unreadable = [], []
    for at, order in _listed(profile, data):
        try:
            orders.append(parse_order(profile, order, at=at))
        except MalformedPayload as wrong:
            unreadable.append(f"{_number_of(profile, order)}: {wrong}")
    if len(unreadable) >= _PROFILE_WRONG and not orders:
        parse_orders(profile, data)  # raises
    ready = {"orders": tuple(orders), "unreadable": tuple(unreadable)}
    return read_fields(profile, Page, profile.fields.page, data, "", ready)


def parse_refund(profile: Profile, data: object) -> RefundReply:
    """Return the reply of refunds.create."""
    names = profile.fields.refund
    return read_fields(profile, RefundReply, names, data, "", {"status": _refund_status(profile, data, names.status)})


def parse_product(profile: Profile, data: object) -> RemoteProduct:
    return read_fields(profile, RemoteProduct, profile.fields.product, data)


def parse_user(profile: Profile, data: object) -> UserProfile:
    return read_fields(profile, UserProfile, profile.fields.user, data)


def parse_token(profile: Profile, data: object, *, now: float | None = None) -> TokenReply:
    """Read a token reply; where it names no lifetime that can be one, the profile's default holds. `now` is Unix
    seconds."""
    names, oauth, scheme = profile.fields.token, profile.oauth, profile.signing
    now = time.time() if now is None else now
    lifetimes = {
        "expires_in": lifetime(scheme, lookup(data, names.expires_in), oauth.default_expires_in, now=now),
        "refresh_expires_in": _refresh_lifetime(profile, lookup(data, names.refresh_expires_in), now),
        "scope": _scope(lookup(data, names.scope), oauth.scope_joiner),
    }
    return read_fields(profile, TokenReply, names, data, "", lifetimes)


def _refresh_lifetime(profile: Profile, found: Any, now: float) -> int:  # noqa: ANN401 -- JSON
    """Return a refresh token's lifetime. Zero and less mean that it has no end; it counts as a year, and is renewed
    long before."""
    if found in _ENDLESS_TEXTS or (type(found) in (int, float) and found <= 0):
        return MAX_LIFETIME_SECONDS
    return lifetime(profile.signing, found, profile.oauth.default_refresh_expires_in, now=now)


def _scope(found: object, joiner: str) -> object:
    return joiner.join(scope for scope in found if isinstance(scope, str)) if isinstance(found, list) else found


def parse_event(profile: Profile, event_type: str, data: object, *, at: str = "") -> OrderEvent:
    """Return the data of an order.* notification; `event_type` is our name for it."""
    if event_type not in _EVENTS:
        raise MalformedPayload(profile.notification.fields.event_type, "not an order's event")
    names = profile.fields.event
    ready = {"refund_status": _refund_status(profile, data, names.refund_status)}
    return read_fields(profile, _EVENTS[event_type], names, data, at, ready)


def parse_notification(profile: Profile, event_type: str, body: str | bytes) -> OrderNotification:
    """Read a whole order.* notification as it was received; `event_type` is our name for it.

    Its envelope is read by the very code that lets it in (notifications.read_envelope).
    """
    try:
        envelope = read_envelope(profile, decode_json(body))
    except NotificationQuarantined as wrong:
        raise MalformedPayload(wrong.field or "body", wrong.message) from None
    name = profile.notification.fields.data
    event = parse_event(profile, event_type, envelope.data, at=f"{name}." if name else "")
    return OrderNotification(
        event_id=envelope.event_id, occurred_at=envelope.occurred_at, version=envelope.version, event=event
    )


def render_order(profile: Profile, order: NewOrder) -> dict[str, Any]:
    """Return the body of orders.create, in the platform's names."""
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
    """Return the body of products.upsert, in the platform's names; the id stands in the path."""
    names = profile.fields.product
    price = yuan(product.price_fen)
    return nested({names.title: product.title, names.price: price, names.on_shelf: product.on_shelf})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object in which each value stands at its dotted name: {"a.b": 1} → {"a": {"b": 1}}."""
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


_ENDLESS_TEXTS = ("0", "-1", "0.0", "-1.0")
_MAX_ID_CHARACTERS = 128
# One or two orders that cannot be read may be alone on their page, and say nothing of the others.
_PROFILE_WRONG = 3


def _number_of(profile: Profile, order: object) -> str:
    """Return the number of an order that cannot be read, as far as it has one that can be shown."""
    found = lookup(order, profile.fields.order.out_order_no)
    number = str(found) if isinstance(found, str) or type(found) is int else ""
    return number if number.isprintable() and 0 < len(number) <= _MAX_ID_CHARACTERS else "an order"


def _listed(profile: Profile, data: object) -> list[tuple[str, object]]:
    """Return the orders of a list, each with where it stood."""
    name = profile.fields.page.orders
    found = read_list(data, name, "")
    if found is None:
        raise MalformedPayload(name, "missing")
    return [(f"{name}.{index}.", order) for index, order in enumerate(found)]


def _status(profile: Profile, data: object, at: str) -> OrderStatus | None:
    name = profile.fields.order.status
    word = as_word(lookup(data, name))
    if word is None:
        return None
    if not isinstance(word, str) or word not in profile.order_status:
        raise MalformedPayload(at + name, "not in the profile's [order_status]")
    return profile.order_status[word]


def _items(profile: Profile, data: object, at: str) -> tuple[RemoteItem, ...]:
    """Read the lines of an order, all or none: they matter only where an order is adopted, and there they must add
    up."""
    try:
        return read_each(profile, RemoteItem, profile.fields.item, data, profile.fields.order.items, at) or ()
    except MalformedPayload:
        return ()


def _refunds(profile: Profile, data: object, at: str) -> tuple[RemoteRefund, ...] | None:
    names, name = profile.fields.refund, profile.fields.order.refunds
    found = read_list(data, name, at)
    if found is None:
        return None
    read = partial(read_fields, profile, RemoteRefund, names)
    return tuple(
        read(refund, f"{at}{name}.{index}.", {"status": _refund_status(profile, refund, names.status)})
        for index, refund in enumerate(found)
    )


def _refund_status(profile: Profile, data: object, name: str) -> RefundState:
    """Return how a refund stands. Without such a field, what a platform shows has succeeded; an unknown word never
    has."""
    if not has_field(data, name):
        return "succeeded"
    word = as_word(lookup(data, name))
    return profile.refund_status.get(word, "unknown") if isinstance(word, str) else "unknown"
