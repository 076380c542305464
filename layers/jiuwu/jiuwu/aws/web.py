"""API Gateway's HTTP API events (payload format 2.0) as plain values, and replies in the gateway's form.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

Reply = dict[str, Any]

# On every reply: a browser takes it for what it says it is.
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}

_MAX_QUERY = 8192


class RequestRefused(Exception):
    """The request cannot be served: an HTTP status and its headers, a reason code, and what to do about it."""

    def __init__(self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.status, self.reason, self.message, self.headers = status, reason, message, headers or {}


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

    def query(self, *names: str, as_sent: Container[str] = ()) -> dict[str, str]:
        """Return the named parameters, "" for those not there; those `as_sent` may have any character.

        Raises RequestRefused for one given twice (RFC 6749, 3.1).
        """
        found: dict[str, str] = {}
        for name, value in self._parameters():
            if name in found:
                raise RequestRefused(400, "parameter_repeated", f"参数 {name} 重复")
            if name in names:
                found[name] = value if name in as_sent else _printable(name, value)
        return dict.fromkeys(names, "") | found

    def _parameters(self) -> list[tuple[str, str]]:
        if len(self.raw_query) > _MAX_QUERY:
            raise RequestRefused(414, "query_too_long", f"查询串超过 {_MAX_QUERY} 个字符")
        try:
            return parse_qsl(self.raw_query, keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError:
            raise RequestRefused(400, "query_malformed", "查询串不是百分号编码的 UTF-8") from None


def parse(event: object) -> Request:
    """The request in a gateway event; raises RequestRefused for anything else."""
    context = _mapping(_mapping(event).get("requestContext"))
    http = _mapping(context.get("http"))
    method, path = http.get("method"), _mapping(event).get("rawPath")
    if not (isinstance(method, str) and isinstance(path, str)):
        raise RequestRefused(400, "no_http_event", "不是 API Gateway HTTP API 事件（payload format 2.0）")
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


def json_reply(status: int, content: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON reply that nobody keeps: all that we answer here is a secret or about a person."""
    fixed = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", **NO_SNIFFING}
    return {
        "statusCode": status,
        "headers": {**fixed, **(headers or {})},
        "body": msgspec.json.encode(content).decode(),
    }


def redirect(url: str, *cookies: str) -> Reply:
    """A 302; the page that it leaves has no name for the one it leads to."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", **NO_SNIFFING}
    return {"statusCode": 302, "headers": headers, "cookies": list(cookies), "body": ""}


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
        raise RequestRefused(400, "parameter_malformed", f"参数 {name} 含有不应有的字符")
    return value
