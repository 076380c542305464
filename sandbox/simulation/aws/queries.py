"""DynamoDB's reads of many items of one table: Query and Scan, page by page."""

# ruff: noqa: ANN401 -- a request is JSON, as boto3 takes it

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sandbox.simulation.aws import conditions
from sandbox.simulation.aws.calls import Reply
from sandbox.simulation.aws.conditions import compare
from sandbox.simulation.aws.dynamodb import PROJECTION, Items, Request, allow, consumed, names, projected
from sandbox.simulation.aws.expressions import Reader, given
from sandbox.simulation.aws.tables import Index, Key, Schema, Table, read_units
from sandbox.simulation.aws.values import Item, ValidationError, Value, item_size, sortable

_PAGE_BYTES = 1024 * 1024
_COMMON = ("TableName", "IndexName", "Limit", "ExclusiveStartKey", "FilterExpression", "ExpressionAttributeValues")
_MORE = ("ConsistentRead", "ReturnConsumedCapacity", "Select")

type Entry = tuple[Any, Key]


class Range(NamedTuple):
    """What a key condition asks for: the hash value, and tests of the range key."""

    hash: Value
    tests: tuple[tuple[str, Value], ...]


class Queries(Items):
    """query, scan."""

    def query(self, **request: Any) -> Reply:
        allow(request, *_COMMON, *_MORE, "KeyConditionExpression", "ScanIndexForward", *PROJECTION)
        return self._make("query", lambda: self._query(request), request)

    def scan(self, **request: Any) -> Reply:
        allow(request, *_COMMON, *_MORE, *PROJECTION)
        return self._make("scan", lambda: self._scan(request), request)

    def _query(self, request: Request) -> Reply:
        table, index = self._of("query", request)
        schema = index.schema if index else table.schema
        wanted = _wanted(request, schema)
        partitions = index.partitions if index else table.partitions
        entries = _within(partitions.get(sortable(wanted.hash), []), wanted.tests)
        forward = request.get("ScanIndexForward", True)
        if start := request.get("ExclusiveStartKey"):
            entries = _after(entries, _entry(table, schema, start), forward=forward)
        ordered = entries if forward else entries[::-1]
        return self._page(table, index, request, (key for _, key in ordered))

    def _scan(self, request: Request) -> Reply:
        table, index = self._of("scan", request)
        if index is not None:
            raise NotImplementedError("not in the in-memory AWS: a scan of an index")
        keys = iter(list(table.rows))
        if start := request.get("ExclusiveStartKey"):
            last = table.key(start)
            for key in keys:
                if key == last:
                    break
        return self._page(table, index, request, keys)

    def _of(self, operation: str, request: Request) -> tuple[Table, Index | None]:
        table, name = self._table(operation, request["TableName"]), request.get("IndexName")
        self._refuse_over_limit(operation, table.name)
        if name is not None and name not in table.indexes:
            raise ValidationError(f"The table does not have the specified index: {name}")
        if name is not None and request.get("ConsistentRead"):
            raise ValidationError("Consistent reads are not supported on global secondary indexes")
        return table, table.indexes[name] if name else None

    def _page(self, table: Table, index: Index | None, request: Request, keys: Iterator[Key]) -> Reply:
        limit, size, items, looked, last = request.get("Limit", 0), 0, list[Item](), 0, None
        holds = _filter(request)
        for key in keys:
            row = table.rows[key]
            item = index.projected(row.item) if index else row.item
            assert item is not None
            looked, size, last = looked + 1, size + (item_size(item) if index else row.size), item
            if holds(item):
                items.append(projected(item, request))
            if looked == limit or size >= _PAGE_BYTES:
                break
        else:
            last = None
        used = {index.name if index else "": read_units(size, consistent=bool(request.get("ConsistentRead")))}
        self._meter(table, "read", used)
        reply: Reply = {"Count": len(items), "ScannedCount": looked}
        if request.get("Select") != "COUNT":
            reply["Items"] = items
        if last is not None:
            reply["LastEvaluatedKey"] = table.key_of(last) | ({n: last[n] for n in index.schema.names} if index else {})
        wanted = request.get("ReturnConsumedCapacity", "NONE")
        return reply | (
            {} if wanted == "NONE" else {"ConsumedCapacity": consumed(table, used, indexes=wanted == "INDEXES")}
        )


def _filter(request: Request) -> Any:
    if not (text := request.get("FilterExpression")):
        return lambda _item: True
    parsed, values = conditions.condition(text, names(request)), request.get("ExpressionAttributeValues", {})
    return lambda item: parsed.holds(item, values)


def _wanted(request: Request, schema: Schema) -> Range:
    """Parse `hash = :v [AND range …]`; raise ValidationError."""
    reader = Reader(request["KeyConditionExpression"], dict(names(request)))
    values, found, tests = request.get("ExpressionAttributeValues", {}), list[Value](), list[tuple[str, Value]]()
    while True:
        enclosed = bool(reader.skip("("))
        name, part = _test(reader, values)
        if enclosed:
            reader.take(")")
        if name == schema.hash and [sign for sign, _ in part] == ["="]:
            found.append(part[0][1])
        elif name == schema.range:
            tests += part
        else:
            raise ValidationError("Query key condition not supported")
        if not reader.skip("AND"):
            break
    reader.end()
    if len(found) != 1:
        raise ValidationError("Query condition missed key schema element: " + schema.hash)
    return Range(found[0], tuple(tests))


def _test(reader: Reader, values: Any) -> tuple[str, list[tuple[str, Value]]]:
    if reader.peek() == "begins_with":
        reader.take()
        reader.take("(")
        name = str(reader.path()[0])
        reader.take(",")
        start = given(values, reader.take())
        reader.take(")")
        return name, [("begins", start)]
    name = str(reader.path()[0])
    if reader.skip("BETWEEN"):
        low = given(values, reader.take())
        reader.take("AND")
        return name, [(">=", low), ("<=", given(values, reader.take()))]
    sign = reader.take()
    if sign not in {"=", "<", "<=", ">", ">="}:
        raise ValidationError(f"Invalid operator used in KeyConditionExpression: {sign}")
    return name, [(sign, given(values, reader.take()))]


def _within(entries: Sequence[Entry], tests: Sequence[tuple[str, Value]]) -> Sequence[Entry]:
    """Return the part of a partition that passes the tests; by bisection, as it is sorted by range key."""
    low, high = 0, len(entries)
    for sign, value in tests:
        bound = sortable(value)
        if sign == "begins":
            return [entry for entry in entries[low:high] if entry[0].startswith(bound)]
        first, behind = bisect_left(entries, bound, key=_range), bisect_right(entries, bound, key=_range)
        low = max(low, {"=": first, ">": behind, ">=": first}.get(sign, 0))
        high = min(high, {"=": behind, "<": first, "<=": behind}.get(sign, len(entries)))
    return entries[low:high]


def _range(entry: Entry) -> Any:
    return entry[0]


def _after(entries: Sequence[Entry], start: Entry, *, forward: bool) -> Sequence[Entry]:
    return [entry for entry in entries if compare(">" if forward else "<", entry, start)]


def _entry(table: Table, schema: Schema, start: Item) -> Entry:
    key = table.key({name: start[name] for name in table.schema.names})
    return (sortable(start[schema.range]) if schema.range else b"", key)
