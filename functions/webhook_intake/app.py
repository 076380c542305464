"""WebhookIntake: POST /webhooks/jiuwu, for the platform's notifications.

It verifies the raw bytes, sends them to SQS, and only then acknowledges them. A signed notification that is not as the
profile describes goes to quarantine and is also acknowledged: a second delivery would be the same.

It stays apart from the router that the other HTTP functions share, because it is the hot path: it has one route, and
every millisecond of its start and of each notification counts.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings
from jiuwu.aws.secrets import AppSecrets, SecretReader, SecretUnavailable
from jiuwu.platform import profile, signed_notifications
from jiuwu.platform.signed_notifications import NotificationQuarantined, NotificationRefused
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu.webhook import reporting, request, response
from jiuwu.webhook.queues import NotificationQueues
from jiuwu.webhook.response import Response


class Settings(settings.Settings, frozen=True, kw_only=True):
    order_queue_url: str
    community_queue_url: str
    quarantine_queue_url: str


class Dependencies(NamedTuple):
    """The dependencies of taking in a notification."""

    settings: Settings
    profile: profile.Profile
    queues: NotificationQueues
    secrets: Callable[[], AppSecrets]
    runtime: Runtime


def build(settings: Settings, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; raise ProfileError."""
    return Dependencies(
        settings=settings,
        profile=profile.load(settings.jiuwu_profile),
        queues=NotificationQueues(
            clients.client("sqs"),
            orders=settings.order_queue_url,
            community=settings.community_queue_url,
            quarantine=settings.quarantine_queue_url,
        ),
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
        reporting.refused(refused)
        return response.problem(refused)
    except (ClientError, BotoCoreError, SecretUnavailable) as error:
        return _defer(error)
    return response.success(dependencies.profile.notification)


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
        dependencies.queues.quarantine_body(unreadable, body, now)
        reporting.quarantined(unreadable)
    else:
        dependencies.queues.enqueue(taken, now)
        reporting.accepted(taken)


def _defer(error: ClientError | BotoCoreError | SecretUnavailable) -> Response:
    reporting.unavailable(error)
    reason = "secret_unavailable" if isinstance(error, SecretUnavailable) else "try_again_later"
    return response.problem(NotificationRefused(503, reason, "not taken in; please send it again"))


_dependencies = build(settings.load(Settings))


def handler(event: Mapping[str, Any], _context: object) -> Response:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
