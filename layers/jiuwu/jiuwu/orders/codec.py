"""An order as an item of the orders table, and back.

Kept small, because a write is billed by the kilobyte of the whole item: lists instead of maps, and nothing for what is
empty. Attributes that we do not know are neither read nor, since a write names what it changes, touched.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .business_day import day_of
from .effect_key import EffectKey, RefundAll, RefundKey, RefundPart, parse_effect_key
from .order import Effect, Entry, Failure, HistoryEntry, HoldReason, Line, Order, Status, UnbookedRefund

# What a writer takes that knows no better (the back office, the CLI): every reader reads at least these.
SHARDS = 8
# A day's orders are read whole, so its index has more: each task of a statement then has a small part.
DAY_SHARDS = 32
# Read whole, in the order of changes, by each list of them; a shard takes 500 changes a second.
CHANGED_SHARDS = 16

# An item's attributes and a row's cells, as plain values (aws/dynamodb.py).
Item = Mapping[str, Any]
Row = list[str | int]


def shard_of(order_no: str, shards: int = SHARDS) -> str:
    """Return the shard of the due index, of so many, that this order is written into."""
    return str(zlib.crc32(order_no.encode()) % shards)


def day_shards(day: str) -> list[str]:
    """Return the parts of the days index that hold a day's orders ("2026-11-23")."""
    return [f"{day}#{shard}" for shard in range(DAY_SHARDS)]


def day_shard_of(order: Order) -> str:
    """Return the part of the days index that this order is in, from its creation on."""
    return f"{day_of(order.created_at)}#{zlib.crc32(order.order_no.encode()) % DAY_SHARDS}"


def changed_shards() -> list[str]:
    """Return the parts of the index of changed orders."""
    return [f"c{shard}" for shard in range(CHANGED_SHARDS)]


def changed_key(at: int, order_no: str = "") -> str:
    """Return a text that sorts by time (Unix seconds), then by number; without a number, before all of its second."""
    return f"{at:010d}#{order_no}" if order_no else f"{at:010d}"


def changed_fields(order_no: str, at: int) -> dict[str, str]:
    """Return the attributes that place an order in the index of changed orders."""
    shard = zlib.crc32(order_no.encode()) % CHANGED_SHARDS
    return {"changed_shard": f"c{shard}", "changed": changed_key(at, order_no)}


def key(order_no: str) -> dict[str, str]:
    """Return the key of this order's item."""
    return {"order_no": order_no}


def to_item(order: Order, shards: int = SHARDS) -> dict[str, Any]:
    """Return the order's item; what is empty or zero has no attribute."""
    item: dict[str, Any] = {"version": order.version, "day_shard": day_shard_of(order)}
    item |= {name: value for name in _TEXTS + _NUMBERS if (value := getattr(order, name))}
    for name, (pack, _) in _LISTS.items():
        item |= {name: [pack(row) for row in rows]} if (rows := getattr(order, name)) else {}
    item |= changed_fields(order.order_no, order.changed_at) if order.changed_at else {}
    return item | ({"due_shard": shard_of(order.order_no, shards)} if order.due_at else {})


def from_item(item: Item) -> Order:
    """Return the order that an item holds."""
    texts = {name: item.get(name, "") for name in _TEXTS}
    numbers = {name: item.get(name, 0) for name in _NUMBERS}
    lists = {name: tuple(map(unpack, item.get(name, ()))) for name, (_, unpack) in _LISTS.items()}
    fields: dict[str, Any] = texts | numbers | lists
    words = {"status": Status(fields["status"]), "hold_reason": HoldReason(fields["hold_reason"])}
    changed_at = int(item.get("changed", "0").partition("#")[0])
    return Order(**fields | words | {"version": item["version"], "changed_at": changed_at})


_TEXTS = ("order_no", "member_id", "open_id", "fingerprint", "status", "platform_order_no", "pay_url", "hold_reason")
_NUMBERS = ("amount_fen", "created_at", "due_at", "points", "checked_at")


# A row is a list of texts and numbers; what is empty at its end is not stored.
def _pack(*values: str | int) -> Row:
    kept = len(values)
    while kept and not values[kept - 1]:
        kept -= 1
    return list(values[:kept])


def _unpack(row: Row, *defaults: str | int) -> list[Any]:
    return [*row, *defaults[len(row) :]]


def _pack_line(line: Line) -> Row:
    return _pack(line.product_id, line.title, line.quantity, line.price_fen)


def _unpack_line(row: Row) -> Line:
    return Line(*_unpack(row, "", "", 0, 0))


def _pack_entry(entry: Entry) -> Row:
    return _pack(entry.ref, entry.fen, entry.at, entry.of, entry.by, _key_text(entry.answers), entry.doubted_at)


def _unpack_entry(row: Row) -> Entry:
    ref, fen, at, of, by, answers, doubted_at = _unpack(row, "", 0, 0, "", "", "", 0)
    return Entry(ref, fen, at, of, by, _refund_key(answers), doubted_at)


def _key_text(key: EffectKey | None) -> str:
    return "" if key is None else str(key)


def _refund_key(text: str) -> RefundKey | None:
    key = parse_effect_key(text)
    return key if isinstance(key, RefundAll | RefundPart) else None


def _pack_effect(effect: tuple[EffectKey, Effect]) -> Row:
    key, state = effect
    failure = (state.failure.kind, state.failure.reason) if state.failure else ()
    numbers = (state.attempts, state.done_at, state.fen, state.next_at, state.times_missing)
    return _pack(str(key), *numbers, *failure)


def _unpack_effect(row: Row) -> tuple[EffectKey, Effect]:
    key, attempts, done_at, fen, next_at, times_missing, kind, reason = _unpack(row, "", 0, 0, 0, 0, 0, "", "")
    failure = Failure(kind, reason) if kind else None
    return parse_effect_key(key), Effect(attempts, done_at, fen, next_at, failure, times_missing)


def _pack_history(entry: HistoryEntry) -> Row:
    return _pack(entry.at, entry.kind, entry.idempotency_key, entry.payload_digest, entry.detail)


def _unpack_history(row: Row) -> HistoryEntry:
    at, kind, idempotency_key, payload_digest, detail = _unpack(row, 0, "", "", "", "")
    return HistoryEntry(at, idempotency_key, kind, detail, payload_digest)


def _pack_unbooked(refund: UnbookedRefund) -> Row:
    return _pack(refund.ref, refund.fen, refund.at, refund.of, refund.status, _key_text(refund.answers))


def _unpack_unbooked(row: Row) -> UnbookedRefund:
    ref, fen, at, of, status, answers = _unpack(row, "", 0, 0, "", "", "")
    return UnbookedRefund(ref, fen, at, of, status, _refund_key(answers))


def _pack_reason(reason: tuple[str, str]) -> Row:
    return _pack(*reason)


def _unpack_reason(row: Row) -> tuple[str, str]:
    request, words = _unpack(row, "", "")
    return request, words


_LISTS: dict[str, tuple[Callable[[Any], Row], Callable[[Row], Any]]] = {
    "lines": (_pack_line, _unpack_line),
    "ledger": (_pack_entry, _unpack_entry),
    "effects": (_pack_effect, _unpack_effect),
    "history": (_pack_history, _unpack_history),
    "unbooked": (_pack_unbooked, _unpack_unbooked),
    "reasons": (_pack_reason, _unpack_reason),
}
