"""The cursor of a list of orders: a position, and a digest of the list that it belongs to; opaque to its holder.

A cursor is no secret and grants nothing: who may see which orders is decided without it.
"""

import base64
import binascii
import hashlib
import json
import re
from typing import Literal, NamedTuple

from .codec import changed_key
from .ids import is_order_no

_DIGEST_BYTES = 8
_LONGEST = 64  # characters of a cursor
_POSITION = re.compile(r"(?P<at>[0-9]{10})(?:#(?P<order_no>.+))?", re.ASCII)

# What a cursor belongs to: the list's name, and its filters.
type Scope = tuple[str | int, ...]


class Position(NamedTuple):
    """A place in a list: behind this order of this second (Unix), or before all of the second."""

    at: int
    order_no: str = ""


class CursorRefused(Exception):
    """The text is no cursor of ours ("malformed"), or one of another list or other filters ("of_another_list")."""

    def __init__(self, reason: Literal["malformed", "of_another_list"]) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(position: Position, scope: Scope) -> str:
    """Return the cursor of a position."""
    raw = _digest(scope) + changed_key(*position).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str, scope: Scope) -> Position:
    """Return the position of a cursor that `encode` made for the same scope; raise CursorRefused."""
    raw = _bytes(text)
    found = _POSITION.fullmatch(raw[_DIGEST_BYTES:].decode("ascii", "replace"))
    if found is None or (found["order_no"] is not None and not is_order_no(found["order_no"])):
        raise CursorRefused("malformed")
    if raw[:_DIGEST_BYTES] != _digest(scope):
        raise CursorRefused("of_another_list")
    return Position(int(found["at"]), found["order_no"] or "")


def _bytes(text: str) -> bytes:
    """Return what the text encodes; raise CursorRefused, also for a second spelling of the same bytes."""
    if len(text) > _LONGEST or not text.isascii():
        raise CursorRefused("malformed")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CursorRefused("malformed") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise CursorRefused("malformed")
    return raw


def _digest(scope: Scope) -> bytes:
    return hashlib.blake2b(json.dumps(scope).encode(), digest_size=_DIGEST_BYTES).digest()
