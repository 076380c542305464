"""The tasks of a token refresh: each renews the members of one shard whose tokens expire soon.

A shard needs no lease: each member has one (members/grants.py), so two tasks on one shard renew nobody twice, and only
lose a read where both come to a member.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.deadline import Deadline

from . import reporting
from .grants import Grants
from .tokens import Tokens

# A member's step usually takes a tenth of a second. At its slowest (every try of every call until its deadline) it may
# be cut off: then its lease lapses and the next tick comes by.
_MARGIN_SECONDS = 20.0
# How many members of a shard are renewed at once; a renewal is mostly waiting.
_AT_ONCE = 8
# Outcomes that leave a member where it is in the index.
_STILL_DUE = {"busy", "held_back", "table_unavailable"}


class RefreshTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task of the refresh queue: a shard's members who are due before `before` (Unix seconds), from `start` on."""

    shard: str
    before: int
    start: Mapping[str, Any] | None = None


class RefreshWorker:
    """Renews tokens that expire within `ahead` seconds, until the deadline."""

    def __init__(self, grants: Grants, tokens: Tokens, *, ahead: int, deadline: Deadline) -> None:
        self._grants, self._tokens, self._ahead, self._deadline = grants, tokens, ahead, deadline

    def run(self, task: RefreshTask) -> tuple[Counter[str], RefreshTask | None]:
        """Renew the members of the task; return their outcomes, and the task that is left (None: nothing is)."""
        outcomes, start = Counter[str](), task.start
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while True:
                page = self._grants.due(task.shard, task.before, start=start)
                outcomes.update(pool.map(lambda member_id: self._in_time(member_id, task.before), page.member_ids))
                if outcomes.pop("cut_off", 0):
                    # unless a member moved on in the index, another task would come no further
                    moved = outcomes.keys() - _STILL_DUE
                    return outcomes, msgspec.structs.replace(task, start=start) if moved else None
                if page.next_start is None:
                    return outcomes, None
                start = page.next_start

    def refresh(self, member_id: str, *, due_before: float = float("inf")) -> str:
        """Renew one member, if due before that time (Unix seconds); return the outcome."""
        try:
            return self._tokens.refresh(member_id, ahead=self._ahead, due_before=due_before)
        except (ClientError, BotoCoreError) as fault:
            # the table itself: nothing could be written, so the member stays due
            reporting.members_table_failed(member_id, fault)
            return "table_unavailable"

    def _in_time(self, member_id: str, before: int) -> str:
        return self.refresh(member_id, due_before=before) if self._deadline.has(_MARGIN_SECONDS) else "cut_off"
