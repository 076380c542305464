"""A DynamoDB table with items as plain values, and conditional writes that answer with what stands in the table.

Texts, whole numbers, booleans, bytes, lists, sets of texts and maps are written as Python has them. Numbers are read as
int, or float with a fraction. An expression names an attribute `#name`, which also covers DynamoDB's reserved words,
and a value `:name`, which is given as a keyword.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.backoff import THROTTLED, Contended
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Fields = Mapping[str, Any]
# DynamoDB's own notation: {"S": …}, {"N": …}
type AttributeValue = Mapping[str, Any]

_READS_AT_ONCE = 100  # BatchGetItem's limit
_NAME = re.compile(r"#(\w+)")


class TableBusy(Contended):
    """DynamoDB throttled a read in each round; names the table."""


class Written(NamedTuple):
    """A conditional write: whether it was done, and the item that stands in the table now, {} if none does."""

    done: bool
    item: dict[str, Any]


class Page(NamedTuple):
    """Some items, and where the rest begins (None: that was all)."""

    items: list[dict[str, Any]]
    next_start: Mapping[str, Any] | None


def marshal(value: Any) -> AttributeValue:  # noqa: ANN401, PLR0911 -- any value, and a line for each kind
    """Return DynamoDB's notation of a value; raise TypeError for what is none of the kinds above."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int() | float():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [marshal(part) for part in value]}
        case set() | frozenset():
            return {"SS": sorted(value)}
        case Mapping():
            return {"M": marshal_fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} is not stored")


def marshal_fields(fields: Fields) -> dict[str, AttributeValue]:
    """Return an item, a key or a map in DynamoDB's notation."""
    return {name: marshal(value) for name, value in fields.items()}


def unmarshal(value: AttributeValue) -> Any:  # noqa: ANN401, PLR0911 -- any value, and a line for each kind
    """Return the plain value."""
    [(kind, stored)] = value.items()
    match kind:
        case "N":
            return int(stored) if stored.lstrip("-").isdecimal() else float(stored)
        case "L":
            return [unmarshal(part) for part in stored]
        case "M":
            return unmarshal_fields(stored)
        case "B":
            return bytes(stored)
        case "SS":
            return set(stored)
        case "NULL":
            return None
        case _:
            return stored


