"""DeadLetterKeeper: what was given up anywhere, kept as a letter with its reason until a person has seen to it.

A message that cannot be kept stays in its dead-letter queue and comes again; the queue's age tells.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, task_queue, telemetry
from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import COMMUNITY, EFFECTS, INTAKE, ORDERS
from jiuwu.dead_letters.repository import DeadLetterRepository, DeadLettersBusy
from jiuwu.platform import profile
from jiuwu.runtime import SYSTEM, Runtime


class Settings(settings.Settings, frozen=True, kw_only=True):
    dead_letters_table: str
    order_dead_letters_arn: str
    effect_dead_letters_arn: str
    community_dead_letters_arn: str
    quarantine_arn: str


class Keeper(NamedTuple):
    """What keeping needs; `sources` says for each dead-letter queue's ARN where its messages came from."""

    profile: profile.Profile
    shelf: DeadLetterRepository
    sources: Mapping[str, str]
    runtime: Runtime = SYSTEM


def handle(keeper: Keeper, event: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to an SQS event: the messages that could not be kept."""
    return task_queue.batch_failures(record["messageId"] for record in event["Records"] if not _kept(keeper, record))


def _kept(keeper: Keeper, record: failed_message.Record) -> bool:
    arn = record["eventSourceARN"]
    source = keeper.sources.get(arn, arn.rpartition(":")[2])
    death = failed_message.read(record, source=source, profile=keeper.profile, now=int(keeper.runtime.clock()))
    try:
        letter = keeper.shelf.keep(death)
    except (ClientError, BotoCoreError, DeadLettersBusy) as error:
        telemetry.logger.error(
            "dead letter not kept", failed=clients.describe_error(error), message_id=death.message_id
        )
        return False
    _tell(letter)
    return True


def _tell(letter: DeadLetter) -> None:
    # Also for a message that was kept before and comes again: counted twice it rings as well, and not at all would
    # be what a crash between keeping and counting leaves.
    telemetry.count("DeadLetters", kind=letter.kind.value)
    told = {
        "letter_id": letter.letter_id,
        "kind": letter.kind.value,
        "reason": letter.reason,
        "source": letter.source,
        "event_id": letter.event_id,
        "order_no": letter.order_no,
        "effect": letter.effect,
        "delivery_id": letter.delivery_id,
        "attempts": letter.attempts,
        "deaths": letter.deaths,
        "state": letter.state,
    }
    telemetry.logger.error("dead letter", extra={name: value for name, value in told.items() if value})


_settings = settings.load(Settings)
_keeper = Keeper(
    profile.load(_settings.jiuwu_profile),
    DeadLetterRepository(clients.client("dynamodb"), _settings.dead_letters_table),
    {
        _settings.order_dead_letters_arn: ORDERS,
        _settings.effect_dead_letters_arn: EFFECTS,
        _settings.community_dead_letters_arn: COMMUNITY,
        _settings.quarantine_arn: INTAKE,
    },
)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_keeper, event)


cold_start.finish()
