"""Compute what DynamoDB bills for a write, by its documented rules.

The local AWS counts the index for PutItem and UpdateItem, and leaves it out for PartiQL; DynamoDB does not.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.simulation.aws.values import item_size

Item = Mapping[str, Mapping[str, Any]]

# An order is in an index when it has the index's key. What an index projects besides changes only with its key.
_INDEX_KEYS = (("due_shard", "due_at"), ("day_shard",), ("member_id", "created_at"), ("changed_shard", "changed"))


def write_units(before: Item | None, after: Item) -> int:
    """Return the write units of a write.

    The table costs one per kilobyte of the larger image. The index, whose entries are under 1 KB, costs one for a put
    or a delete, and two when a key moves. AWS, "Read and write capacity" and "Using Global Secondary Indexes: write
    capacity units".
    """
    before = before or {}
    table = -(-max(item_size(before), item_size(after)) // 1024)
    return table + sum(_index_units(before, after, key) for key in _INDEX_KEYS)


def _index_units(before: Item, after: Item, key: tuple[str, ...]) -> int:
    was, becomes = (tuple(str(item.get(name)) for name in key) for item in (before, after))
    return (key[-1] in before) + (key[-1] in after) if was != becomes else 0
