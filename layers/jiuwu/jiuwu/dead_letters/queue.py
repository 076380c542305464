"""The dead-letter queue of a function: what failed permanently goes there, with its kind and reason."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from jiuwu.aws.sqs import attributes as sqs_attributes

from .failed_message import Kind, Record, failure_attributes

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class DeadLetterQueue:
    """Sends what `function` could not do; each method raises what SQS raises."""

    def __init__(self, sqs: "SQSClient", url: str, *, function: str) -> None:
        self._sqs, self._url, self._function = sqs, url, function

    def send_message(self, record: Record, *, kind: Kind, reason: str) -> None:
        """Send a received message as it is."""
        self._send(record["body"], failure_attributes(record, kind=kind, reason=reason, function=self._function))

    def send(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message of our own making."""
        self._send(body, {**attributes, "function": self._function})

    def _send(self, body: str, attributes: Mapping[str, str]) -> None:
        self._sqs.send_message(
            QueueUrl=self._url, MessageBody=body, MessageAttributes=cast(Any, sqs_attributes(attributes))
        )
