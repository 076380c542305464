"""TokenRefresher: by the clock, renews what is about to expire and finishes unlinkings; or one member, when asked."""

from jiuwu.aws import boot  # first: it switches the collector off while the rest loads

# isort: split
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, settings, telemetry
from jiuwu.members.grants import SHARDS, Grants
from jiuwu.members.tokens import Tokens
from jiuwu.wiring import MembersPlatform

# A member's step usually takes a tenth of a second. At its slowest (every try of every call until its deadline) it may
# be cut off: then its lease lapses and the next run comes by.
_RESERVE_MILLISECONDS = 20_000


class Settings(settings.PlatformSettings, frozen=True, kw_only=True):
    members_table: str
    token_key_id: str
    refresh_ahead_seconds: int


class Context(Protocol):
    """Lambda's context, as far as it is used."""

    def get_remaining_time_in_millis(self) -> int: ...


class Refresher(NamedTuple):
    """What renewing tokens needs."""

    grants: Grants
    tokens: Tokens
    ahead: int
    clock: Callable[[], float] = time.time


def handle(refresher: Refresher, event: Mapping[str, Any], context: Context) -> dict[str, object]:
    """How many members ended in which outcome; for {"member_id": …} that member's outcome, due or not."""
    if "member_id" not in event:
        return _run(refresher, context)
    member_id = event["member_id"]
    if not isinstance(member_id, str) or not member_id:
        return {"error": "member_id must be a member's id, such as mb_abcdefghijklmnopqrst"}
    return {"member_id": member_id, "outcome": _refresh(refresher, member_id)}


def _run(refresher: Refresher, context: Context) -> dict[str, object]:
    before = int(refresher.clock()) + refresher.ahead
    # one thread for each shard: the calls overlap, and no member is in two hands
    with ThreadPoolExecutor(len(SHARDS)) as pool:
        counters = pool.map(lambda shard: _work_off(refresher, shard, before, context), SHARDS)
        total = sum(counters, Counter[str]())
    outcomes = dict(sorted(total.items()))
    telemetry.logger.info("token refresher", outcome=outcomes)
    return {"outcomes": outcomes, "finished": "cut_off" not in total}


def _work_off(refresher: Refresher, shard: str, before: int, context: Context) -> Counter[str]:
    """Takes the shard's due members one after the other; what it leaves is first in the index next time."""
    outcomes: Counter[str] = Counter()
    for member_id in refresher.grants.due(shard, before):
        if context.get_remaining_time_in_millis() < _RESERVE_MILLISECONDS:
            outcomes["cut_off"] += 1
            break
        outcomes[_refresh(refresher, member_id, due_before=before)] += 1
    return outcomes


def _refresh(refresher: Refresher, member_id: str, *, due_before: float = float("inf")) -> str:
    try:
        return refresher.tokens.refresh(member_id, ahead=refresher.ahead, due_before=due_before)
    except (ClientError, BotoCoreError) as fault:
        # the table itself: nothing could be noted down, so the member stays due
        cause = type(fault).__name__
        telemetry.logger.error("token refresh", outcome="table_unavailable", member_id=member_id, cause=cause)
        telemetry.count("TokenRefreshes", outcome="table_unavailable")
        return "table_unavailable"


def build(environment: Settings, http: httpx.Client | None = None) -> Refresher:
    """The refresher for an environment; raises ProfileError."""
    table = environment.members_table
    platform = MembersPlatform(environment, members_table=table, token_key_id=environment.token_key_id, http=http)
    return Refresher(Grants(clients.client("dynamodb"), table), platform.tokens, environment.refresh_ahead_seconds)


_refresher = build(settings.load(Settings))


def handler(event: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Entry point for Lambda."""
    return handle(_refresher, event, context)


boot.done()
