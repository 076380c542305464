"""A deployment for the commands: the real template's tables and queues, made by the local AWS's CloudFormation."""

import json
from typing import Any
from uuid import uuid4

from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.stack import Stack
from sandbox.cloud import template

_KINDS = ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup")
_PARAMETERS = ("AppId", "Profile", "PlatformUrl", "LatePayment", "PaymentCheckSeconds", "OrderExpirySeconds")


def deploy(aws: Any) -> Stack:
    """What the commands find under a name of its own."""
    whole, name = template.load(), f"jiuwu-{uuid4().hex[:8]}"
    kept = {id_: one for id_, one in whole["Resources"].items() if one["Type"] in _KINDS}
    part = {
        "Parameters": {parameter: whole["Parameters"][parameter] for parameter in _PARAMETERS},
        "Resources": kept,
        "Outputs": {id_: value for id_, value in whole["Outputs"].items() if id_ in kept},
    }
    given = {"AppId": "my-app", "PlatformUrl": "http://127.0.0.1:9"}
    aws("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(part),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    return stack.find(name)


def fresh(deployed: Stack, make_table: Any, *tables: str) -> None:
    """Gives a test tables of its own in the stack's place."""
    own = {name: make_table(name) for name in tables}
    object.__setattr__(deployed, "outputs", {**deployed.outputs, **own})
    deployed.__dict__.pop("store", None)
