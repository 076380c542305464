"""The request that brings a notification: an API Gateway HTTP API event (payload 2.0) in, headers and bytes out."""

import base64
from collections.abc import Mapping
from typing import Any

from jiuwu.platform.profile import lookup
from jiuwu.platform.signed_notifications import NotificationRefused

# 256 KiB; SQS takes 1 MiB, so that attributes and escapes always fit.
MAX_BODY_BYTES = 262_144


def read(event: Mapping[str, Any]) -> tuple[Mapping[str, Any], bytes]:
    """Return headers and body; raise NotificationRefused for another method, another content type or a bad body."""
    return _headers(event), _body(event)


def _headers(event: Mapping[str, Any]) -> Mapping[str, Any]:
    method = lookup(event, "requestContext.http.method")
    if method != "POST":
        raise NotificationRefused(405, "method_not_allowed", "notifications come by POST")
    headers: Mapping[str, Any] = event.get("headers") or {}
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if not isinstance(kind, str) or kind.partition(";")[0].strip().lower() != "application/json":
        # also when it is missing: a sender that signs JSON can say that it is JSON
        raise NotificationRefused(415, "not_json_content", "content-type must be application/json", "content-type")
    return headers


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (AttributeError, TypeError, ValueError):
        raise NotificationRefused(400, "body_unreadable", "the body is neither text nor valid Base64") from None
    if len(body) > MAX_BODY_BYTES:
        raise NotificationRefused(413, "body_too_large", f"the body is longer than {MAX_BODY_BYTES} bytes")
    return body