def unmarshal_fields(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return an item's plain values."""
    return {name: unmarshal(value) for name, value in item.items()}


def put_parameters(item: Fields, condition: str = "", /, **values: Any) -> dict[str, Any]:  # noqa: ANN401 -- see above
    """Return the parameters of a put besides its table, for a request or a transaction."""
    return {"Item": marshal_fields(item), **_expressions(values, ConditionExpression=condition)}


def update_parameters(key: Fields, change: str, condition: str = "", /, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the parameters of an update besides its table, for a request or a transaction."""
    expressions = _expressions(values, UpdateExpression=change, ConditionExpression=condition)
    return {"Key": marshal_fields(key), **expressions}


class Table:
    """One table."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, *, runtime: Runtime = SYSTEM) -> None:
        self._dynamodb: Any = dynamodb
        self.name, self._runtime = name, runtime

    def get(self, key: Fields) -> dict[str, Any] | None:
        """Return the item as it is now, or None."""
        found = self._dynamodb.get_item(TableName=self.name, Key=marshal_fields(key), ConsistentRead=True)
        return unmarshal_fields(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Iterable[Fields], *, consistent: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the items that exist, as they are now or (if not `consistent`, for half the units) were a moment ago.

        Raise TableBusy.
        """
        for some in batched(keys, _READS_AT_ONCE, strict=False):
            yield from self._read([marshal_fields(key) for key in some], consistent=consistent)

    def _read(self, keys: list[dict[str, AttributeValue]], *, consistent: bool) -> Iterator[dict[str, Any]]:
        for _ in THROTTLED.attempts(self._runtime):
            request = {self.name: {"Keys": keys, "ConsistentRead": consistent}}
            reply = self._dynamodb.batch_get_item(RequestItems=request)
            yield from map(unmarshal_fields, reply["Responses"].get(self.name, []))
            if not (keys := reply["UnprocessedKeys"].get(self.name, {}).get("Keys", [])):
                return
        raise TableBusy(f"{self.name}: {len(keys)} of the keys unread after {THROTTLED.rounds} rounds")

    def put(self, item: Fields) -> None:
        """Write the item over whatever there is."""
        self._dynamodb.put_item(TableName=self.name, **put_parameters(item))

    def put_if(self, item: Fields, condition: str, /, **values: Any) -> Written:  # noqa: ANN401 -- see above
        """Write the item if the condition holds."""
        try:
            self._dynamodb.put_item(TableName=self.name, **put_parameters(item, condition, **values))
        except self._dynamodb.exceptions.ConditionalCheckFailedException as refused:
            return _standing(refused)
        return Written(done=True, item=dict(item))

    def update(self, key: Fields, change: str, /, **values: Any) -> dict[str, Any]:  # noqa: ANN401 -- see above
        """Change the item, or make it; return it as it is then."""
        return self.update_if(key, change, "", **values).item

    def update_if(self, key: Fields, change: str, condition: str, /, **values: Any) -> Written:  # noqa: ANN401
        """Change the item if the condition holds."""
        parameters = update_parameters(key, change, condition, **values)
        try:
            reply = self._dynamodb.update_item(TableName=self.name, ReturnValues="ALL_NEW", **parameters)
        except self._dynamodb.exceptions.ConditionalCheckFailedException as refused:
            return _standing(refused)
        return Written(done=True, item=unmarshal_fields(reply["Attributes"]))

    def delete(self, key: Fields) -> None:
        """Delete the item, if there is one."""
        self._dynamodb.delete_item(TableName=self.name, Key=marshal_fields(key))

    def delete_if(self, key: Fields, condition: str, /, **values: Any) -> Written:  # noqa: ANN401 -- see above
        """Delete the item if the condition holds."""
        parameters = {"Key": marshal_fields(key), **_expressions(values, ConditionExpression=condition)}
        try:
            self._dynamodb.delete_item(TableName=self.name, **parameters)
        except self._dynamodb.exceptions.ConditionalCheckFailedException as refused:
            return _standing(refused)
        return Written(done=True, item={})

    def query(
        self,
        index: str,
        condition: str,
        /,
        *,
        limit: int,
        start: Mapping[str, Any] | None = None,
        newest_first: bool = False,
        **values: Any,  # noqa: ANN401 -- see above
    ) -> Page:
        """Return a page of an index ("": of the table itself) from `start` on, which another page gave."""
        onwards = {"ExclusiveStartKey": start} if start else {}
        order = {"ScanIndexForward": False} if newest_first else {}
        reply = self._dynamodb.query(**self._query(index, condition, values), Limit=limit, **onwards, **order)
        return Page([unmarshal_fields(item) for item in reply["Items"]], reply.get("LastEvaluatedKey"))

    def scan(self, *, limit: int, start: Mapping[str, Any] | None = None) -> Page:
        """Return a page of the whole table from `start` on, in no order that means anything."""
        reply = self._dynamodb.scan(TableName=self.name, Limit=limit, **({"ExclusiveStartKey": start} if start else {}))
        return Page([unmarshal_fields(item) for item in reply["Items"]], reply.get("LastEvaluatedKey"))

    def query_all(self, index: str, condition: str, /, **values: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """Yield the items of all pages."""
        pages = self._dynamodb.get_paginator("query").paginate(**self._query(index, condition, values))
        return (unmarshal_fields(item) for page in pages for item in page["Items"])

    def _query(self, index: str, condition: str, values: Fields) -> dict[str, Any]:
        # an index is milliseconds behind, and has no consistent reads
        where = {"IndexName": index} if index else {"ConsistentRead": True}
        return {"TableName": self.name, **where, **_expressions(values, KeyConditionExpression=condition)}


def _expressions(values: Fields, **expressions: str) -> dict[str, Any]:
    there = {kind: expression for kind, expression in expressions.items() if expression}
    names = {name for expression in there.values() for name in _NAME.findall(expression)}
    parameters: dict[str, Any] = dict(there)
    if names:
        parameters["ExpressionAttributeNames"] = {f"#{name}": name for name in sorted(names)}
    if values:
        parameters["ExpressionAttributeValues"] = {f":{name}": marshal(value) for name, value in values.items()}
    if "ConditionExpression" in there:
        parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return parameters


def _standing(refused: Any) -> Written:  # noqa: ANN401 -- botocore's ClientError
    return Written(done=False, item=unmarshal_fields(refused.response.get("Item", {})))
