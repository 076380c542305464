"""Requests to the storefront: the honest one, and what strangers send."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EVENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "storefront.json").read_text("utf-8"))
TEA = {"items": [{"product_id": "tea", "quantity": 2}]}


def request(
    method: str = "POST",
    path: str = "/orders",
    *,
    session: str | None = "",
    key: str | None = "key-1",
    body: object = TEA,
    headers: Mapping[str, str] | None = None,
    **event: Any,
) -> dict[str, Any]:
    """An event as API Gateway sends it; a body that is no text is sent as JSON."""
    sent = {"content-type": "application/json", "host": "shop.example"}
    sent |= {"authorization": f"Bearer {session}"} if session is not None else {}
    sent |= {"idempotency-key": key} if key is not None else {}
    text = body if isinstance(body, str) else json.dumps(body)
    http = EVENT["requestContext"]["http"] | {"method": method, "path": path}
    route = {"rawPath": path, "requestContext": EVENT["requestContext"] | {"http": http}}
    return EVENT | route | {"headers": sent | dict(headers or {}), "body": text} | event


def items(*wanted: object) -> str:
    return json.dumps({"items": list(wanted)})


def item(product_id: object = "tea", quantity: object = 1) -> dict[str, object]:
    return {"product_id": product_id, "quantity": quantity}


# name: (what is sent, besides a good session and key; the status; the reason; the field)
Junk = tuple[dict[str, Any], int, str, str]

BODIES: dict[str, tuple[object, str]] = {
    "no body": ("", ""),
    "not JSON": ("{items:1}", ""),
    "cut off": ('{"items":[{"product_id":"tea"', ""),
    "two documents": (items(item()) + "{}", ""),
    "a comment": ("/* hi */" + items(item()), ""),
    "NaN": ('{"items":[{"product_id":"tea","quantity":NaN}]}', ""),
    "infinity": ('{"items":[{"product_id":"tea","quantity":1e999}]}', "items[0].quantity"),
    "a lone surrogate": ('{"items":[{"product_id":"\\ud800","quantity":1}]}', ""),
    "a quantity twice": ('{"items":[{"product_id":"tea","quantity":1,"quantity":2}]}', "quantity"),
    "items twice": (
        '{"items":[{"product_id":"tea","quantity":1}],"items":[{"product_id":"tea","quantity":1}]}',
        "items",
    ),
    "deep as the sea": ('{"x":' + "[" * 8000 + "]" * 8000 + "}", "x"),
    "deep where it matters": ('{"items":' + "[" * 8000 + "]" * 8000 + "}", "items[0]"),
    "null": ("null", ""),
    "a text": ('"tea"', ""),
    "an array": ("[]", ""),
    "a number": ("7", ""),
    "an empty object": ("{}", "items"),
    "items null": ('{"items":null}', "items"),
    "items an object": ('{"items":{}}', "items"),
    "items a text": ('{"items":"tea"}', "items"),
    "no items": (items(), "items"),
    "51 items": (items(*(item(f"p{n}") for n in range(51))), "items"),
    "an item null": (items(None), "items[0]"),
    "an item an array": (items([]), "items[0]"),
    "an item without product": (items({"quantity": 1}), "items[0].product_id"),
    "an item without quantity": (items(item(), {"product_id": "gift"}), "items[1].quantity"),
    "a product number": (items(item(7)), "items[0].product_id"),
    "a product null": (items(item(None)), "items[0].product_id"),
    "an empty product": (items(item("")), "items[0].product_id"),
    "a product without end": (items(item("p" * 65)), "items[0].product_id"),
    "an invisible product": (items(item("tea\u202e")), "items[0].product_id"),
    "a product with a zero byte": (items(item("tea\0")), "items[0].product_id"),
    "the same product twice": (items(item(), item(quantity=2)), "items[1].product_id"),
    "quantity 0": (items(item(quantity=0)), "items[0].quantity"),
    "quantity -1": (items(item(quantity=-1)), "items[0].quantity"),
    "quantity 1000": (items(item(quantity=1000)), "items[0].quantity"),
    "quantity beyond all bounds": (items(item(quantity=10**400)), "items[0].quantity"),
    "quantity 1.0": (items(item(quantity=1.0)), "items[0].quantity"),
    "quantity 1.5": (items(item(quantity=1.5)), "items[0].quantity"),
    "quantity as text": (items(item(quantity="1")), "items[0].quantity"),
    "quantity true": (items(item(quantity=True)), "items[0].quantity"),
    "quantity null": (items(item(quantity=None)), "items[0].quantity"),
    "quantity a list": (items(item(quantity=[1])), "items[0].quantity"),
}
KEYS = {
    "no key": None,
    "an empty key": "",
    "a key of 65": "k" * 65,
    "a key with a space": "a b",
    "a key in Chinese": "钥匙",
    "a key with a line break": "a\nb",
    "a key with a zero byte": "a\0b",
}
SESSIONS = {
    "no session": None,
    "an empty session": "",
    "a session of nobody": "0" * 43,
    "a session without end": "a" * 10_000,
    "a session in Chinese": "登录" * 20,
    "a session that is a table's key": "session#" + "0" * 35,
}
_NOBODY = "/orders/JW" + "A" * 22
ROUTES: dict[str, tuple[str, str, int]] = {
    "another method": ("PUT", "/orders", 405),
    "DELETE all orders": ("DELETE", "/orders", 405),
    "DELETE an order": ("DELETE", _NOBODY, 405),
    "GET a cancellation": ("GET", _NOBODY + "/cancel", 405),
    "a method of one's own": ("BREW", "/orders", 405),
    "another place": ("GET", "/admin", 404),
    "the root": ("GET", "/", 404),
    "nowhere": ("POST", "", 404),
    "deeper": ("POST", "/orders/a/b/cancel", 404),
    "a path that climbs": ("GET", "/orders/../members", 404),
    "a trailing slash": ("POST", "/orders/", 404),
    "a line break behind": ("POST", "/orders\n", 404),
    "no number": ("GET", "/orders/", 404),
    "dots": ("GET", "/orders/..", 404),
    "encoded dots": ("GET", "/orders/%2e%2e%2f", 404),
    "a number in lower case": ("GET", "/orders/jw" + "a" * 22, 404),
    "a number without end": ("GET", "/orders/" + "A" * 5000, 404),
    "a number in Chinese": ("GET", "/orders/订单", 404),
    "a number with a zero byte": ("GET", "/orders/JW" + "A" * 21 + "\0", 404),
    "an order of nobody": ("GET", _NOBODY, 404),
    "cancelling an order of nobody": ("POST", _NOBODY + "/cancel", 404),
}


def _refused(path: str, status: int) -> tuple[str, str]:
    if status == 405:
        return "method_not_allowed", ""
    of_an_order = path.isprintable() and re.fullmatch(r"/orders/[^/]+(/cancel)?", path)
    return ("order_unknown", "order_no") if of_an_order else ("not_found", "")


HOSTILE: dict[str, Junk] = {
    **{name: ({"body": body}, 400, "", field) for name, (body, field) in BODIES.items()},
    **{name: ({"key": key}, 400, "idempotency_key_malformed", "Idempotency-Key") for name, key in KEYS.items()},
    **{name: ({"session": token}, 401, "session_required", "Authorization") for name, token in SESSIONS.items()},
    **{
        name: ({"method": m, "path": path}, status, *_refused(path, status))
        for name, (m, path, status) in ROUTES.items()
    },
    "another scheme": (
        {"headers": {"authorization": "Basic YTpi"}},
        401,
        "session_required",
        "Authorization",
    ),
    "a form": ({"headers": {"content-type": "text/plain"}}, 415, "not_json", "Content-Type"),
    "no content type": ({"headers": {"content-type": ""}}, 415, "not_json", "Content-Type"),
    "bad Base64": ({"body": "@@@", "isBase64Encoded": True}, 400, "body_unreadable", ""),
    "Base64 in Chinese": ({"body": "茶", "isBase64Encoded": True}, 400, "body_unreadable", ""),
    "Base64 of no UTF-8": ({"body": "/////w==", "isBase64Encoded": True}, 400, "body_malformed", ""),
    "a body that is an object": ({"body": "{}", "isBase64Encoded": "yes"}, 400, "field_malformed", "items"),
    "too large": ({"body": items(item("p" * 17_000))}, 413, "body_too_large", ""),
    "unknown product": ({"body": items(item("nothing"))}, 422, "not_for_sale", "items[0].product_id"),
    "product in Chinese": ({"body": items(item("茶"))}, 422, "not_for_sale", "items[0].product_id"),
    "off the shelf": ({"body": items(item(), item("cup"))}, 422, "not_for_sale", "items[1].product_id"),
    "too dear": ({"body": items(item("gold", 999))}, 422, "amount_too_large", "items"),
}
NO_EVENTS: list[object] = [None, [], "x", 7, {}, {"Records": []}, {"requestContext": {"http": {"method": 7}}}]
