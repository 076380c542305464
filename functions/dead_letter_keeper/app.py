"""DeadLetterKeeper: keeps what failed permanently as dead letters with their reasons, until a person has dealt with it.

A message that cannot be kept stays in its dead-letter queue and is redelivered; an alarm watches the queue's age.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, task_queue
from jiuwu.dead_letters import failed_message, reporting
from jiuwu.dead_letters.failed_message import COMMUNITY, EFFECTS, INTAKE, ORDERS, Record
from jiuwu.dead_letters.repository import DeadLetterRepository, DeadLettersBusy
from jiuwu.platform import profile
from jiuwu.runtime import SYSTEM, Runtime


class Settings(settings.Settings, frozen=True, kw_only=True):
    dead_letters_table: str
    order_dead_letters_arn: str
    effect_dead_letters_arn: str
    community_dead_letters_arn: str
    quarantine_arn: str


class Dependencies(NamedTuple):
    """The dependencies of keeping a message; `sources` maps each dead-letter queue's ARN to its source."""

    profile: profile.Profile
    repository: DeadLetterRepository
    sources: Mapping[str, str]
    runtime: Runtime


def build(settings: Settings, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; raise ProfileError."""
    return Dependencies(
        profile=profile.load(settings.jiuwu_profile),
        repository=DeadLetterRepository(clients.client("dynamodb"), settings.dead_letters_table),
        sources={
            settings.order_dead_letters_arn: ORDERS,
            settings.effect_dead_letters_arn: EFFECTS,
            settings.community_dead_letters_arn: COMMUNITY,
            settings.quarantine_arn: INTAKE,
        },
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply to an SQS event: the messages that could not be kept."""
    return task_queue.batch_failures(
        record["messageId"] for record in event["Records"] if not _kept(dependencies, record)
    )


def _kept(dependencies: Dependencies, record: Record) -> bool:
    """Keep a message; return whether that went well."""
    arn, now = record["eventSourceARN"], int(dependencies.runtime.clock())
    source = dependencies.sources.get(arn, arn.rpartition(":")[2])
    message = failed_message.read(record, source=source, profile=dependencies.profile, now=now)
    try:
        dead_letter = dependencies.repository.keep(message)
    except (ClientError, BotoCoreError, DeadLettersBusy) as error:
        reporting.not_kept(message.message_id, error)
        return False
    reporting.kept(dead_letter)
    return True


_dependencies = build(settings.load(Settings))


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
