"""JSON bodies, decoded by msgspec: size, content type, unknown fields and fields that stand twice."""

import base64
import binascii
import json
import re
from collections.abc import Callable

import msgspec

from .errors import HttpError
from .request import Request

MAX_BYTES = 16_384  # 50 products of 64 characters with room to spare

_AT = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `(.{0,64})")


def decode[T](request: Request, decoder: "msgspec.json.Decoder[T]", message: Callable[[str], str]) -> T:
    """Return the body as the decoder's type; `message` gives the words for a malformed field ("": the whole body).

    Raise HttpError, which names the field; also for a name that stands twice, of which readers take one or the other.
    """
    raw = _bytes(request)
    try:
        found = decoder.decode(raw)
        _NO_DUPLICATES.decode(raw.decode())
        return found
    except msgspec.ValidationError as error:
        field = _field(str(error))
        if _UNKNOWN.search(str(error)):
            raise HttpError(400, "field_unknown", f"未知字段 {field}", field) from None
        raise HttpError(400, "field_malformed", message(field), field) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise HttpError(400, "body_malformed", "请求内容不是有效的 JSON") from None


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            field = _shown(name)
            raise HttpError(400, "field_repeated", f"字段 {field} 出现了不止一次", field)
        seen.add(name)


_NO_DUPLICATES = json.JSONDecoder(object_pairs_hook=_refuse_duplicates)


def _shown(name: str) -> str:
    return "".join(char for char in name[:64] if char.isprintable())


def _bytes(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HttpError(415, "not_json", "请求内容应为 application/json", "Content-Type")
    try:
        text = request.raw_body
        raw = base64.b64decode(text, validate=True) if request.is_base64 else text.encode()
    except (binascii.Error, ValueError):
        raise HttpError(400, "body_unreadable", "请求内容无法解码") from None
    if len(raw) > MAX_BYTES:
        raise HttpError(413, "body_too_large", f"请求内容超过 {MAX_BYTES} 字节")
    return raw


def _field(problem: str) -> str:
    """Return the field that msgspec names ("… - at `$.items[0].quantity`") or misses; values are never in it."""
    found = _AT.search(problem)
    field = found["field"] if found else ""
    if missing := _MISSING.search(problem):
        field = f"{field}.{missing[1]}" if field else missing[1]
    if unknown := _UNKNOWN.search(problem):
        field = _shown(unknown[1].partition("`")[0])
    return field
