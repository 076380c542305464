"""A deployment with orders, members and points for the commands that change them."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from jiuwu.orders.repository import OrderStore
from jiuwu.points.ledger import PointsLedger

TEMPLATE = """
Parameters:
  LatePayment: {Type: String, Default: refund}
  PaymentCheckSeconds: {Type: Number, Default: 180}
  OrderExpirySeconds: {Type: Number, Default: 1800}
Resources:
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  EffectQueue: {Value: !Ref Queue}
"""


@pytest.fixture(scope="module")
def shop(aws: Callable[[str], Any], make_table: Callable[[str], str]) -> SimpleNamespace:
    """A stack of its own with the tables that the template defines."""
    name, cloudformation = f"shop-{uuid4().hex[:8]}", aws("cloudformation")
    tables = {table: make_table(table) for table in ("OrdersTable", "MembersTable", "PointsTable")}
    outputs = "".join(f"  {logical}: {{Value: {table}}}\n" for logical, table in tables.items())
    cloudformation.create_stack(StackName=name, TemplateBody=TEMPLATE + outputs)
    found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    queue = next(one["OutputValue"] for one in found if one["OutputKey"] == "EffectQueue")
    return SimpleNamespace(
        name=name,
        dynamodb=aws("dynamodb"),
        tables=tables,
        store=OrderStore(aws("dynamodb"), tables["OrdersTable"]),
        ledger=PointsLedger(aws("dynamodb"), tables["PointsTable"]),
        queued=lambda: [
            json.loads(message["Body"])["order_no"]
            for message in aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ],
    )
