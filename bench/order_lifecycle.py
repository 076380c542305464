"""DynamoDB requests and units of an order's whole lifecycle: created, paid, shipped, completed.

Ours runs the real functions on the in-memory AWS, which bills by DynamoDB's published rules and is compared with the
local AWS by its tests. Beside it the same lifecycle in the usual way: each step is a handler under Powertools'
idempotency, with one update of the order. It has fewer steps than ours, which also updates the platform.
"""

import os
import warnings
from typing import Any

from sandbox.shop import products
from sandbox.simulation.aws.account import Account
from sandbox.simulation.aws.tables import Table
from sandbox.simulation.world.actors import Member, add_products
from sandbox.simulation.world.clock import Clock
from sandbox.simulation.world.world import START, World, simulated_world
from sandbox.simulator.actions import Actions

_STEPS = ("created", "paid", "shipped", "completed")

type Usage = dict[str, float]


def run() -> dict[str, Usage]:
    """Return the requests to DynamoDB and units of one order's lifecycle, ours and the peer's."""
    return {"jiuwu-connect": _ours(), "Powertools": _peer()}


def _ours() -> Usage:
    with simulated_world() as built:
        add_products(built)
        member = Member(built, "ou_bench")
        member.log_in()
        built.start(off=["TokenRefresher", "Reconciler", "DailyStatement", "ProductSync"])
        before = _used(built.account)
        _run_ours(built, built.platform.actions, member)
        return _difference(before, _used(built.account))


def _run_ours(built: World, actions: Actions, member: Member) -> None:
    order_no = member.place("bench", [{"product_id": products.ALL[0].product_id, "quantity": 1}])
    for step in (actions.pay, actions.complete):
        step(order_no)
        built.clock.run(built.clock.now + 60)
    item = built.account.client("dynamodb").get_item(TableName="OrdersTable", Key={"order_no": {"S": order_no}})["Item"]
    if item["status"]["S"] != "completed":
        raise AssertionError(f"the order ended as {item['status']['S']}")


def _used(account: Account) -> Usage:
    """Return the order's own writes, and all: the rate limit leases tokens for many calls at once."""
    units = account.calls.units
    written = {name: used for (name, kind), used in units.items() if kind == "write"}
    table = written.get("OrdersTable", 0) + written.get("Idempotency", 0)
    indexes = sum(used for name, used in written.items() if name.startswith("OrdersTable/"))
    return {
        "requests": sum(count for (service, _), count in account.calls.counts.items() if service == "dynamodb"),
        "write units of the order": table + indexes,
        "of these for indexes": indexes,
        "write units in all": sum(written.values()),
        "read units in all": sum(used for (_, kind), used in units.items() if kind == "read"),
    }


def _difference(before: Usage, after: Usage) -> Usage:
    return {name: after[name] - before[name] for name in after}


def _peer() -> Usage:
    """Run the peer, whose order has no indexes: it never queries orders by time or day."""
    account = Account(Clock(START))
    account.tables = {
        name: Table.defined(
            name,
            {
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            },
        )
        for name, key in (("OrdersTable", "order_no"), ("Idempotency", "id"))
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no Lambda context here
        _run_usual_way(_usual_way(account.client("dynamodb")))
    return _used(account)


def _run_usual_way(handle: Any) -> None:  # noqa: ANN401 -- Powertools' own
    for step in _STEPS:
        handle(body={"event_id": f"evt-{step}", "order_no": "JWBENCH", "status": step})


def _usual_way(dynamodb: Any) -> Any:  # noqa: ANN401 -- a boto3 client, and Powertools' own
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # Powertools' idempotency wants the region at import
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer,
        IdempotencyConfig,
        idempotent_function,
    )

    def step(body: dict[str, str]) -> dict[str, str]:
        dynamodb.update_item(
            TableName="OrdersTable",
            Key={"order_no": {"S": body["order_no"]}},
            UpdateExpression="SET #status = :status, history = list_append(if_not_exists(history, :none), :line)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":status": {"S": body["status"]},
                ":line": {"L": [{"S": body["event_id"]}]},
                ":none": {"L": []},
            },
        )
        return {"status": body["status"]}

    store = DynamoDBPersistenceLayer(table_name="Idempotency", boto3_client=dynamodb)
    config = IdempotencyConfig(event_key_jmespath="event_id")
    return idempotent_function(step, data_keyword_argument="body", persistence_store=store, config=config)
