"""Which deployment a command works on: the running sandbox's or a named stack, and what it says when there is none."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal.errors import CommandError
from tests.cli.conftest import Jiuwu
from tests.orders.stored import an_order

TEMPLATE = """
Parameters:
  AppId: {Type: String}
  LatePayment: {Type: String, Default: revive}
  PaymentCheckSeconds: {Type: Number, Default: 180}
  OrderExpirySeconds: {Type: Number, Default: 1800}
Resources:
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  OrderQueue: {Value: !Ref Queue}
"""


@pytest.fixture
def deployed(aws: Callable[[str], Any], jiuwu: Jiuwu, running_sandbox: Callable[..., None], cloud: Any) -> None:
    """A stack as the sandbox deploys it, and the sandbox's file that says where."""
    with_it = {"ParameterKey": "AppId", "ParameterValue": "my-app"}
    cloudformation = aws("cloudformation")
    names = {found["StackName"] for found in cloudformation.describe_stacks()["Stacks"]}
    if "jiuwu-dev" not in names:
        cloudformation.create_stack(StackName="jiuwu-dev", TemplateBody=TEMPLATE, Parameters=[with_it])
    running_sandbox(aws_endpoint_url=cloud.endpoint_url)


@pytest.mark.usefixtures("deployed")
def test_without_a_name_it_is_the_running_sandboxs() -> None:
    found = stack.find()

    assert "my-app" == found.parameters["AppId"]
    assert found.output("OrderQueue").startswith("http")


@pytest.mark.usefixtures("deployed")
def test_the_merchants_rules_are_those_of_the_deployment() -> None:
    policy = stack.find().policy

    assert ("revive", 180, 1800) == (policy.late_payment, policy.check_seconds, policy.expiry_seconds)


@pytest.mark.usefixtures("deployed")
def test_an_output_of_a_newer_template_says_to_deploy() -> None:
    with pytest.raises(CommandError, match="has no output NewTable; deploy this version"):
        stack.find().output("NewTable")


def test_without_sandbox_and_name_it_says_what_to_give(jiuwu: Jiuwu) -> None:
    with pytest.raises(CommandError, match=r"no sandbox is running; .* --stack"):
        stack.find()


def test_a_stack_that_is_not_there_is_said_so(aws: Callable[[str], Any], jiuwu: Jiuwu) -> None:
    with pytest.raises(CommandError, match="the stack nobody cannot be read"):
        stack.find("nobody")


def test_missing_credentials_are_said_so(jiuwu: Jiuwu, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "nowhere")

    with pytest.raises(CommandError, match=r"the stack mine cannot be read \(NoCredentialsError\)"):
        stack.find("mine")


@pytest.mark.parametrize(
    ("headers", "ahead"), [({"date": "Sat, 22 Nov 2025 08:26:40 GMT"}, 240), ({}, 0)], ids=["a slow clock", "no date"]
)
def test_the_clock_is_aws_own(headers: dict[str, str], ahead: int) -> None:
    reply = {"ResponseMetadata": {"HTTPHeaders": headers}}

    assert ahead == stack.clock_offset(reply, 1_763_800_000 - 240)


def test_the_store_of_a_machine_with_a_slow_clock_stamps_by_aws_clock(
    aws: Callable[[str], Any], orders_table: str
) -> None:
    found = stack.Stack("s", {"OrdersTable": orders_table}, {}, _Session(aws), clock_offset=240)

    made = found.store.create(an_order())

    assert 238 <= made.changed_at - time.time() <= 240


class _Session:
    def __init__(self, aws: Callable[[str], Any]) -> None:
        self._aws = aws

    def client(self, service: str, **_: object) -> Any:
        return self._aws(service)
