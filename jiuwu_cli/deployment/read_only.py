"""AWS clients that can only read: whatever else is asked of them is refused before it leaves this machine."""

from dataclasses import replace
from typing import Any

from jiuwu_cli.deployment.stack import Stack

_READS = {"BatchGetItem", "GetItem", "Query", "GetSecretValue", "DescribeStacks"}


class WouldWrite(Exception):
    """A call that is no reading; carries its name. Our mistake, never the operator's."""


def reading(stack: Stack) -> Stack:
    """The stack with clients of this kind."""
    return replace(stack, session=_ReadingSession(stack.session))


class _ReadingSession:
    def __init__(self, session: Any) -> None:  # noqa: ANN401 -- boto3.Session
        self._session = session

    def client(self, service: str, **options: Any) -> Any:  # noqa: ANN401 -- as boto3 has it
        client = self._session.client(service, **options)
        client.meta.events.register("before-call", refuse_writing)
        return client


def refuse_writing(*, model: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's OperationModel
    """Raises WouldWrite for an operation that is not known to read."""
    if model.name not in _READS:
        raise WouldWrite(model.name)
