"""Find a deployment, in an AWS account or in the running sandbox, and open its tables and clients.

The commands use the layer's code with the operator's permissions, so that orders change in one way only.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
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
from jiuwu.runtime import Runtime
from jiuwu_cli.deployment import sandbox_state
from jiuwu_cli.terminal import inputs
from jiuwu_cli.terminal.errors import CommandError

# The sandbox deploys under the name that samconfig.toml has for dev; its AWS accepts any credentials.
_SANDBOX_STACK = "jiuwu-dev"
_SANDBOX_KEYS: dict[str, Any] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}
# A write of an order ends well before jiuwu.orders.listing.MAX_WRITE_SECONDS, with all of its tries.
_ORDER_TIMEOUTS = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
_TIMEOUTS = Config(connect_timeout=3, read_timeout=65, retries={"mode": "standard", "total_max_attempts": 4})


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its name, outputs and parameters."""

    name: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    session: Any = field(repr=False)
    endpoint_url: str | None = None
    clock_offset: float = 0  # seconds that AWS's clock is ahead of this machine's

    def output(self, name: str) -> str:
        """Return an output. Raise CommandError if the stack was deployed from a template without it."""
        if name not in self.outputs:
            raise CommandError(
                f"the stack {self.name} has no output {name}", "deploy this version of template.yaml first"
            )
        return self.outputs[name]

    def client(self, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
        """Return a boto3 client with the operator's permissions."""
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_TIMEOUTS)

    @cached_property
    def store(self) -> OrderStore:
        """Return the order repository. It stamps changes by AWS's clock, since this machine's may be minutes off."""
        dynamodb = self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=_ORDER_TIMEOUTS)
        runtime = Runtime(clock=lambda: time.time() + self.clock_offset)
        return OrderStore(dynamodb, self.output("OrdersTable"), runtime=runtime)

    @property
    def dead_letters(self) -> DeadLetterRepository:
        """Return the dead-letter repository."""
        return DeadLetterRepository(self.client("dynamodb"), self.output("DeadLettersTable"))

    @cached_property
    def policy(self) -> Policy:
        """Return the merchant's rules, as the functions use them."""
        given = self.parameters
        return Policy(
            late_payment=cast("Literal['refund', 'revive']", given["LatePayment"]),
            check_seconds=int(given["PaymentCheckSeconds"]),
            expiry_seconds=int(given["OrderExpirySeconds"]),
        )

    @cached_property
    def profile(self) -> Profile:
        """Return the profile that the stack was deployed with."""
        return inputs.read_profile(self.parameters["Profile"])

    @cached_property
    def platform(self) -> PlatformClient:
        """Return the platform's client. It reads the functions' app secret at the first call."""
        name = self.parameters["AppSecretName"]
        secrets = SecretReader(self.client("secretsmanager"), name, on_failure=_ignore_failure)
        return PlatformClient(
            self.profile,
            base_url=self.parameters["PlatformUrl"],
            app_id=self.parameters["AppId"],
            secrets=signing_secrets(secrets),
        )


def _ignore_failure(problem: SecretUnavailable, *, has_good: bool) -> None:
    """Count nothing: a command has no metrics, and the failing call gives the reason."""


def find(name: str | None = None) -> Stack:
    """Return the stack of this name in the account of the shell's credentials, else the running sandbox's.

    Raise CommandError if there is none, or AWS refuses the lookup.
    """
    sandbox = None if name else sandbox_state.find()
    if not name and (sandbox is None or not sandbox.aws_endpoint_url):
        raise CommandError(
            "no sandbox is running", f"{sandbox_state.START_HINT}, or give --stack with the name of your deployment"
        )
    endpoint_url = sandbox.aws_endpoint_url if sandbox else None
    keys = _SANDBOX_KEYS if sandbox else {}
    return _describe(name or _SANDBOX_STACK, endpoint_url, boto3.Session(**keys))


@contextmanager
def report_aws_errors(found: Stack) -> Iterator[None]:
    """Turn an AWS error in the body into a CommandError that names the operation."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        hint = "check the permissions of your AWS credentials, and that this version of the stack is deployed"
        raise CommandError(f"{found.name}: AWS refused {error.operation_name} ({code})", hint) from None
    except (BotoCoreError, TableBusy, TableRefused) as error:
        raise CommandError(f"{found.name}: AWS does not answer ({type(error).__name__})", "try again") from None


def _describe(name: str, endpoint_url: str | None, session: Any) -> Stack:  # noqa: ANN401 -- boto3.Session
    try:
        cloudformation = session.client("cloudformation", endpoint_url=endpoint_url, config=_TIMEOUTS)
        reply = cloudformation.describe_stacks(StackName=name)
        (found,) = reply["Stacks"]
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        hint = "check --stack, AWS_REGION and AWS_PROFILE"
        raise CommandError(f"the stack {name} cannot be read ({code})", hint) from None
    except BotoCoreError as error:
        hint = "set AWS_REGION and AWS_PROFILE, or log in"
        raise CommandError(f"the stack {name} cannot be read ({type(error).__name__})", hint) from None
    return Stack(
        name,
        {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())},
        {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found.get("Parameters", ())},
        session,
        endpoint_url,
        clock_offset(reply, time.time()),
    )


def clock_offset(reply: Mapping[str, Any], now: float) -> float:
    """Return how many seconds AWS's clock is ahead, by the Date of a reply that came just now; 0 if it has none."""
    date = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date).timestamp() - now if date else 0
