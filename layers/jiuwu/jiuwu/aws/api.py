"""What our JSON APIs have in common: which function serves a path, bodies and keys checked, one form of error.

An error is {"code", "reason", "message", "field"}: the HTTP status, a word for programs, a sentence in Chinese for the
member or the merchant who reads it, and what it is about. Whatever a stranger sends ends in a 4xx.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from . import telemetry, web
from .secrets import SecretUnavailable
from .web import Reply, Request

# Lambda ends a function without an answer; the reply has to be on its way before.
REPLY_SECONDS = 1.0
RETRY_SOON = {"Retry-After": "2"}

_MOST_BYTES = 16_384  # 50 products of 64 characters with room to spare
_KEY = re.compile(r"[\x21-\x7e]{1,64}")
_BEARER = re.compile(r"Bearer +([\x21-\x7e]{1,256})", re.IGNORECASE)
_AT = re.compile(r" - at `\$\.?(?P<field>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `(.{0,64})")


class Refused(web.RequestRefused):
    """The request ends here: HTTP status, reason code, a message for whoever asked, and the field that is wrong."""

    def __init__(
        self, status: int, reason: str, message: str, field: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, reason, message, headers)
        self.field = field


def answer(
    api: str, event: object, serve: Callable[[Request], Reply], *, busy: tuple[type[Exception], ...] = ()
) -> Reply:
    """The reply to an API Gateway HTTP API event (payload 2.0). `busy` are errors that pass, as AWS's own do: a 503."""
    passing: tuple[type[Exception], ...] = (ClientError, BotoCoreError, SecretUnavailable, *busy)
    try:
        return serve(web.parse(event))
    except Refused as refused:
        return _refuse(api, refused)
    except web.RequestRefused as refused:
        return _refuse(api, Refused(refused.status, refused.reason, "无法识别的请求"))
    except passing as fault:
        return _put_off(api, fault)


def route[S](request: Request, routes: Sequence[tuple[re.Pattern[str], str, S]]) -> tuple[S, dict[str, str]]:
    """What serves the request's path and method, and the names in its path; raises Refused."""
    matching = [(method, serve, found) for path, method, serve in routes if (found := path.fullmatch(request.path))]
    for method, serve, found in matching:
        if method == request.method:
            return serve, found.groupdict()
    if matching:
        allowed = {"Allow": ", ".join(sorted(method for method, _, _ in matching))}
        raise Refused(405, "method_not_allowed", "不支持的请求方法", headers=allowed)
    raise Refused(404, "not_found", "没有这个地址")


def bearer(request: Request) -> str:
    """The token of the Authorization header (RFC 6750), "" if there is none."""
    found = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
    return found[1] if found else ""


def idempotency_key(request: Request) -> str:
    """What makes two requests one; raises Refused."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Refused(
            400, "idempotency_key_malformed", "请带请求头 Idempotency-Key：1 到 64 个可见 ASCII 字符", "Idempotency-Key"
        )
    return key


def body[T](request: Request, decoder: "msgspec.json.Decoder[T]", told: Callable[[str], str]) -> T:
    """Return the body as the decoder's type; `told` is the message for a field ("" for all) that is not as it must be.

    Raises Refused, which names the field; also for a name that stands twice, of which readers take one or the other.
    """
    raw = _bytes(request)
    try:
        found = decoder.decode(raw)
        _TWICE.decode(raw.decode())
        return found
    except msgspec.ValidationError as error:
        field = _field(str(error))
        if _UNKNOWN.search(str(error)):
            raise Refused(400, "field_unknown", f"未知字段 {field}", field) from None
        raise Refused(400, "field_malformed", told(field), field) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refused(400, "body_malformed", "请求内容不是有效的 JSON") from None


def _once(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            field = _shown(name)
            raise Refused(400, "field_repeated", f"字段 {field} 出现了不止一次", field)
        seen.add(name)


_TWICE = json.JSONDecoder(object_pairs_hook=_once)


def _shown(name: str) -> str:
    return "".join(char for char in name[:64] if char.isprintable())


def _bytes(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "not_json", "请求内容应为 application/json", "Content-Type")
    try:
        text = request.raw_body
        raw = base64.b64decode(text, validate=True) if request.is_base64 else text.encode()
    except (binascii.Error, ValueError):
        raise Refused(400, "body_unreadable", "请求内容无法解码") from None
    if len(raw) > _MOST_BYTES:
        raise Refused(413, "body_too_large", f"请求内容超过 {_MOST_BYTES} 字节")
    return raw


def _field(problem: str) -> str:
    """msgspec names the place ("… - at `$.items[0].quantity`") or the missing field; values are never in it."""
    found = _AT.search(problem)
    field = found["field"] if found else ""
    if missing := _MISSING.search(problem):
        field = f"{field}.{missing[1]}" if field else missing[1]
    if unknown := _UNKNOWN.search(problem):
        field = _shown(unknown[1].partition("`")[0])
    return field


def _refuse(api: str, refused: Refused) -> Reply:
    telemetry.logger.info(api, outcome="refused", code=refused.status, reason=refused.reason)
    told = {"code": refused.status, "message": refused.message, "reason": refused.reason}
    return web.json_reply(refused.status, told | ({"field": refused.field} if refused.field else {}), refused.headers)


def _put_off(api: str, fault: Exception) -> Reply:
    # the class says what failed; a message could quote what was sent
    failed = fault.operation_name if isinstance(fault, ClientError) else type(fault).__name__
    code = fault.response["Error"].get("Code") if isinstance(fault, ClientError) else None
    telemetry.logger.error(api, outcome="unavailable", failed=failed, code=code)
    reason = "secret_unavailable" if isinstance(fault, SecretUnavailable) else "unavailable"
    told = {"code": 503, "message": "服务繁忙，请稍后再试", "reason": reason}
    return web.json_reply(503, told, RETRY_SOON)
