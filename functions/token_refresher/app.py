"""TokenRefresher: by the clock, renews what is about to expire and finishes unlinkings; or one member, when asked.

Each tick queues one task per shard of members, and it takes those tasks itself. A shard needs no lease: each member has
one (members/grants.py), so two tasks on one shard renew nobody twice, and lose a read where both come to a member.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, invocation, settings, task_queue, telemetry
from jiuwu.aws.invocation import WrongPayload
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import Deadline
from jiuwu.members.grants import SHARDS, Grants
from jiuwu.members.tokens import Tokens
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A member's step usually takes a tenth of a second. At its slowest (every try of every call until its deadline) it may
# be cut off: then its lease lapses and the next tick comes by.
_MARGIN_SECONDS = 20.0
# How many members of a shard are renewed at once; a renewal is mostly waiting.
_AT_ONCE = 8
# Outcomes that leave a member where it is in the index.
_STILL_DUE = {"busy", "held_back", "table_unavailable"}


class Settings(settings.PlatformSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    refresh_ahead_seconds: int
    refresh_queue_url: str


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task of the refresh queue: a shard's members who are due before `before` (Unix seconds), from `start` on."""

    shard: str
    before: int
    start: Mapping[str, Any] | None = None


class Refresher(NamedTuple):
    """What renewing tokens needs."""

    grants: Grants
    tokens: Tokens
    sqs: Any
    queue_url: str
    ahead: int
    runtime: Runtime = SYSTEM


def handle(refresher: Refresher, event: object, deadline: Deadline) -> dict[str, Any]:
    """How many tasks were queued, or the reply to a batch of tasks; for {"member_id": …} that member's outcome, due or
    not. Raises WrongPayload, and FanoutFailed when a tick could not be queued."""
    if invocation.is_batch(event):
        return _take(refresher, event, deadline)
    asked = invocation.fields(event, "member_id")
    if not asked:
        before = int(refresher.runtime.clock()) + refresher.ahead
        return {
            "queued": task_queue.enqueue(refresher.sqs, refresher.queue_url, (Part(shard, before) for shard in SHARDS))
        }
    member_id = asked["member_id"]
    if not isinstance(member_id, str) or not member_id:
        raise WrongPayload("member_id: expected a member's id, such as mb_abcdefghijklmnopqrst")
    return {"member_id": member_id, "outcome": _refresh(refresher, member_id)}


def _take(refresher: Refresher, batch: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
    tasks = task_queue.tasks(batch, Part)
    for task in tasks:
        if task.body is None:
            telemetry.logger.error("refresh queue", reason="malformed", message_id=task.message_id)
            continue
        outcomes, rest = work(refresher, task.body, deadline)
        if rest:
            task_queue.enqueue(refresher.sqs, refresher.queue_url, [rest])
        if outcomes:
            telemetry.logger.info(
                "token refresher", shard=task.body.shard, outcome=outcomes, to_be_continued=bool(rest)
            )
    return task_queue.batch_failures(task.message_id for task in tasks if task.body is None)


def work(refresher: Refresher, part: Part, deadline: Deadline) -> tuple[Counter[str], Part | None]:
    """Renews the part's members, as far as the time goes: their outcomes, and what is left over (None: nothing)."""
    outcomes, start = Counter[str](), part.start
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while True:
            page = refresher.grants.due(part.shard, part.before, start=start)
            for outcome in pool.map(lambda member: _in_time(refresher, member, part.before, deadline), page.member_ids):
                outcomes[outcome] += 1
            if outcomes.pop("cut_off", 0):
                # without one member moved on in the index, another task would come no further
                moved = outcomes.keys() - _STILL_DUE
                return outcomes, msgspec.structs.replace(part, start=start) if moved else None
            if page.next_start is None:
                return outcomes, None
            start = page.next_start


def _in_time(refresher: Refresher, member_id: str, before: int, deadline: Deadline) -> str:
    if not deadline.has(_MARGIN_SECONDS):
        return "cut_off"
    return _refresh(refresher, member_id, due_before=before)


def _refresh(refresher: Refresher, member_id: str, *, due_before: float = float("inf")) -> str:
    try:
        return refresher.tokens.refresh(member_id, ahead=refresher.ahead, due_before=due_before)
    except (ClientError, BotoCoreError) as fault:
        # the table itself: nothing could be noted down, so the member stays due
        cause = clients.describe_error(fault)
        telemetry.logger.error("token refresh", outcome="table_unavailable", member_id=member_id, cause=cause)
        telemetry.count("TokenRefreshes", outcome="table_unavailable")
        return "table_unavailable"


def build(environment: Settings, http: httpx.Client | None = None) -> Refresher:
    """The refresher for an environment; raises ProfileError."""
    table = environment.members_table
    platform = MembersPlatform(environment, members_table=table, token_key_id=environment.token_key_id, http=http)
    return Refresher(
        Grants(clients.client("dynamodb"), table),
        platform.tokens,
        clients.client("sqs"),
        environment.refresh_queue_url,
        environment.refresh_ahead_seconds,
    )


_refresher = build(settings.load(Settings))


def handler(event: object, context: "LambdaContext") -> dict[str, Any]:
    """Entry point for Lambda."""
    return handle(_refresher, event, Deadline.of(context))


cold_start.finish()
