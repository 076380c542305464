"""Members' tokens renewed. What a page asks for is what functions/token_refresher asks for."""

from functools import partial

from jiuwu.members.grants import SHARDS
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.simulation import Pass, Source, Task, work
from sandbox.capacity.steps import PAGE, SENT, even

_ENTRY_BYTES = 61  # a key of the refresh index: names and values of its two keys and the table's
_TASK_SECONDS = 100.0  # a task of 120 s stops 20 s before its end and queues its rest
_AT_ONCE = 8  # threads of a task


def refresh(members: int, inputs: Inputs, *, per_shard: list[int] | None = None) -> Pass:
    """A tick that finds `members` due: each lease, renewal and save, some beside each other in a task."""
    done, shards = Pass(members, inputs), per_shard or even(members, len(SHARDS))
    done.ask("sqs", "send_message_batch", -(-len(shards) // SENT))
    done.invocations += 1
    done.lambda_seconds += inputs.invocation_seconds["idle"]
    tasks = [Task(size, PAGE, partial(_renew, done, str(shard))) for shard, size in enumerate(shards)]
    done.seconds = work(done, tasks, Source(inputs.setup.most_at_once["RefreshQueue"], _TASK_SECONDS))
    return done


def _renew(done: Pass, shard: str, size: int, now: float) -> float:
    """A page of members: each read and leased, its token opened, renewed, sealed with the new one, and saved, which
    moves it in the index."""
    now = done.query(now, "MembersTable/refresh", shard, size, _ENTRY_BYTES)
    for operation, times in (("get_item", 1), ("update_item", 2)):
        done.ask("dynamodb", operation, times * size)
    done.ask("kms", "decrypt", size)
    done.ask("kms", "encrypt", 2 * size)
    now = max(
        done.spend(now, "MembersTable", "read", size),
        done.spend(now, "MembersTable", "write", 2 * size),
        done.spend(now, "MembersTable/refresh", "write", 2 * size, shard),
    )
    seconds = done.inputs.seconds
    beside = 3 * seconds.kms + 3 * seconds.single_item
    rounds = ((beside + seconds.platform) * (n // _AT_ONCE) for n in range(size))
    return max((done.call(now + begun, "login", "oauth.token") + beside for begun in rounds), default=now)
