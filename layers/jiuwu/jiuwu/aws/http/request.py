"""API Gateway's HTTP API events (payload format 2.0) as plain values.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from .errors import HttpError

_MAX_QUERY = 8192
_KEY = re.compile(r"[\x21-\x7e]{1,64}")
_BEARER = re.compile(r"Bearer +([\x21-\x7e]{1,256})", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One request; header names are lowercase. Its text is whatever a stranger sent."""

    method: str
    path: str
    host: str
    source: str = field(repr=False)  # the caller's IP address
    raw_query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    raw_body: str = field(repr=False)
    is_base64: bool

    @property
    def bearer(self) -> str:
        """Return the token of the Authorization header (RFC 6750), "" if there is none."""
        found = _BEARER.fullmatch(self.headers.get("authorization", "").strip())
        return found[1] if found else ""

    @property
    def idempotency_key(self) -> str:
        """Return the key that makes a repeated request the same request; raise HttpError."""
        key = self.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            message = "请带请求头 Idempotency-Key：1 到 64 个可见 ASCII 字符"
            raise HttpError(400, "idempotency_key_malformed", message, "Idempotency-Key")
        return key

    def query(self, *names: str, as_sent: Container[str] = ()) -> dict[str, str]:
        """Return the named parameters, "" for those not there; those `as_sent` may have any character.

        Raise HttpError for one given twice (RFC 6749, 3.1).
        """
        found: dict[str, str] = {}
        for name, value in self._parameters():
            if name in found:
                raise HttpError(400, "parameter_repeated", f"参数 {name} 重复", name)
            if name in names:
                found[name] = value if name in as_sent else _printable(name, value)
        return dict.fromkeys(names, "") | found

    def _parameters(self) -> list[tuple[str, str]]:
        if len(self.raw_query) > _MAX_QUERY:
            raise HttpError(414, "query_too_long", f"查询串超过 {_MAX_QUERY} 个字符")
        try:
            return parse_qsl(self.raw_query, keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError:
            raise HttpError(400, "query_malformed", "查询串不是百分号编码的 UTF-8") from None


def parse(event: object) -> Request:
    """Return the request in a gateway event; raise HttpError for anything else."""
    context = _mapping(_mapping(event).get("requestContext"))
    http = _mapping(context.get("http"))
    method, path = http.get("method"), _mapping(event).get("rawPath")
    if not (isinstance(method, str) and isinstance(path, str)):
        raise HttpError(400, "no_http_event", "无法识别的请求")
    headers = _headers(event)
    return Request(
        method=method,
        path=path,
        host=_text(context.get("domainName")),
        source=_text(http.get("sourceIp")),
        raw_query=_text(_mapping(event).get("rawQueryString")),
        headers=headers,
        cookies=_cookies(event, headers),
        raw_body=_text(_mapping(event).get("body")),
        is_base64=_mapping(event).get("isBase64Encoded") is True,
    )


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""


def _headers(event: object) -> dict[str, str]:
    headers = _mapping(_mapping(event).get("headers"))
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _cookies(event: object, headers: Mapping[str, str]) -> dict[str, str]:
    # the gateway moves them out of the headers, the local one leaves them in
    listed = _mapping(event).get("cookies")
    pairs = headers.get("cookie", "").split(";") + (listed if isinstance(listed, list) else [])
    split = [pair.partition("=") for pair in pairs if isinstance(pair, str)]
    return {name.strip(): value.strip() for name, _, value in split}


def _printable(name: str, value: str) -> str:
    if not value.isprintable():
        raise HttpError(400, "parameter_malformed", f"参数 {name} 含有不应有的字符", name)
    return value
