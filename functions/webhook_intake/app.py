"""WebhookIntake: POST /webhooks/jiuwu, for the platform's notifications.

It verifies the raw bytes, sends them to SQS, and only then acknowledges them. A signed notification that is not as the
profile describes goes to quarantine and is also acknowledged: a second delivery would be the same.

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

from jiuwu.aws import clients, settings
from jiuwu.aws.secrets import AppSecrets, SecretReader, SecretUnavailable
from jiuwu.aws.sqs import attributes, for_sqs
from jiuwu.platform import profile, signed_notifications
from jiuwu.platform.signed_notifications import Notification, NotificationQuarantined, NotificationRefused
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu.webhook import reporting, request

Response = dict[str, Any]


class Settings(settings.Settings, frozen=True, kw_only=True):
    order_queue_url: str
    community_queue_url: str
    quarantine_queue_url: str


class Dependencies(NamedTuple):
    """The dependencies of taking in a notification."""

    settings: Settings
    profile: profile.Profile
    sqs: Any
    secrets: Callable[[], AppSecrets]
    runtime: Runtime


def build(settings: Settings, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; raise ProfileError."""
    return Dependencies(
        settings=settings,
        profile=profile.load(settings.jiuwu_profile),
        sqs=clients.client("sqs"),
        secrets=SecretReader(clients.client("secretsmanager"), settings.app_secret_name),
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: Mapping[str, Any]) -> Response:
    """Return the reply to an API Gateway HTTP API event (payload 2.0): the profile's success reply, or a 4xx or 503
    with a reason in JSON."""
    now = dependencies.runtime.clock()
    try:
        headers, body = request.read(event)
        _take_in(dependencies, headers, body, now)
    except NotificationRefused as refused:
        return _refuse(refused)
    except (ClientError, BotoCoreError, SecretUnavailable) as error:
        return _defer(error)
    contract = dependencies.profile.notification
    return _response(contract.success_status, contract.success_body, {"content-type": contract.success_content_type})


def _take_in(dependencies: Dependencies, headers: Mapping[str, Any], body: bytes, now: float) -> None:
    try:
        taken = signed_notifications.receive(
            dependencies.profile,
            app_id=dependencies.settings.app_id,
            secrets=lambda: dependencies.secrets().all,
            headers=headers,
            body=body,
            now=now,
        )
    except NotificationQuarantined as unreadable:
        _quarantine(dependencies, unreadable, body, now)
        reporting.quarantined(unreadable)
    else:
        _enqueue(dependencies, taken, now)
        reporting.accepted(taken)


def _enqueue(dependencies: Dependencies, taken: Notification, now: float) -> None:
    trade = taken.event_type.startswith("order.")
    url = dependencies.settings.order_queue_url if trade else dependencies.settings.community_queue_url
    _send(dependencies, url, for_sqs(taken.body_text), _attributes(taken, now) | {"event_type": taken.event_type})


def _quarantine(dependencies: Dependencies, unreadable: NotificationQuarantined, body: bytes, now: float) -> None:
    """Send every byte as received: what is no JSON may hold what SQS refuses in text."""
    why = {"kind": "quarantined", "reason": str(unreadable), "function": "WebhookIntake", "encoding": "base64"}
    _send(
        dependencies,
        dependencies.settings.quarantine_queue_url,
        # SQS takes no empty message; "=" means no bytes, because it is no Base64
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


def _refuse(refused: NotificationRefused) -> Response:
    reporting.refused(refused)
    return _problem(refused, {"allow": "POST"} if refused.status == 405 else {})


def _defer(error: ClientError | BotoCoreError | SecretUnavailable) -> Response:
    reporting.unavailable(error)
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
