"""The responses to a notification, as API Gateway takes them (payload 2.0)."""

from typing import Any

import msgspec

from jiuwu.platform.profile.contract import NotificationContract
from jiuwu.platform.signed_notifications import NotificationRefused

type Response = dict[str, Any]


def success(contract: NotificationContract) -> Response:
    """Return the profile's success reply, after which the platform sends the notification no more."""
    return _response(contract.success_status, contract.success_body, {"content-type": contract.success_content_type})


def problem(refused: NotificationRefused) -> Response:
    """Return the reason in JSON; the platform sends the notification again."""
    content = {"code": refused.status, "reason": refused.reason, "message": refused.message, "field": refused.field}
    headers = {"content-type": "application/json"} | ({"allow": "POST"} if refused.status == 405 else {})
    return _response(refused.status, msgspec.json.encode(content).decode(), headers)


def _response(status: int, body: str, headers: dict[str, str]) -> Response:
    return {"statusCode": status, "headers": {**headers, "x-content-type-options": "nosniff"}, "body": body}
