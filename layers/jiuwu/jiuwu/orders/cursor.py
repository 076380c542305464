"""The cursor of a list of orders: a position, and a digest of the list that it belongs to; opaque to its holder.

A cursor is no secret and grants nothing: who may see which orders is decided without it.
"""

import base64
import hashlib
import json
import re
from typing import NamedTuple

from .codec import changed_key
from .ids import is_order_no

_DIGEST_BYTES = 8
_POSITION = re.compile(r"(?P<at>[0-9]{10})(?:#(?P<order_no>.+))?", re.ASCII)

# What a cursor belongs to: the list's name, and its filters.
type Scope = tuple[str | int, ...]


class Position(NamedTuple):
    """A place in a list: behind this order of this second (Unix), or before all of the second."""

    at: int
    order_no: str = ""


class CursorMalformed(Exception):
    """The text is no cursor of ours."""


class CursorOfAnotherList(Exception):
    """A cursor of ours, from another list or with other filters."""


def encode(position: Position, scope: Scope) -> str:
    """Return the cursor of a position."""
    return _text(_digest(scope) + changed_key(*position).encode())


def decode(text: str, scope: Scope) -> Position:
    """Return the position of a cursor that `encode` made for the same scope.

    Raise CursorMalformed and CursorOfAnotherList.
    """
    raw = _bytes(text)
    found = _POSITION.fullmatch(raw[_DIGEST_BYTES:].decode("ascii", "replace"))
    if found is None or (found["order_no"] is not None and not is_order_no(found["order_no"])):
        raise CursorMalformed
    if raw[:_DIGEST_BYTES] != _digest(scope):
        raise CursorOfAnotherList
    return Position(int(found["at"]), found["order_no"] or "")


def _bytes(text: str) -> bytes:
    """Return what the text encodes; raise CursorMalformed, also for a second spelling of the same bytes."""
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except ValueError:
        raise CursorMalformed from None
    if _text(raw) != text:
        raise CursorMalformed
    return raw


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _digest(scope: Scope) -> bytes:
    return hashlib.blake2b(json.dumps(scope).encode(), digest_size=_DIGEST_BYTES).digest()
