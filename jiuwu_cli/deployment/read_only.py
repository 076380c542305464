"""AWS clients that can only read: any other operation is refused before it leaves this machine."""

from dataclasses import replace
from typing import Any

from jiuwu_cli.deployment.stack import Stack

_READ_OPERATIONS = {"BatchGetItem", "GetItem", "Query", "GetSecretValue", "DescribeStacks"}


class WriteRefused(Exception):
    """An operation that does not read; carries its name. It is a bug of the command."""


def read_only(stack: Stack) -> Stack:
    """Return the stack with read-only clients."""
    return replace(stack, session=_ReadOnlySession(stack.session))


class _ReadOnlySession:
    def __init__(self, session: Any) -> None:  # noqa: ANN401 -- boto3.Session
        self._session = session

    def client(self, service: str, **options: Any) -> Any:  # noqa: ANN401 -- as boto3 has it
        client = self._session.client(service, **options)
        client.meta.events.register("before-call", refuse_writes)
        return client


def refuse_writes(*, model: Any, **_: object) -> None:  # noqa: ANN401 -- botocore's OperationModel
    """Raise WriteRefused for an operation that is not known to read."""
    if model.name not in _READ_OPERATIONS:
        raise WriteRefused(model.name)
