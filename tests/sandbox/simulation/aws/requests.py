"""Requests to AWS, case by case; TABLE stands for the table's name."""

from typing import Any

TWO_KEYS = {
    "AttributeDefinitions": [
        {"AttributeName": "who", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "day", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "who", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "days",
            "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["fen"]},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
Steps = list[tuple[str, dict[str, Any]]]


def s(text: str) -> dict[str, Any]:
    return {"S": text}


def n(number: object) -> dict[str, Any]:
    return {"N": str(number)}


def member(name: str, **more: Any) -> dict[str, Any]:
    return {"member_id": s(name), **more}


def update(expression: str, values: dict[str, Any] | None = None, name: str = "m1", **more: Any) -> tuple[str, Any]:
    values = {"ExpressionAttributeValues": values} if values else {}
    request = {"Key": {"member_id": s(name)}, "UpdateExpression": expression, "ReturnValues": "ALL_NEW", **values}
    return "update_item", request | more


def put(item: dict[str, Any], **more: Any) -> tuple[str, Any]:
    return "put_item", {"Item": item, **more}


def get(name: str = "m1") -> tuple[str, Any]:
    return "get_item", {"Key": {"member_id": s(name)}, "ConsistentRead": True}


OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
LEASE = (
    "token_version = :v AND link_status = :was AND (attribute_not_exists(lease_until) OR lease_until <= :now)",
    {":v": n(3), ":was": s("active"), ":now": n(100), ":until": n(160)},
)
FULL = member(
    "m1",
    token_version=n(3),
    link_status=s("active"),
    lease_until=n(90),
    refresh_shard=s("1"),
    refresh_at=n(50),
    parts={"L": [{"B": b"a"}, {"B": b"bc"}]},
    nested={"M": {"deep": {"L": [n(1), s("x")]}}},
    tags={"SS": ["a", "b"]},
    half=n("0.5"),
    on={"BOOL": True},
    none={"NULL": True},
)

MEMBERS: dict[str, Steps] = {
    "a put, read back whole": [put(FULL), get(), get("m2")],
    "only the first of two puts": [
        put(member("m1", a=n(1)), ConditionExpression="attribute_not_exists(member_id)", **OLD),
        put(member("m1", a=n(2)), ConditionExpression="attribute_not_exists(member_id)", **OLD),
        put(member("m1", a=n(3)), ConditionExpression="attribute_not_exists(member_id)"),
        get(),
    ],
    "a lease, taken once": [
        put(FULL),
        update("SET lease_until = :until", LEASE[1], ConditionExpression=LEASE[0], **OLD),
        update("SET lease_until = :until", LEASE[1], ConditionExpression=LEASE[0], **OLD),
        update("SET lease_until = :until", LEASE[1], "m9", ConditionExpression=LEASE[0], **OLD),
    ],
    "counters, and what is missing": [
        update(
            "SET c = if_not_exists(c, :none) + :one, created = if_not_exists(created, :now)",
            {
                ":none": n(0),
                ":one": n(1),
                ":now": n(7),
            },
        ),
        update(
            "SET c = if_not_exists(c, :none) + :one, created = if_not_exists(created, :now)",
            {
                ":none": n(0),
                ":one": n(1),
                ":now": n(8),
            },
        ),
        update("SET c = c - :much", {":much": n("2.5")}),
        update("SET d = c, c = :one", {":one": n(1)}),
        update("SET e = missing", {}),
        update("ADD c :one, f :one", {":one": n(5)}),
        update("REMOVE c, nothing SET g = :g", {":g": s("x")}),
    ],
    "sets": [
        update(
            "ADD #open :a SET expires_at = :at",
            {":a": {"SS": ["x"]}, ":at": n(9)},
            ExpressionAttributeNames={"#open": "open"},
        ),
        update("ADD #open :a", {":a": {"SS": ["x", "y"]}}, ExpressionAttributeNames={"#open": "open"}),
        update("DELETE #open :a", {":a": {"SS": ["x", "z"]}}, ExpressionAttributeNames={"#open": "open"}),
        update("DELETE #open :a", {":a": {"SS": ["y"]}}, ExpressionAttributeNames={"#open": "open"}),
        get(),
    ],
    "lists and maps": [
        put(FULL),
        update("SET parts = list_append(parts, :more)", {":more": {"L": [n(1)]}}),
        update("SET nested.deep[1] = :x, nested.#new = :x", {":x": s("y")}, ExpressionAttributeNames={"#new": "new"}),
        update("REMOVE nested.deep[0]"),
        update("SET missing.deep = :x", {":x": s("y")}),
    ],
    "an update of nothing makes an item": [update("REMOVE a", name="m5"), get("m5")],
    "deletes": [
        put(FULL),
        (
            "delete_item",
            {
                "Key": {"member_id": s("m1")},
                "ConditionExpression": "token_version = :v",
                "ExpressionAttributeValues": {":v": n(4)},
                **OLD,
            },
        ),
        ("delete_item", {"Key": {"member_id": s("m1")}, "ReturnValues": "ALL_OLD"}),
        ("delete_item", {"Key": {"member_id": s("m1")}}),
        get(),
    ],
    "the sparse index": [
        put(FULL),
        put(member("m2", refresh_shard=s("1"), refresh_at=n(40))),
        put(member("m3", refresh_shard=s("2"), refresh_at=n(40))),
        put(member("m4", refresh_at=n(40))),
        (
            "query",
            {
                "IndexName": "refresh",
                "KeyConditionExpression": "refresh_shard = :s AND refresh_at <= :b",
                "ExpressionAttributeValues": {":s": s("1"), ":b": n(50)},
            },
        ),
        (
            "query",
            {
                "IndexName": "refresh",
                "KeyConditionExpression": "refresh_shard = :s AND refresh_at <= :b",
                "ExpressionAttributeValues": {":s": s("1"), ":b": n(50)},
                "Limit": 1,
            },
        ),
        update("REMOVE refresh_shard, refresh_at", name="m2"),
        update("SET refresh_at = :at", {":at": n(60)}),
        (
            "query",
            {
                "IndexName": "refresh",
                "KeyConditionExpression": "refresh_shard = :s",
                "ExpressionAttributeValues": {":s": s("1")},
            },
        ),
    ],
    "batches": [
        (
            "batch_write_item",
            {"RequestItems": {"TABLE": [{"PutRequest": {"Item": member(f"m{i}", a=n(i))}} for i in range(4)]}},
        ),
        (
            "batch_write_item",
            {
                "RequestItems": {
                    "TABLE": [
                        {"DeleteRequest": {"Key": {"member_id": s("m0")}}},
                        {"PutRequest": {"Item": member("m9")}},
                    ]
                }
            },
        ),
        (
            "batch_get_item",
            {
                "RequestItems": {
                    "TABLE": {"Keys": [{"member_id": s(f"m{i}")} for i in (0, 1, 2, 9)], "ConsistentRead": True}
                }
            },
        ),
    ],
    "PartiQL, each statement for itself": [
        put(FULL),
        put(member("m2", version=n(1), status=s("a"))),
        (
            "batch_execute_statement",
            {
                "Statements": [
                    {
                        "Statement": 'UPDATE "TABLE" SET "status"=? SET "version"=? REMOVE "gone"'
                        ' WHERE "member_id"=? AND "version"=?',
                        "Parameters": [s("b"), n(2), s("m2"), n(1)],
                    },
                    {
                        "Statement": 'UPDATE "TABLE" SET "status"=? WHERE "member_id"=? AND "version"=?',
                        "Parameters": [s("b"), s("m1"), n(1)],
                    },
                    {
                        "Statement": 'UPDATE "TABLE" SET "status"=? WHERE "member_id"=? AND "version"=?',
                        "Parameters": [s("b"), s("m7"), n(1)],
                    },
                ]
            },
        ),
        get("m2"),
        get("m7"),
    ],
    "transactions, whole or not at all": [
        put(FULL),
        (
            "transact_write_items",
            {
                "TransactItems": [
                    {
                        "Put": {
                            "TableName": "TABLE",
                            "Item": member("m2", a=n(1)),
                            "ConditionExpression": "attribute_not_exists(member_id)",
                        }
                    },
                    {
                        "Update": {
                            "TableName": "TABLE",
                            "Key": {"member_id": s("m1")},
                            "UpdateExpression": "ADD points :p",
                            "ExpressionAttributeValues": {":p": n(5)},
                        }
                    },
                ]
            },
        ),
        (
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "TABLE", "Item": member("m3", a=n(1))}},
                    {
                        "Update": {
                            "TableName": "TABLE",
                            "Key": {"member_id": s("m1")},
                            "UpdateExpression": "ADD points :p",
                            "ConditionExpression": "points >= :least",
                            "ExpressionAttributeValues": {":p": n(-9), ":least": n(9)},
                        }
                    },
                    {
                        "ConditionCheck": {
                            "TableName": "TABLE",
                            "Key": {"member_id": s("m2")},
                            "ConditionExpression": "attribute_exists(a)",
                        }
                    },
                ]
            },
        ),
        get(),
        get("m2"),
        get("m3"),
    ],
    "comparisons": [
        put(FULL),
        *[
            update("SET z = :z", {":z": n(1), **values}, ConditionExpression=condition)
            for condition, values in (
                ("token_version BETWEEN :a AND :b", {":a": n(1), ":b": n(3)}),
                ("link_status IN (:a, :b)", {":a": s("x"), ":b": s("active")}),
                ("NOT contains(tags, :a)", {":a": s("a")}),
                ("begins_with(link_status, :a) AND size(parts) = :b", {":a": s("act"), ":b": n(2)}),
                ("attribute_exists(nested.deep[1]) AND attribute_not_exists(nested.deep[2])", {}),
                ("half < :a OR missing = :a", {":a": n("0.6")}),
                ("half = :a", {":a": n("0.50")}),
                ("link_status <> :a", {":a": s("active")}),
                ("lease_until > :a", {":a": n(9)}),
            )
        ],
    ],
}
