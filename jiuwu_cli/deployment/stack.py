"""A deployment, for the commands that work on its tables: the running sandbox's, or one in an AWS account.

They use the layer's own code with the operator's own rights, so there is one way in which an order changes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws.dynamodb import TableBusy
from jiuwu.aws.secrets import SecretReader, SecretUnavailable
from jiuwu.bootstrap import signing_secrets
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.profile import Profile
from jiuwu_cli.deployment import sandbox_state
from jiuwu_cli.terminal import inputs
from jiuwu_cli.terminal.errors import Problem

# The sandbox deploys under samconfig's name for dev; its AWS takes any credentials.
_SANDBOX_STACK = "jiuwu-dev"
_SANDBOX_KEYS: dict[str, Any] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}
_PATIENCE = Config(connect_timeout=3, read_timeout=65, retries={"mode": "standard", "total_max_attempts": 4})


@dataclass(frozen=True)
class Stack:
    """A stack's name, its outputs and the parameters that it was deployed with."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    session: Any = field(repr=False)
    endpoint_url: str | None = None

    def output(self, name: str) -> str:
        """One output; raises Problem when the stack was deployed from a template that had none of this name."""
        if name not in self.outputs:
            raise Problem(f"the stack {self.name} has no output {name}", "deploy this version of template.yaml first")
        return self.outputs[name]

    def client(self, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
        """A boto3 client with the operator's rights."""
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_PATIENCE)

    @cached_property
    def store(self) -> OrderStore:
        """The orders."""
        return OrderStore(self.client("dynamodb"), self.output("OrdersTable"))

    @property
    def shelf(self) -> DeadLetterRepository:
        """The dead letters."""
        return DeadLetterRepository(self.client("dynamodb"), self.output("DeadLettersTable"))

    @cached_property
    def policy(self) -> Policy:
        """The merchant's rules, as the functions have them."""
        given = self.parameters
        return Policy(
            late_payment=cast("Literal['refund', 'revive']", given["LatePayment"]),
            check_seconds=int(given["PaymentCheckSeconds"]),
            expiry_seconds=int(given["OrderExpirySeconds"]),
        )

    @cached_property
    def profile(self) -> Profile:
        """The profile that the stack was deployed with."""
        return inputs.read_profile(self.parameters["Profile"])

    @cached_property
    def platform(self) -> PlatformClient:
        """The platform's calls, signed with the secret that the functions use; read when the first call is made."""
        name = self.parameters["AppSecretName"]
        secrets = SecretReader(self.client("secretsmanager"), name, on_failure=_uncounted)
        return PlatformClient(
            self.profile,
            base_url=self.parameters["PlatformUrl"],
            app_id=self.parameters["AppId"],
            secrets=signing_secrets(secrets),
        )


def _uncounted(problem: SecretUnavailable, *, has_good: bool) -> None:
    """Count nothing: a command has no metrics, and the call that fails says why."""


def find(name: str | None = None) -> Stack:
    """The stack of this name in the account of the shell's credentials; without a name the running sandbox's.

    Raises Problem when there is none, or AWS does not let us look.
    """
    sandbox = None if name else sandbox_state.find()
    if not name and (sandbox is None or not sandbox.aws_endpoint_url):
        raise Problem(
            "no sandbox is running", f"{sandbox_state.START}, or give --stack with the name of your deployment"
        )
    endpoint_url = sandbox.aws_endpoint_url if sandbox else None
    keys = _SANDBOX_KEYS if sandbox else {}
    return _describe(name or _SANDBOX_STACK, endpoint_url, boto3.Session(**keys))


@contextmanager
def answering(found: Stack) -> Iterator[None]:
    """Whatever AWS refuses in here ends the command with one line that says what."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        cure = "check what your AWS credentials may do, and that the stack is deployed from this version"
        raise Problem(f"{found.name}: AWS refused {error.operation_name} ({code})", cure) from None
    except (BotoCoreError, TableBusy, TableRefused) as error:
        raise Problem(f"{found.name}: AWS does not answer ({type(error).__name__})", "try again") from None


def _describe(name: str, endpoint_url: str | None, session: Any) -> Stack:  # noqa: ANN401 -- boto3.Session
    try:
        cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=_PATIENCE)
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        cure = "check --stack, AWS_REGION and AWS_PROFILE"
        raise Problem(f"the stack {name} cannot be read ({code})", cure) from None
    except BotoCoreError as error:
        cure = "set AWS_REGION and AWS_PROFILE, or log in"
        raise Problem(f"AWS cannot be asked for the stack {name} ({type(error).__name__})", cure) from None
    return Stack(
        name,
        {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())},
        {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found.get("Parameters", ())},
        session,
        endpoint_url,
    )
