"""The numbers and ids of orders and effects: made of what they stand for, so that the same request makes the same."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable

from .effect_key import EffectKey

_ORDER_NO = re.compile(r"JW[A-Z2-7]{22}")


def order_no_for(member_id: str, idempotency_key: str) -> str:
    """Return the number that this member's request makes; a repetition makes the same."""
    digest = hashlib.sha256(f"{member_id}\n{idempotency_key}".encode()).digest()
    return "JW" + base64.b32encode(digest).decode()[:22]


def is_order_no(text: str) -> bool:
    """Return whether `text` has the form of `order_no_for`."""
    return _ORDER_NO.fullmatch(text) is not None


def fingerprint(lines: Iterable[tuple[str, int]], *, with_points: bool = False) -> str:
    """Return the digest that makes two requests the same order: products, quantities and means of payment, in any
    order."""
    wanted: list[object] = [*sorted(lines), *(["points"] if with_points else [])]
    return hashlib.sha256(json.dumps(wanted, separators=(",", ":")).encode()).hexdigest()


def effect_id(order_no: str, effect: EffectKey) -> str:
    """Return what the receiver of an effect dedupes by; at most 64 characters, as platforms want their numbers."""
    plain = f"{order_no}:{effect}"
    if len(plain) <= 64:
        return plain
    return f"{order_no}:{effect.kind}:{hashlib.sha256(str(effect).encode()).hexdigest()[:24]}"
