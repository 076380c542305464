"""Build sample notifications, from an order of the platform where it is known."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from jiuwu.platform import signing
from jiuwu.platform.models import RemoteOrder
from jiuwu.platform.money import yuan
from jiuwu.platform.payloads import nested
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Profile
from jiuwu_cli.terminal.errors import UsageError

type Json = dict[str, Any]


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The order of a sample. Amounts in yuan."""

    out_order_no: str
    platform_order_no: str = "95000000000000000001"
    open_id: str = "ou_sample"
    amount: str = "12.34"
    transaction_id: str
    refund_id: str
    out_refund_no: str = ""
    version: int = 2


def sample_facts(order_no: str) -> OrderFacts:
    """Return made-up facts of an order; the same number gives the same facts."""
    return OrderFacts(out_order_no=order_no, transaction_id=f"tx_{order_no}", refund_id=f"rf_{order_no}")


def facts_of_order(order: RemoteOrder, *, version: int) -> OrderFacts:
    """Return the facts of an order of the platform; what it does not have yet is made up."""
    sample = sample_facts(order.out_order_no)
    payment = order.payments[-1].transaction_id if order.payments else sample.transaction_id
    refund = order.refunds[-1] if order.refunds else None
    return OrderFacts(
        out_order_no=order.out_order_no,
        platform_order_no=order.platform_order_no,
        open_id=order.open_id,
        amount=yuan(order.amount_fen),
        transaction_id=payment,
        refund_id=refund.refund_id if refund else sample.refund_id,
        out_refund_no=refund.out_refund_no if refund else "",
        version=version,
    )


def notification(profile: Profile, event_type: str, facts: OrderFacts, *, event_id: str, now: float) -> Json:
    """Return the body of a notification in the platform's field names; `event_type` is our name of the type."""
    names = profile.notification.fields
    values: Mapping[str, object] = _values(event_type, facts, int(now))
    data = nested({theirs: values[ours] for ours, theirs in profile.fields.event.pairs() if ours in values})
    head: Json = {
        names.event_id: event_id,
        names.event_type: _their_type(profile, event_type),
        names.occurred_at: _occurred_at(profile.signing, now),
        names.version: facts.version,
    }
    return nested(head | ({names.data: data} if names.data else data))


def _their_type(profile: Profile, event_type: str) -> str:
    return next(theirs for ours, theirs in profile.notification.event_types.items() if ours == event_type)


def _values(event_type: str, facts: OrderFacts, now: int) -> dict[str, object]:
    order = {"out_order_no": facts.out_order_no, "platform_order_no": facts.platform_order_no}
    money = {"transaction_id": facts.transaction_id, "amount": facts.amount}
    match event_type:
        case "order.paid":
            return {**order, **money, "open_id": facts.open_id, "paid_at": now}
        case "order.cancelled":
            return {**order, "reason": "member", "cancelled_at": now}
        case "order.completed":
            return {**order, "completed_at": now}
        case "order.refunded":
            refund = {"refund_id": facts.refund_id, "out_refund_no": facts.out_refund_no, "refunded_at": now}
            return {**order, **money, **refund}
    return {"open_id": facts.open_id}


def _occurred_at(scheme: signing.Scheme, now: float) -> int | str:
    text = signing.format_timestamp(scheme, now)
    return int(text) if scheme.timestamp_format in ("seconds", "milliseconds") else text


def apply_setting(body: Json, setting: str, *, data: str) -> None:
    """Apply "path=text" or "path:=JSON" to a body in place. Raise UsageError.

    A path starts at a field of the body, otherwise in its data, whose path is `data`. Text becomes a number where the
    sample has one.
    """
    path, equals, text = setting.partition("=")
    raw, path = path.endswith(":"), path.removesuffix(":")
    names = path.split(".")
    if not equals or not all(names):
        raise UsageError(f"--set {setting!r} is not path=value", "write it as --set amount=12.34 or --set version:=7")
    target = body if names[0] in body else lookup(body, data)
    for name in names[:-1]:
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            raise UsageError(f"--set {path}: {name} is a value without fields", "shorten the path")
    target[names[-1]] = _json(setting, text) if raw else _like(target.get(names[-1]), text)


def _json(setting: str, text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UsageError(f"--set {setting!r}: the text after := is not JSON", "quote text, or use = instead") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _like(sample: object, text: str) -> object:
    whole = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20
    return int(text) if type(sample) is int and whole else text


def encode(body: Json) -> str:
    """Return the text to sign and send."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate can only be sent as an escape
        return json.dumps(body, separators=(",", ":"))
    return text
