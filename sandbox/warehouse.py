"""The merchant's warehouse: a queue that receives every ship request on the merchant's bus."""

import json

from sandbox.cloud import ministack
from sandbox.cloud.stack import Stack


def open_queue(stack: Stack) -> str:
    """Connect a new queue to the bus, as a merchant would; return the queue's URL."""
    url, arn = _queue(stack)
    bus, events = stack.outputs["TradeBusName"], stack.client("events")
    pattern = json.dumps({"source": ["jiuwu-connect"], "detail-type": ["ship.requested"]})
    rule = events.put_rule(Name="warehouse", EventBusName=bus, EventPattern=pattern)["RuleArn"]
    _allow(stack, url, arn, rule)
    events.put_targets(Rule="warehouse", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _queue(stack: Stack) -> tuple[str, str]:
    sqs = stack.client("sqs")
    url: str = sqs.create_queue(QueueName="warehouse")["QueueUrl"]
    return url, f"arn:aws:sqs:{ministack.REGION}:{ministack.ACCOUNT}:warehouse"


def _allow(stack: Stack, url: str, arn: str, rule: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stack.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
