"""ship.requested, as it goes to the merchant's bus."""

import json
from collections.abc import Iterator, Sequence

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Order

SOURCE = "jiuwu-connect"
SHIP_REQUESTED = "ship.requested"

# PutEvents takes ten entries, and 256 KB of them with their framing.
_ENTRIES_AT_ONCE = 10
_BYTES_AT_ONCE = 240_000


def entry_of(order: Order, bus: str) -> dict[str, str]:
    """Return the entry that asks the merchant's warehouse to ship an order."""
    detail = {
        "effect_id": effect_id(order.order_no, Ship()),
        "order_no": order.order_no,
        "platform_order_no": order.platform_order_no,
        "member_id": order.member_id,
        "open_id": order.open_id,
        "lines": [
            {"product_id": line.product_id, "title": line.title, "quantity": line.quantity, "price_fen": line.price_fen}
            for line in order.lines
        ],
        "amount_fen": order.amount_fen,
        # not our clock: the same request sent again says the same
        "requested_at": max((payment.at for payment in order.kept), default=order.created_at),
    }
    text = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
    return {"Source": SOURCE, "DetailType": SHIP_REQUESTED, "EventBusName": bus, "Detail": text}


def batches(entries: Sequence[tuple[str, dict[str, str]]]) -> Iterator[list[tuple[str, dict[str, str]]]]:
    """Yield the entries in as few PutEvents requests as their limits allow."""
    request: list[tuple[str, dict[str, str]]] = []
    size = 0
    for number, entry in entries:
        bytes_ = sum(len(text.encode()) for text in entry.values())
        if request and (len(request) == _ENTRIES_AT_ONCE or size + bytes_ > _BYTES_AT_ONCE):
            yield request
            request, size = [], 0
        request.append((number, entry))
        size += bytes_
    if request:
        yield request
