"""DynamoDB's requests for many items: batches, of which each entry succeeds or fails by itself, and transactions."""

# ruff: noqa: ANN401 -- a request is JSON, as boto3 takes it

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.simulation.aws import conditions, partiql
from sandbox.simulation.aws.calls import Reply
from sandbox.simulation.aws.dynamodb import ConditionFails, Request, Units, allow, consumed, names, prepare, total
from sandbox.simulation.aws.queries import Queries
from sandbox.simulation.aws.tables import Key, Table, read_units
from sandbox.simulation.aws.values import Item, ValidationError, Value

_READS, _WRITES, _STATEMENTS, _ACTIONS = 100, 25, 25, 100
# A transaction's token is good for ten minutes.
_TOKEN_SECONDS = 600
_OPERATIONS = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}


class DynamoDB(Queries):
    """The whole client."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._tokens: dict[str, tuple[float, Request]] = {}

    def batch_get_item(self, **request: Any) -> Reply:
        allow(request, "RequestItems", "ReturnConsumedCapacity")
        return self._make("batch_get_item", lambda: self._get_batch(request), request)

    def batch_write_item(self, **request: Any) -> Reply:
        allow(request, "RequestItems", "ReturnConsumedCapacity")
        return self._make("batch_write_item", lambda: self._write_batch(request), request)

    def batch_execute_statement(self, **request: Any) -> Reply:
        allow(request, "Statements", "ReturnConsumedCapacity")
        return self._make("batch_execute_statement", lambda: self._execute(request), request)

    def transact_write_items(self, **request: Any) -> Reply:
        allow(request, "TransactItems", "ClientRequestToken", "ReturnConsumedCapacity")
        # boto3 gives each call a token of its own, so that its own repetitions are harmless
        token = request.get("ClientRequestToken") or f"call-{self._calls.counts.total()}"
        return self._make("transact_write_items", lambda: self._transact(request, token), request)

    def _get_batch(self, request: Request) -> Reply:
        replies, left, used, read = dict[str, list[Item]](), dict[str, Any](), list[Reply](), 0
        _refuse_number(sum(len(requested["Keys"]) for requested in request["RequestItems"].values()), _READS, "keys")
        for name, requested in request["RequestItems"].items():
            allow(requested, "Keys", "ConsistentRead")
            table = self._table("batch_get_item", name)
            _refuse_duplicates([table.key(key) for key in requested["Keys"]])
            refused = [self._throttled("batch_get_item", name) for _ in requested["Keys"]]
            rows = [
                table.rows.get(table.key(key)) for key, no in zip(requested["Keys"], refused, strict=True) if not no
            ]
            consistent = bool(requested.get("ConsistentRead"))
            units = sum(read_units(row.size if row else 0, consistent=consistent) for row in rows)
            self._meter(table, "read", {"": units})
            replies[name] = [dict(row.item) for row in rows if row is not None]
            if any(refused):
                left[name] = {
                    **requested,
                    "Keys": [key for key, no in zip(requested["Keys"], refused, strict=True) if no],
                }
            read += len(rows)
            used.append(consumed(table, {"": units}, indexes=request.get("ReturnConsumedCapacity") == "INDEXES"))
        if not read:
            message = "every key was over the limit"
            raise self._error("ProvisionedThroughputExceededException", message, "batch_get_item")
        return {"Responses": replies, "UnprocessedKeys": left} | _capacity(request, used)

    def _write_batch(self, request: Request) -> Reply:
        left, used = dict[str, list[Any]](), list[Reply]()
        _refuse_number(sum(map(len, request["RequestItems"].values())), _WRITES, "requests")
        for name, writes in request["RequestItems"].items():
            table, spent = self._table("batch_write_item", name), list[Units]()
            requested = [_single(write) for write in writes]
            _refuse_duplicates([table.key(one.get("Key") or one["Item"], alone="Key" in one) for _, one in requested])
            for write, (operation, one) in zip(writes, requested, strict=True):
                if self._throttled("batch_write_item", name):
                    left.setdefault(name, []).append(write)
                else:
                    spent.append(self._write(table, operation, one)[2])
            used.append(consumed(table, total(spent), indexes=request.get("ReturnConsumedCapacity") == "INDEXES"))
        return {"UnprocessedItems": left} | _capacity(request, used)

    def _execute(self, request: Request) -> Reply:
        statements = [(partiql.read(one["Statement"]), one.get("Parameters", [])) for one in request["Statements"]]
        _refuse_number(len(statements), _STATEMENTS, "statements")
        keys = [(update.table, str(update.conditions(given))) for update, given in statements]
        tables = [self._table("batch_execute_statement", update.table) for update, _ in statements]
        _refuse_duplicates(
            [(name, self._key(table, u, p)) for (name, _), table, (u, p) in zip(keys, tables, statements, strict=True)]
        )
        answers, used = list[Reply](), list[Reply]()
        for table, (update, given) in zip(tables, statements, strict=True):
            answer, units = self._run(table, update, given)
            answers.append(answer)
            used.append(consumed(table, units, indexes=request.get("ReturnConsumedCapacity") == "INDEXES"))
        return {"Responses": answers} | _capacity(request, used)

    def _key(self, table: Table, update: partiql.Update, given: Sequence[Value]) -> Key:
        wanted = update.conditions(given)
        return table.key({name: wanted[name] for name in table.schema.names if name in wanted})

    def _run(self, table: Table, update: partiql.Update, given: Sequence[Value]) -> tuple[Reply, Units]:
        """Run one statement; return its answer and its cost."""
        if self._throttled("batch_execute_statement", table.name):
            return _refusal("ThrottlingError", "throttled", table), {}
        key = self._key(table, update, given)
        row = table.rows.get(key)
        if row is None or not update.holds(row.item, update.conditions(given)):
            units: Units = {"": float(-(-(row.size if row else 1) // 1024))}
            self._meter(table, "write", units)
            return _refusal("ConditionalCheckFailed", "The conditional request failed", table), units
        try:
            units = table.write(key, update.apply(row.item, given))
        except ValidationError as wrong:
            return _refusal("ValidationError", str(wrong), table), {}
        self._meter(table, "write", units)
        return {"TableName": table.name}, units

    def _transact(self, request: Request, token: str) -> Reply:
        now, known = self._calls.clock(), self._tokens.get(token)
        if known is not None and now - known[0] < _TOKEN_SECONDS:
            if known[1] != request:
                raise self._error(
                    "IdempotentParameterMismatchException", "the token's parameters differ", "transact_write_items"
                )
            return {}
        actions = [(kind, one) for action in request["TransactItems"] for kind, one in action.items()]
        _refuse_number(len(actions), _ACTIONS, "actions")
        tables = [self._table("transact_write_items", one["TableName"]) for _, one in actions]
        keys = [
            table.key(one.get("Key") or one["Item"], alone="Key" in one)
            for table, (_, one) in zip(tables, actions, strict=True)
        ]
        _refuse_duplicates(list(zip((table.name for table in tables), keys, strict=True)))
        reasons = [self._reason(table, *action) for table, action in zip(tables, actions, strict=True)]
        if any(reason["Code"] != "None" for reason in reasons):
            self._cancel(reasons)
        used = [self._act(table, *action) for table, action in zip(tables, actions, strict=True)]
        self._tokens[token] = (now, request)
        each = [
            consumed(table, units, indexes=request.get("ReturnConsumedCapacity") == "INDEXES")
            for table, units in zip(tables, used, strict=True)
        ]
        return _capacity(request, each)

    def _reason(self, table: Table, kind: str, one: Request) -> Reply:
        """Return why an action cannot be done, code None if it can."""
        if self._throttled("transact_write_items", table.name):
            return {"Code": "ThrottlingError", "Message": "throttled"}
        try:
            if kind == "ConditionCheck":
                _require(table, one)
            else:
                prepare(table, _OPERATIONS[kind], one)
        except ConditionFails as fails:
            wanted = one.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and fails.standing is not None
            more = {"Item": dict(fails.standing or {})} if wanted else {}
            return {"Code": "ConditionalCheckFailed", "Message": str(fails)} | more
        return {"Code": "None"}

    def _cancel(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        raise self._error(
            "TransactionCanceledException", message, "transact_write_items", CancellationReasons=list(reasons)
        )

    def _act(self, table: Table, kind: str, one: Request) -> Units:
        """Do one action; a transaction's writes cost twice, a check as much as a write."""
        if kind == "ConditionCheck":
            row = table.rows.get(table.key(one["Key"]))
            used: Units = {"": float(-(-(row.size if row else 1) // 1024))}
        else:
            key, _, after = prepare(table, _OPERATIONS[kind], one)
            used = table.write(key, after)
        doubled = {name: units * 2 if not name else units for name, units in used.items()}
        self._meter(table, "write", doubled)
        return doubled


def _require(table: Table, one: Request) -> None:
    row = table.rows.get(table.key(one["Key"]))
    parsed = conditions.condition(one["ConditionExpression"], names(one))
    if not parsed.holds(row.item if row else {}, one.get("ExpressionAttributeValues", {})):
        raise ConditionFails(row.item if row else None)


def _single(write: Request) -> tuple[str, Request]:
    ((kind, one),) = write.items()
    return {"PutRequest": "put_item", "DeleteRequest": "delete_item"}[kind], one


def _refusal(code: str, message: str, table: Table) -> Reply:
    return {"Error": {"Code": code, "Message": message}, "TableName": table.name}


def _capacity(request: Request, used: list[Reply]) -> Reply:
    return {} if request.get("ReturnConsumedCapacity", "NONE") == "NONE" else {"ConsumedCapacity": used}


def _refuse_number(count: int, maximum: int, what: str) -> None:
    if not 1 <= count <= maximum:
        raise ValidationError(f"{count} {what}: from 1 to {maximum} are allowed")


def _refuse_duplicates(keys: Sequence[Any]) -> None:
    if len(set(keys)) != len(keys):
        raise ValidationError("Provided list of item keys contains duplicates")
