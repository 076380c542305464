"""OrderProcessor: order notifications from the order queue, applied to their orders exactly once.

Every message ends as applied, ignored with a reason, or failed with one. What failed goes back to the queue; what can
never succeed goes to the dead-letter queue at once, with its kind and reason, and delays no other message.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, task_queue
from jiuwu.aws.dynamodb import TableBusy
from jiuwu.aws.settings import load
from jiuwu.bootstrap import Platform
from jiuwu.dead_letters import failed_message
from jiuwu.dead_letters.failed_message import Kind, Record
from jiuwu.dead_letters.queue import DeadLetterQueue
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import queue_effects
from jiuwu.intake import parser, reporting
from jiuwu.intake.adoption import adopt_from
from jiuwu.intake.inbox import Inbox, NoticeResult, Taken
from jiuwu.intake.parser import Notice, Poison
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What is not as the profile describes; all other poison can be read, and can never be applied.
_UNREADABLE = ("malformed", "not_an_orders_event")


class Settings(TradeSettings, frozen=True, kw_only=True):
    order_dead_letter_url: str
    effect_queue_url: str


class Dependencies(NamedTuple):
    """The dependencies of processing a batch; orders that we don't know are fetched from the platform."""

    settings: Settings
    sqs: Any
    store: OrderStore
    dead_letters: DeadLetterQueue
    platform: Platform
    runtime: Runtime


def build(settings: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    sqs = clients.client("sqs")
    return Dependencies(
        settings=settings,
        sqs=sqs,
        store=OrderStore(clients.client("dynamodb"), settings.orders_table, shards=settings.due_shards),
        dead_letters=DeadLetterQueue(sqs, settings.order_dead_letter_url, function="OrderProcessor"),
        platform=platform,
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Return the reply to an SQS event: the messages that failed."""
    records, now = event["Records"], int(dependencies.runtime.clock())
    read = {record["messageId"]: _read(dependencies, record, now) for record in records}
    notices = {message: notice for message, notice in read.items() if isinstance(notice, Notice)}
    taken = _take_in(dependencies, list(notices.values()), now, deadline)
    # a message that cannot be queued is not redelivered: the notification would be a duplicate then, and queue nothing
    queue_effects(dependencies.sqs, dependencies.settings.effect_queue_url, taken.with_new_effects)
    results = {message: result for message, result in read.items() if isinstance(result, NoticeResult)}
    results |= zip(notices, taken.results, strict=True)
    for record in records:
        results[record["messageId"]] = _send_to_dlq(dependencies, record, results[record["messageId"]])
    reporting.batch_processed(records, notices, results, adopted=len(taken.adopted))
    return task_queue.batch_failures(message for message, result in results.items() if result.outcome == "failed")


def _read(dependencies: Dependencies, record: Record, now: int) -> Notice | NoticeResult:
    attributes = failed_message.attributes(record)
    try:
        return parser.read(dependencies.platform.profile, record["body"], attributes, now=now)
    except Poison as poison:
        return NoticeResult("poison", poison.reason, detail=poison.detail)


def _take_in(dependencies: Dependencies, notices: Sequence[Notice], now: int, deadline: Deadline) -> Taken:
    """Apply the notices; where the table does not answer they fail, and poison still goes to the dead letters."""
    member, client = partial(member_id_for, dependencies.settings.app_id), lambda: dependencies.platform.client
    adopt = partial(adopt_from, client, member_id_for=member, now=now, deadline=deadline)
    try:
        return Inbox(dependencies.store, dependencies.settings.policy, adopt).take_in(notices)
    except (ClientError, BotoCoreError, TableBusy, TableRefused) as error:
        reporting.orders_table_failed(error)
        return Taken((NoticeResult("failed", "orders_table"),) * len(notices))


def _send_to_dlq(dependencies: Dependencies, record: Record, result: NoticeResult) -> NoticeResult:
    """Move poison to the dead-letter queue as received, with the reason; a message that cannot be moved failed."""
    if result.outcome != "poison":
        return result
    kind = Kind.QUARANTINED if result.what in _UNREADABLE else Kind.POISON
    reason = f"{result.what}: {result.detail}"
    try:
        dependencies.dead_letters.send_message(record, kind=kind, reason=reason)
    except (ClientError, BotoCoreError) as error:
        return NoticeResult("failed", "not_sent_to_dlq", detail=f"{reason}; {clients.describe_error(error)}")
    return result


_settings = load(Settings)
_dependencies = build(_settings, Platform(_settings))


def handler(event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
