"""Make calls to services: past the hook, into effect, past the hook again, retried as boto3 retries."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, Protocol

import botocore.session
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from sandbox.simulation.aws.values import ValidationError

type Phase = Literal["before", "after"]
type Reply = dict[str, Any]

ACCOUNT, REGION = "000000000000", "us-east-1"
# aws/clients.py: boto3's standard mode with three tries.
_TRIES = 3
_PASSING_CODES = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


class OnCall(Protocol):
    """A hook, called before each call takes effect, and again before its reply is seen.

    What it raises is what the caller gets. botocore's connection errors are retried as by boto3; raised after the
    effect, this is how a write is done twice.
    """

    def __call__(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None: ...


# A subject (a table, a queue, a bus) that is over its limit just now. Batches meet it entry by entry.
type Throttle = Callable[[str, str, str], bool]


class Calls:
    """What all clients share: the hook, the throttle, the clock, and the meters.

    `counts` are requests by (service, operation), each repeated one counted again; `units` are DynamoDB's by (table or
    table/index, "read" or "write").
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.alive: Callable[[], None] = lambda: None  # raises when the caller's process is gone
        self.on_call: OnCall = _nothing
        self.throttle: Throttle = lambda _service, _operation, _subject: False
        self.counts: Counter[tuple[str, str]] = Counter()
        self.units: Counter[tuple[str, str]] = Counter()
        self._lock = threading.RLock()

    def make(self, service: str, operation: str, act: Callable[[], Reply], request: Mapping[str, Any]) -> Reply:
        """Make one call of the application, with up to three tries like boto3."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self.once(service, operation, act, request)
            except (ConnectTimeoutError, EndpointConnectionError, HTTPClientError, ReadTimeoutError):
                if attempt == _TRIES:
                    raise
            except ClientError as error:
                if attempt == _TRIES or error.response["Error"]["Code"] not in _PASSING_CODES:
                    raise
        raise AssertionError("the last try returns or raises")

    def once(self, service: str, operation: str, act: Callable[[], Reply], request: Mapping[str, Any]) -> Reply:
        """Make one request and return its reply."""
        self.alive()  # a `finally` or `except` of a process that is gone: nothing of it gets through
        self.on_call(service, operation, "before", request)
        self.counts[service, operation] += 1
        with self._lock:
            reply = act()
        self.on_call(service, operation, "after", request)
        return reply


def _nothing(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
    """Let everything pass."""


class Client:
    """What a boto3 client of any service has."""

    service = ""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.exceptions = exceptions(self.service)

    def get_paginator(self, operation: str) -> "Paginator":
        """Return a paginator over one of our operations; raise KeyError for one that we do not page."""
        return Paginator(getattr(self, operation), *_PAGED[operation])

    def _make(self, operation: str, act: Callable[[], Reply], request: Mapping[str, Any]) -> Reply:
        return self._calls.make(self.service, operation, lambda: self._checked(operation, act), request)

    def _checked(self, operation: str, act: Callable[[], Reply]) -> Reply:
        try:
            return act()
        except ValidationError as wrong:
            raise self._error("ValidationException", str(wrong), operation) from None

    def _throttled(self, operation: str, subject: str) -> bool:
        return self._calls.throttle(self.service, operation, subject)

    def _error(self, code: str, message: str, operation: str, **more: Any) -> ClientError:  # noqa: ANN401 -- JSON
        """Return the exception that boto3 makes of such an answer."""
        name = "".join(part.capitalize() for part in operation.split("_"))
        response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
        error: ClientError = self.exceptions.from_code(code)(response, name)
        return error


# operation → (the reply's token, the request's token)
_PAGED = {
    "query": ("LastEvaluatedKey", "ExclusiveStartKey"),
    "scan": ("LastEvaluatedKey", "ExclusiveStartKey"),
    "list_objects_v2": ("NextContinuationToken", "ContinuationToken"),
}


class Paginator:
    """Page after page of an operation."""

    def __init__(self, operation: Callable[..., Reply], reply_token: str, request_token: str) -> None:
        self._operation, self._reply_token, self._request_token = operation, reply_token, request_token

    def paginate(self, **request: Any) -> Iterator[Reply]:  # noqa: ANN401 -- the operation's own
        while True:
            reply = self._operation(**request)
            yield reply
            if self._reply_token not in reply:
                return
            request[self._request_token] = reply[self._reply_token]


@cache
def exceptions(service: str) -> Any:  # noqa: ANN401 -- botocore makes these classes
    """Return a service's exception classes, made by botocore from its model of the service."""
    model = botocore.session.get_session().get_service_model(service)
    return ClientExceptionsFactory().create_client_exceptions(model)
