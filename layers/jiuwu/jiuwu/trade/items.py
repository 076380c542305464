"""An order as an item of the orders table, and back.

Kept small, because a write is billed by the kilobyte of the whole item: lists instead of maps, and nothing for what is
empty. Attributes that we do not know are neither read nor, since a write names what it changes, touched.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from .days import day_of
from .orders import Effect, Entry, Happened, Line, Order, Status

SHARDS = 8
# A day's orders are read whole, so its index has more: each task of a statement then has a small part.
DAY_SHARDS = 32

# DynamoDB's own notation: {"S": …}, {"N": …}, {"L": …}
Value = Mapping[str, Any]
Item = Mapping[str, Value]


def shard_of(order_no: str) -> str:
    """The shard of the due index that this order is in; the same for ever."""
    return str(zlib.crc32(order_no.encode()) % SHARDS)


def day_shards(day: str) -> list[str]:
    """The parts of the days index that hold a day's orders ("2026-11-23")."""
    return [f"{day}#{shard}" for shard in range(DAY_SHARDS)]


def day_shard_of(order: Order) -> str:
    """The part of the days index that this order is in, from its creation on and for ever."""
    return f"{day_of(order.created_at)}#{zlib.crc32(order.order_no.encode()) % DAY_SHARDS}"


def key(order_no: str) -> dict[str, Value]:
    """The key of this order's item."""
    return {"order_no": _text(order_no)}


def to_item(order: Order) -> dict[str, Value]:
    """The order's item; what is empty or zero has no attribute."""
    item: dict[str, Value] = {"version": _number(order.version), "day_shard": _text(day_shard_of(order))}
    for name in _TEXTS:
        item |= {name: _text(text)} if (text := str(getattr(order, name))) else {}
    for name in _NUMBERS:
        item |= {name: _number(number)} if (number := getattr(order, name)) else {}
    for name, (pack, _) in _LISTS.items():
        item |= {name: {"L": [{"L": pack(row)} for row in rows]}} if (rows := getattr(order, name)) else {}
    return item | ({"due_shard": _text(shard_of(order.order_no))} if order.due_at else {})


def from_item(item: Item) -> Order:
    """The order that an item holds."""
    texts = {name: item.get(name, {}).get("S", "") for name in _TEXTS}
    numbers = {name: int(item.get(name, {}).get("N", 0)) for name in _NUMBERS}
    lists = {
        name: tuple(unpack(row["L"]) for row in item.get(name, {}).get("L", ())) for name, (_, unpack) in _LISTS.items()
    }
    fields: dict[str, Any] = texts | numbers | lists
    return Order(**fields | {"status": Status(fields["status"]), "version": int(item["version"]["N"])})


_TEXTS = ("order_no", "member_id", "open_id", "fingerprint", "status", "platform_order_no", "pay_url")
_NUMBERS = ("amount_fen", "created_at", "due_at")


def _text(text: str) -> Value:
    return {"S": text}


def _number(number: int) -> Value:
    return {"N": str(number)}


def _pack_line(line: Line) -> list[Value]:
    return [_text(line.product_id), _text(line.title), _number(line.quantity), _number(line.price_fen)]


def _unpack_line(row: list[Value]) -> Line:
    return Line(row[0]["S"], row[1]["S"], int(row[2]["N"]), int(row[3]["N"]))


def _pack_entry(entry: Entry) -> list[Value]:
    return [_text(entry.ref), _number(entry.fen), _number(entry.at)] + ([_text(entry.of)] if entry.of else [])


def _unpack_entry(row: list[Value]) -> Entry:
    return Entry(row[0]["S"], int(row[1]["N"]), int(row[2]["N"]), row[3]["S"] if len(row) > 3 else "")


def _pack_effect(effect: tuple[str, Effect]) -> list[Value]:
    name, state = effect
    return [_text(name), _number(state.attempts)] + ([_number(state.done_at)] if state.done_at else [])


def _unpack_effect(row: list[Value]) -> tuple[str, Effect]:
    return row[0]["S"], Effect(int(row[1]["N"]), int(row[2]["N"]) if len(row) > 2 else 0)


def _pack_happened(happened: Happened) -> list[Value]:
    return [_number(happened.at), _text(happened.what)] + ([_text(happened.cause)] if happened.cause else [])


def _unpack_happened(row: list[Value]) -> Happened:
    return Happened(int(row[0]["N"]), row[2]["S"] if len(row) > 2 else "", row[1]["S"])


_LISTS: dict[str, tuple[Callable[[Any], list[Value]], Callable[[list[Value]], Any]]] = {
    "lines": (_pack_line, _unpack_line),
    "ledger": (_pack_entry, _unpack_entry),
    "effects": (_pack_effect, _unpack_effect),
    "history": (_pack_happened, _unpack_happened),
}
