"""boto3 clients, one per service and process."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Every caller has a deadline of its own (5 s for the platform's notifications): short waits and three tries with
# jitter end well before it, and a batch of threads finds a connection each.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    max_pool_connections=16,
    retries={"mode": "standard", "total_max_attempts": 3},
)
# Read in the middle of a request, even where the last good secret would do: two tries leave the request its time.
_SECRETS = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})


@cache
def client(service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
    """Return the process's client of an AWS service, by boto3's name for it."""
    config = _SECRETS if service == "secretsmanager" else _CONFIG
    return boto3.client(service, config=config)  # type: ignore[call-overload]


def describe_error(error: BaseException) -> str:
    """Return the class of an error, and AWS's code where that says more, for a log line.

    Its message stays out, since it could quote what was sent.
    """
    kind = type(error).__name__
    code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
    return kind if code in {"", kind} else f"{kind} {code}"
