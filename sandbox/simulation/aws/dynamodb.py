"""DynamoDB's requests for one item, and what all its requests share."""

# ruff: noqa: ANN401 -- a request is JSON, as boto3 takes it

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.simulation.aws import conditions, updates
from sandbox.simulation.aws.calls import Calls, Client, Reply
from sandbox.simulation.aws.tables import Key, Table, read_units
from sandbox.simulation.aws.values import Item, ValidationError, stored

type Request = Mapping[str, Any]
type Units = dict[str, float]

_FAILED = "The conditional request failed"


class ConditionFails(Exception):
    """The condition of a write does not hold; carries the item that stands there."""

    def __init__(self, standing: Item | None) -> None:
        super().__init__(_FAILED)
        self.standing = standing


class Items(Client):
    """get_item, put_item, update_item, delete_item."""

    service = "dynamodb"

    def __init__(self, calls: Calls, tables: dict[str, Table]) -> None:
        super().__init__(calls)
        self._tables = tables

    def get_item(self, **request: Any) -> Reply:
        allow(request, "TableName", "Key", "ConsistentRead", "ReturnConsumedCapacity", *_PROJECTION)
        return self._make("get_item", lambda: self._get(request), request)

    def put_item(self, **request: Any) -> Reply:
        allow(request, "TableName", "Item", *_CONDITION, *_RETURNS)
        return self._make("put_item", lambda: self._write_alone("put_item", request), request)

    def update_item(self, **request: Any) -> Reply:
        allow(request, "TableName", "Key", "UpdateExpression", *_CONDITION, *_RETURNS)
        return self._make("update_item", lambda: self._write_alone("update_item", request), request)

    def delete_item(self, **request: Any) -> Reply:
        allow(request, "TableName", "Key", *_CONDITION, *_RETURNS)
        return self._make("delete_item", lambda: self._write_alone("delete_item", request), request)

    def _get(self, request: Request) -> Reply:
        table = self._table("get_item", request["TableName"])
        self._refuse_over_limit("get_item", table.name)
        row = table.rows.get(table.key(request["Key"]))
        used = read_units(row.size if row else 0, consistent=bool(request.get("ConsistentRead")))
        self._meter(table, "read", {"": used})
        reply = {"Item": projected(row.item, request)} if row else {}
        return reply | _consumed(request, table, {"": used})

    def _write_alone(self, operation: str, request: Request) -> Reply:
        table = self._table(operation, request["TableName"])
        self._refuse_over_limit(operation, table.name)
        try:
            before, after, used = self._write(table, operation, request)
        except ConditionFails as fails:
            row = table.rows.get(table.key(request.get("Key") or request["Item"], alone="Key" in request))
            self._meter(table, "write", {"": float(-(-(row.size if row else 1) // 1024))})
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and fails.standing is not None
            more = {"Item": dict(fails.standing or {})} if wanted else {}
            raise self._error("ConditionalCheckFailedException", _FAILED, operation, **more) from None
        return _returned(request, before, after) | _consumed(request, table, used)

    def _write(self, table: Table, operation: str, request: Request) -> tuple[Item | None, Item | None, Units]:
        """Return the item before and after, and the units used; raise ConditionFails and ValidationError."""
        key, before, after = prepare(table, operation, request)
        used = table.write(key, after)
        self._meter(table, "write", used)
        return before, after, used

    def _table(self, operation: str, name: str) -> Table:
        # a table's ARN ends in its name
        table = self._tables.get(name.rpartition("/")[2])
        if table is None:
            raise self._error("ResourceNotFoundException", "Requested resource not found", operation)
        return table

    def _refuse_over_limit(self, operation: str, subject: str) -> None:
        if self._throttled(operation, subject):
            message = "The level of configured provisioned throughput for the table was exceeded"
            raise self._error("ProvisionedThroughputExceededException", message, operation)

    def _meter(self, table: Table, kind: str, used: Units) -> None:
        for index, units in used.items():
            self._calls.units[f"{table.name}/{index}".rstrip("/"), kind] += units  # type: ignore[assignment]  # halves


_NAMES = ("ExpressionAttributeNames",)
_CONDITION = ("ConditionExpression", "ExpressionAttributeValues", *_NAMES)
_RETURNS = ("ReturnValues", "ReturnValuesOnConditionCheckFailure", "ReturnConsumedCapacity")
_PROJECTION = ("ProjectionExpression", *_NAMES)
PROJECTION = _PROJECTION


def allow(request: Request, *known: str) -> None:
    """Raise NotImplementedError for a parameter that is not supported."""
    if unknown := sorted(request.keys() - set(known)):
        raise NotImplementedError(f"not in the in-memory AWS: {', '.join(unknown)}")


def names(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the #placeholders, hashable."""
    return tuple(request.get("ExpressionAttributeNames", {}).items())


def prepare(table: Table, operation: str, request: Request) -> tuple[Key, Item | None, Item | None]:
    """Return (key, item before, item after) of a write; raise ConditionFails and ValidationError."""
    if operation == "put_item":
        after: Item | None = {name: stored(value) for name, value in request["Item"].items()}
        key = table.key(request["Item"], alone=False)
    else:
        key, after = table.key(request["Key"]), None
    row = table.rows.get(key)
    before = row.item if row else None
    used = _check(request, before)
    if operation == "update_item":
        after = _updated(table, request, before, used)
    _refuse_unused(request, used)
    return key, before, after


def _check(request: Request, before: Item | None) -> set[str]:
    """Return the placeholders that the condition uses; raise ConditionFails."""
    if not (text := request.get("ConditionExpression")):
        return set()
    parsed = conditions.condition(text, names(request))
    if not parsed.holds(before or {}, request.get("ExpressionAttributeValues", {})):
        raise ConditionFails(before)
    return {*parsed.names, *parsed.values}


def _updated(table: Table, request: Request, before: Item | None, used: set[str]) -> Item:
    text = request.get("UpdateExpression")
    start = before if before is not None else {name: stored(value) for name, value in request["Key"].items()}
    if text is None:
        return start
    parsed = updates.update(text, names(request))
    used |= parsed.names | parsed.values
    for path in parsed.paths:
        if path[0] in table.schema.names:
            raise ValidationError(f"Cannot update attribute {path[0]}. This attribute is part of the key")
    return parsed.apply(start, request.get("ExpressionAttributeValues", {}))


def _refuse_unused(request: Request, used: set[str]) -> None:
    given = request.get("ExpressionAttributeValues", {}).keys() | request.get("ExpressionAttributeNames", {}).keys()
    if unused := sorted(given - used):
        raise ValidationError(
            f"Value provided in ExpressionAttribute unused in expressions: keys: {{{', '.join(unused)}}}"
        )


def projected(item: Item, request: Request) -> Item:
    """Return a copy of the requested attributes; top-level attributes only."""
    text = request.get("ProjectionExpression")
    if not text:
        return dict(item)
    by_name = request.get("ExpressionAttributeNames", {})
    wanted = [by_name.get(name.strip(), name.strip()) for name in text.split(",")]
    if any("." in name or "[" in name for name in wanted):
        raise NotImplementedError("not in the in-memory AWS: a projection of parts of an attribute")
    return {name: item[name] for name in wanted if name in item}


def _returned(request: Request, before: Item | None, after: Item | None) -> Reply:
    match request.get("ReturnValues", "NONE"):
        case "ALL_NEW":
            return {"Attributes": dict(after or {})}
        case "ALL_OLD":
            return {"Attributes": dict(before)} if before else {}
        case "UPDATED_NEW":
            changed = {k: v for k, v in (after or {}).items() if (before or {}).get(k) != v}
            return {"Attributes": changed} if changed else {}
        case "NONE":
            return {}
    raise NotImplementedError(f"not in the in-memory AWS: ReturnValues {request['ReturnValues']}")


def _consumed(request: Request, table: Table, used: Units) -> Reply:
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    return {} if wanted == "NONE" else {"ConsumedCapacity": consumed(table, used, indexes=wanted == "INDEXES")}


def consumed(table: Table, used: Units, *, indexes: bool) -> Reply:
    """Return a ConsumedCapacity structure."""
    reply: Reply = {"TableName": table.name, "CapacityUnits": sum(used.values())}
    if indexes:
        reply["Table"] = {"CapacityUnits": used.get("", 0.0)}
        if by_index := {name: {"CapacityUnits": units} for name, units in used.items() if name}:
            reply["GlobalSecondaryIndexes"] = by_index
    return reply


def total(all_used: Iterable[Units]) -> Units:
    """Return the units of several writes of one table."""
    found: Units = {}
    for used in all_used:
        for name, units in used.items():
            found[name] = found.get(name, 0.0) + units
    return found
