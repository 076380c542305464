"""What pages of every pass ask of the orders table and of the reconciliation table."""

from sandbox.capacity.simulation import Pass

PAGE = 100  # orders or members a page: what orders.query takes, and the tables' queries are asked for
SENT = 10  # messages a request
_WRITES = 25  # statements a request


def read(done: Pass, size: int, now: float) -> float:
    done.ask("dynamodb", "batch_get_item")
    return done.spend(now, "OrdersTable", "read", size) + done.inputs.seconds.batch_get


def write(done: Pass, size: int, now: float, shard: str, *, moved: int) -> float:
    requests = -(-size // _WRITES)
    done.ask("dynamodb", "batch_execute_statement", requests)
    return spent(done, size, now, shard, moved=moved) + requests * done.inputs.seconds.batch_write


def spent(done: Pass, size: int, now: float, shard: str, *, moved: int) -> float:
    """The units of so many orders written: one each, and `moved` for the old and the new place in the index of what is
    due."""
    table = done.spend(now, "OrdersTable", "write", size)
    return max(table, done.spend(now, "OrdersTable/due", "write", moved * size, shard))


def get(done: Pass, now: float, items: int) -> float:
    """So many items of the reconciliation table, one after the other."""
    done.ask("dynamodb", "get_item", items)
    return done.spend(now, "ReconciliationTable", "read", items) + items * done.inputs.seconds.single_item


def put(done: Pass, now: float) -> float:
    done.ask("dynamodb", "put_item")
    return done.spend(now, "ReconciliationTable", "write", 1) + done.inputs.seconds.single_item


def queued(done: Pass, size: int, now: float) -> float:
    requests = -(-size // SENT)
    done.ask("sqs", "send_message_batch", requests)
    return now + requests * done.inputs.seconds.send


def even(items: int, shards: int) -> list[int]:
    return [items // shards + (shard < items % shards) for shard in range(shards)]
