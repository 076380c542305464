"""TokenRefresher: renews tokens that expire soon and finishes unlinkings, by schedule; or for one member, on request.

Each tick enqueues one task per shard of members, and this function runs those tasks itself.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, task_queue
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import PlatformSettings, load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.members import reporting
from jiuwu.members.grants import SHARDS, Grants
from jiuwu.members.refresh_worker import RefreshTask, RefreshWorker
from jiuwu.members.tokens import Tokens
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

Answer = dict[str, Any]


class Settings(PlatformSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    refresh_ahead_seconds: int
    refresh_queue_url: str


class Dependencies(NamedTuple):
    """The dependencies of renewing tokens."""

    settings: Settings
    grants: Grants
    tokens: Tokens
    sqs: Any
    runtime: Runtime


def build(settings: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    return Dependencies(
        settings=settings,
        grants=Grants(clients.client("dynamodb"), settings.members_table),
        tokens=platform.tokens,
        sqs=clients.client("sqs"),
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Answer:
    """Return how many tasks were enqueued, the reply to a batch of tasks, or the outcome of {"member_id": …}.

    A requested member is renewed whether due or not. Raise WrongPayload, and FanoutFailed when a tick
    could not be enqueued.
    """
    settings = dependencies.settings
    worker = RefreshWorker(
        dependencies.grants, dependencies.tokens, ahead=settings.refresh_ahead_seconds, deadline=deadline
    )
    if invocation.is_batch(event):
        return _run_tasks(dependencies, worker, event)
    if member_id := _requested_member(event):
        return {"member_id": member_id, "outcome": worker.refresh(member_id)}
    before = int(dependencies.runtime.clock()) + settings.refresh_ahead_seconds
    tasks = (RefreshTask(shard, before) for shard in SHARDS)
    return {"queued": task_queue.enqueue(dependencies.sqs, settings.refresh_queue_url, tasks)}


def _requested_member(event: object) -> str:
    """Return the id of the member that a person asks for; empty for a schedule's event, or {}."""
    requested = invocation.fields(event, "member_id")
    if not requested:
        return ""
    member_id = requested["member_id"]
    if not isinstance(member_id, str) or not member_id:
        raise WrongPayload("member_id: expected a member's id, such as mb_abcdefghijklmnopqrst")
    return member_id


def _run_tasks(dependencies: Dependencies, worker: RefreshWorker, batch: Mapping[str, Any]) -> Answer:
    tasks = task_queue.tasks(batch, RefreshTask)
    for task in tasks:
        if task.body is None:
            reporting.malformed_task(task.message_id)
            continue
        outcomes, rest = worker.run(task.body)
        if rest:
            task_queue.enqueue(dependencies.sqs, dependencies.settings.refresh_queue_url, [rest])
        if outcomes:
            reporting.shard_refreshed(task.body.shard, outcomes, to_be_continued=bool(rest))
    return task_queue.batch_failures(task.message_id for task in tasks if task.body is None)


_settings = load(Settings)
_dependencies = build(
    _settings,
    MembersPlatform(_settings, members_table=_settings.members_table, token_key_id=_settings.token_key_id),
)


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
