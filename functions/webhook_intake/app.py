"""WebhookIntake: POST /webhooks/jiuwu, the door for the platform's notifications.

Verifies the raw bytes, hands them to SQS, and only then says what the platform takes for "received". What is signed and
still not as the profile describes goes to quarantine and is acknowledged, too: sent again it would be the same.

It stays apart from the router that the other HTTP functions share, because it is the hot path: it has one route, and
every millisecond of its start and of each notification counts.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
import base64
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, telemetry
from jiuwu.aws.secrets import AppSecrets, SecretReader, SecretUnavailable
from jiuwu.aws.sqs import attributes, for_sqs
from jiuwu.platform import notifications, profile
from jiuwu.platform.notifications import UNKNOWN_TYPE, Notification, NotificationQuarantined, NotificationRefused
from jiuwu.runtime import SYSTEM, Runtime

# 256 KiB; SQS takes 1 MiB, so that attributes and escapes (below) always fit.
LARGEST_BODY = 262_144

Response = dict[str, Any]


class Settings(settings.Settings, frozen=True, kw_only=True):
    order_queue_url: str
    community_queue_url: str
    quarantine_queue_url: str


class Dependencies(NamedTuple):
    """What taking in a notification needs."""

    settings: Settings
    profile: profile.Profile
    sqs: Any
    secrets: Callable[[], AppSecrets]
    runtime: Runtime


def build(settings: Settings, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; raises ProfileError."""
    return Dependencies(
        settings=settings,
        profile=profile.load(settings.jiuwu_profile),
        sqs=clients.client("sqs"),
        secrets=SecretReader(clients.client("secretsmanager"), settings.app_secret_name),
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: Mapping[str, Any]) -> Response:
    """The reply to an API Gateway HTTP API event (payload 2.0): the profile's success reply, or a 4xx or 503 with a
    reason in JSON."""
    now = dependencies.runtime.clock()
    try:
        headers, body = _headers(event), _body(event)
        _take_in(dependencies, headers, body, now)
    except NotificationRefused as refused:
        return _refuse(refused)
    except (ClientError, BotoCoreError, SecretUnavailable) as error:
        return _put_off(error)
    contract = dependencies.profile.notification
    return _response(contract.success_status, contract.success_body, {"content-type": contract.success_content_type})


def _take_in(dependencies: Dependencies, headers: Mapping[str, Any], body: bytes, now: float) -> None:
    try:
        taken = notifications.receive(
            dependencies.profile,
            app_id=dependencies.settings.app_id,
            secrets=lambda: dependencies.secrets().all,
            headers=headers,
            body=body,
            now=now,
        )
    except NotificationQuarantined as unreadable:
        _quarantine(dependencies, unreadable, body, now)
        _record_quarantined(unreadable)
    else:
        _enqueue(dependencies, taken, now)
        _record(taken)


def _headers(event: Mapping[str, Any]) -> Mapping[str, Any]:
    method = profile.lookup(event, "requestContext.http.method")
    if method != "POST":
        raise NotificationRefused(405, "method_not_allowed", "notifications come by POST")
    headers: Mapping[str, Any] = event.get("headers") or {}
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if not isinstance(kind, str) or kind.partition(";")[0].strip().lower() != "application/json":
        # also when it is missing: whoever signs JSON can say that it is JSON
        raise NotificationRefused(415, "not_json_content", "content-type must be application/json", "content-type")
    return headers


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (AttributeError, TypeError, ValueError):
        raise NotificationRefused(400, "body_unreadable", "the body is neither text nor valid Base64") from None
    if len(body) > LARGEST_BODY:
        raise NotificationRefused(413, "body_too_large", f"the body is longer than {LARGEST_BODY} bytes")
    return body


def _enqueue(dependencies: Dependencies, taken: Notification, now: float) -> None:
    trade = taken.event_type.startswith("order.")
    url = dependencies.settings.order_queue_url if trade else dependencies.settings.community_queue_url
    _send(dependencies, url, for_sqs(taken.body_text), _attributes(taken, now) | {"event_type": taken.event_type})


def _quarantine(dependencies: Dependencies, unreadable: NotificationQuarantined, body: bytes, now: float) -> None:
    """Every byte as it came: what is no JSON may hold what SQS takes in no text."""
    why = {"kind": "quarantined", "reason": str(unreadable), "function": "WebhookIntake", "encoding": "base64"}
    _send(
        dependencies,
        dependencies.settings.quarantine_queue_url,
        # SQS takes no empty message; kept as "no bytes" all the same, because that is no Base64
        base64.b64encode(body).decode() or "=",
        _attributes(unreadable, now) | why,
    )


def _attributes(taken: Notification | NotificationQuarantined, now: float) -> dict[str, str]:
    return {
        "event_id": taken.event_id,
        "received_at": f"{now:.3f}",
        "delivery_id": taken.delivery_id,
        "headers": msgspec.json.encode(taken.headers).decode(),
    }


def _send(dependencies: Dependencies, url: str, body: str, texts: dict[str, str]) -> None:
    dependencies.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes(texts))


def _record(taken: Notification) -> None:
    # one line for both, because each line written is CPU time that every notification costs
    secret = "SecretMatchedCurrent" if taken.secret_index == 0 else "SecretMatchedPrevious"
    telemetry.count("Notifications", also=secret, outcome="accepted")
    if taken.event_type == UNKNOWN_TYPE:
        telemetry.count("UnknownEventTypes")
    telemetry.logger.info(
        "notification",
        outcome="accepted",
        event_id=taken.event_id,
        event_type=taken.event_type,
        raw_type=taken.raw_type,
        delivery_id=taken.delivery_id,
    )


def _record_quarantined(unreadable: NotificationQuarantined) -> None:
    secret = "SecretMatchedCurrent" if unreadable.secret_index == 0 else "SecretMatchedPrevious"
    telemetry.count("Notifications", also=secret, outcome="quarantined")
    telemetry.logger.error(
        "notification",
        outcome="quarantined",
        event_id=unreadable.event_id,
        reason=unreadable.reason,
        field=unreadable.field,
        delivery_id=unreadable.delivery_id,
    )


def _refuse(refused: NotificationRefused) -> Response:
    telemetry.count("Notifications", outcome="refused")
    if refused.status == 401:
        telemetry.count("SignatureFailures", reason=refused.reason)
    telemetry.logger.warning("notification", outcome="refused", reason=refused.reason, field=refused.field)
    return _problem(refused, {"allow": "POST"} if refused.status == 405 else {})


def _put_off(error: ClientError | BotoCoreError | SecretUnavailable) -> Response:
    telemetry.count("Notifications", outcome="unavailable")
    # the class says what failed; a message could quote what was sent
    failed = error.operation_name if isinstance(error, ClientError) else type(error).__name__
    code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
    telemetry.logger.error("notification", outcome="unavailable", failed=failed, code=code)
    reason = "secret_unavailable" if isinstance(error, SecretUnavailable) else "try_again_later"
    return _problem(NotificationRefused(503, reason, "not taken in; please send it again"), {})


def _problem(refused: NotificationRefused, headers: dict[str, str]) -> Response:
    problem = {"code": refused.status, "reason": refused.reason, "message": refused.message, "field": refused.field}
    body = msgspec.json.encode(problem).decode()
    return _response(refused.status, body, {"content-type": "application/json", **headers})


def _response(status: int, body: str, headers: dict[str, str]) -> Response:
    return {"statusCode": status, "headers": {**headers, "x-content-type-options": "nosniff"}, "body": body}


_dependencies = build(settings.load(Settings))


def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
