"""One table: its items, its indexes, and what DynamoDB bills for reading and writing them.

AWS, Developer Guide: "Read and write capacity" and "Using Global Secondary Indexes", write capacity units.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.simulation.aws.values import Item, ValidationError, Value, item_size, sortable

type Key = tuple[Any, ...]

MAX_ITEM_BYTES = 400 * 1024
_WRITE_UNIT, _READ_UNIT = 1024, 4096


class Schema(NamedTuple):
    """The key of a table or an index: attribute names, `range` empty where there is none."""

    hash: str
    range: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash, self.range) if self.range else (self.hash,)


class Row(NamedTuple):
    """An item as it stands, and its size in bytes."""

    item: Item
    size: int


@dataclass(slots=True)
class Index:
    """A global secondary index: sparse, `keep` the attributes projected besides the keys (None: all)."""

    name: str
    schema: Schema
    keep: frozenset[str] | None
    partitions: dict[Any, list[tuple[Any, Key]]] = field(default_factory=dict)

    def projected(self, item: Item) -> Item | None:
        """Return the index's copy of the item, None if it is not in the index."""
        if any(name not in item for name in self.schema.names):
            return None
        return item if self.keep is None else {name: value for name, value in item.items() if name in self.keep}

    def move(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Update the index after a write of the table."""
        was, becomes = self._place(before), self._place(after)
        if was == becomes:
            return
        if was is not None:
            partition = self.partitions[was[0]]
            del partition[bisect_left(partition, (was[1], key))]
        if becomes is not None:
            insort(self.partitions.setdefault(becomes[0], []), (becomes[1], key))

    def _place(self, item: Item | None) -> tuple[Any, Any] | None:
        if item is None or any(name not in item for name in self.schema.names):
            return None
        return sortable(item[self.schema.hash]), sortable(item[self.schema.range]) if self.schema.range else b""


@dataclass(slots=True)
class Table:
    """A table and its indexes, as the template's properties define them."""

    name: str
    schema: Schema
    kinds: Mapping[str, str]
    indexes: dict[str, Index]
    rows: dict[Key, Row] = field(default_factory=dict)
    partitions: dict[Any, list[tuple[Any, Key]]] = field(default_factory=dict)
    written: set[Key] = field(default_factory=set)  # the keys written since it was last emptied

    @classmethod
    def defined(cls, name: str, properties: Mapping[str, Any]) -> "Table":
        """Define it by the template's properties of an AWS::DynamoDB::Table, or a create_table request."""
        kinds = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
        schema = _schema(properties["KeySchema"])
        indexes = {}
        for given in properties.get("GlobalSecondaryIndexes", ()):
            own, projection = _schema(given["KeySchema"]), given["Projection"]
            included = frozenset((*schema.names, *own.names, *projection.get("NonKeyAttributes", ())))
            keep = None if projection["ProjectionType"] == "ALL" else included
            indexes[given["IndexName"]] = Index(given["IndexName"], own, keep)
        return cls(name, schema, kinds, indexes)

    def key(self, given: Mapping[str, Value], *, alone: bool = True) -> Key:
        """Return the key in an item, or (`alone`) in a request's Key; raise ValidationError."""
        if alone and given.keys() != set(self.schema.names):
            raise ValidationError("The provided key element does not match the schema")
        return tuple(self._key_part(name, given) for name in self.schema.names)

    def key_of(self, item: Item) -> Item:
        """Return the key attributes of an item."""
        return {name: item[name] for name in self.schema.names}

    def write(self, key: Key, after: Item | None) -> dict[str, float]:
        """Put the item under a key, or delete it with None; raise ValidationError.

        Returns write units: the table's under an empty name, each index's under its own.
        """
        before = self.rows.get(key)
        row = self._row(after)
        self.written.add(key)
        units = {"": float(_units(max(before.size if before else 0, row.size if row else 0), _WRITE_UNIT) or 1)}
        for index in self.indexes.values():
            was = index.projected(before.item) if before else None
            becomes = index.projected(after) if after is not None else None
            if cost := _index_units(index.schema, was, becomes):
                units[index.name] = cost
            index.move(key, before.item if before else None, after)
        self._place(key, row)
        return units

    def _row(self, item: Item | None) -> Row | None:
        if item is None:
            return None
        for name, kind in self.kinds.items():
            if name in item and kind not in item[name]:
                raise ValidationError(f"One or more parameter values were invalid: Type mismatch for Index Key {name}")
        size = item_size(item)
        if size > MAX_ITEM_BYTES:
            raise ValidationError("Item size has exceeded the maximum allowed size")
        return Row(item, size)

    def _place(self, key: Key, row: Row | None) -> None:
        entry = (key[1] if self.schema.range else b"", key)
        if row is None:
            if self.rows.pop(key, None) is not None:
                partition = self.partitions[key[0]]
                del partition[bisect_left(partition, entry)]
                if not partition:
                    del self.partitions[key[0]]
            return
        if key not in self.rows:
            insort(self.partitions.setdefault(key[0], []), entry)
        self.rows[key] = row

    def _key_part(self, name: str, given: Mapping[str, Value]) -> Any:  # noqa: ANN401 -- sorts among its kind
        value, kind = given.get(name), self.kinds[name]
        if value is None:
            raise ValidationError(f"One or more parameter values were invalid: Missing the key {name} in the item")
        if kind not in value:
            raise ValidationError(f"One or more parameter values were invalid: Type mismatch for key {name}")
        if value[kind] in ("", b""):
            raise ValidationError(
                f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
            )
        return sortable(value)


def read_units(size: int, *, consistent: bool) -> float:
    """Return read units: one per 4 KB, half of that for an eventually consistent read; at least one."""
    units = _units(size, _READ_UNIT) or 1
    return float(units) if consistent else units / 2


def _units(size: int, unit: int) -> int:
    return -(-size // unit)


def _index_units(schema: Schema, was: Item | None, becomes: Item | None) -> float:
    """Return an index's units: a put, a delete, or both when a key moves; one write for other attributes."""
    if was == becomes:
        return 0
    sizes = [_units(item_size(item), _WRITE_UNIT) for item in (was, becomes) if item is not None]
    if was is not None and becomes is not None and all(was[name] == becomes[name] for name in schema.names):
        return float(max(sizes))
    return float(sum(sizes))


def _schema(given: Sequence[Mapping[str, str]]) -> Schema:
    by_kind = {one["KeyType"]: one["AttributeName"] for one in given}
    return Schema(by_kind["HASH"], by_kind.get("RANGE", ""))
