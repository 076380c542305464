"""SQS: standard queues with delay, visibility, and a dead-letter queue after so many receives."""

# ruff: noqa: N803 -- boto3's names

import hashlib
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulation.aws.calls import ACCOUNT, REGION, Calls, Client, Reply

_MAX_BYTES = 1024 * 1024
_MAX_DELAY_SECONDS = 900
_ATTRIBUTES_AT_MOST = 10
_AT_ONCE = 10

type Message = dict[str, Any]
type Attributes = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class QueuedMessage:
    """A message on a queue; a receive hides it until `visible_at`. The handle changes with each receive."""

    message_id: str
    body: str
    attributes: Attributes
    sent_at: float
    visible_at: float
    first_received_at: float = 0.0
    receives: int = 0
    handle: str = ""


@dataclass(slots=True)
class Queue:
    """A queue as the template's properties define it."""

    name: str
    visibility: int = 30
    delay: int = 0
    dead_letters: str = ""
    most_receives: int = 0
    messages: dict[str, QueuedMessage] = field(default_factory=dict)
    heap: list[tuple[float, int, str]] = field(default_factory=list)
    on_sent: Callable[[float], None] = lambda _visible_at: None

    @property
    def url(self) -> str:
        return f"http://sqs.memory/{ACCOUNT}/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"

    def put(self, message: QueuedMessage, number: int) -> None:
        """Add a message; receives find it from its visible_at on."""
        self.messages[message.message_id] = message
        heapq.heappush(self.heap, (message.visible_at, number, message.message_id))
        self.on_sent(message.visible_at)

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return (visible, in flight, delayed)."""
        visible = sum(one.visible_at <= now for one in self.messages.values())
        delayed = sum(one.visible_at > now and not one.receives for one in self.messages.values())
        return visible, len(self.messages) - visible - delayed, delayed


class SQS(Client):
    """The client: queues by their URL."""

    service = "sqs"

    def __init__(self, calls: Calls, queues: dict[str, Queue]) -> None:
        super().__init__(calls)
        self._queues = queues
        self._numbers = 0

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int | None = None,
        MessageAttributes: Attributes | None = None,
    ) -> Reply:
        request = {"QueueUrl": QueueUrl, "MessageBody": MessageBody}
        return self._make(
            "send_message", lambda: self._send(QueueUrl, MessageBody, DelaySeconds, MessageAttributes or {}), request
        )

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> Reply:
        request = {"QueueUrl": QueueUrl, "Entries": Entries}
        return self._make("send_message_batch", lambda: self._send_batch(QueueUrl, Entries), request)

    def receive_message(  # noqa: PLR0913 -- boto3's
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: int | None = None,
        WaitTimeSeconds: int = 0,  # noqa: ARG002 -- who waits here moves the clock
        AttributeNames: Sequence[str] = (),
        MessageSystemAttributeNames: Sequence[str] = (),
        MessageAttributeNames: Sequence[str] = (),
    ) -> Reply:
        request = {"QueueUrl": QueueUrl, "MaxNumberOfMessages": MaxNumberOfMessages}
        wanted = (*AttributeNames, *MessageSystemAttributeNames)
        return self._make(
            "receive_message",
            lambda: self._receive(QueueUrl, MaxNumberOfMessages, VisibilityTimeout, wanted, MessageAttributeNames),
            request,
        )

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> Reply:
        request = {"QueueUrl": QueueUrl, "ReceiptHandle": ReceiptHandle}
        return self._make("delete_message", lambda: self._delete(QueueUrl, ReceiptHandle), request)

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> Reply:
        def act() -> Reply:
            for entry in Entries:
                self._delete(QueueUrl, entry["ReceiptHandle"])
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

        return self._make("delete_message_batch", act, {"QueueUrl": QueueUrl, "Entries": Entries})

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> Reply:
        request = {"QueueUrl": QueueUrl, "ReceiptHandle": ReceiptHandle, "VisibilityTimeout": VisibilityTimeout}
        return self._make(
            "change_message_visibility", lambda: self._hide(QueueUrl, ReceiptHandle, VisibilityTimeout), request
        )

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str] = ()) -> Reply:
        request = {"QueueUrl": QueueUrl, "AttributeNames": AttributeNames}
        return self._make("get_queue_attributes", lambda: self._described(QueueUrl, AttributeNames), request)

    def queue(self, url: str) -> Queue:
        """Return the queue under a URL."""
        queue = self._queues.get(url)
        if queue is None:
            raise self._error("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", "queue")
        return queue

    def _send(self, url: str, body: str, delay: int | None, attributes: Attributes) -> Reply:
        queue, now = self.queue(url), self._calls.clock()
        if self._throttled("send_message", queue.name):
            raise self._error("RequestThrottled", "Request is throttled.", "send_message")
        self._refuse(body, delay, attributes)
        self._numbers += 1
        held = QueuedMessage(
            _message_id(self._numbers), body, attributes, now, now + (queue.delay if delay is None else delay)
        )
        queue.put(held, self._numbers)
        return {"MessageId": held.message_id, "MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest()}

    def _refuse(self, body: str, delay: int | None, attributes: Attributes) -> None:
        size = len(body.encode()) + sum(len(k) + len(str(v.get("StringValue", ""))) for k, v in attributes.items())
        if not body or size > _MAX_BYTES or len(attributes) > _ATTRIBUTES_AT_MOST:
            raise self._error(
                "InvalidParameterValue", "the message is empty, too large or has too many attributes", "send_message"
            )
        if delay is not None and not 0 <= delay <= _MAX_DELAY_SECONDS:
            raise self._error(
                "InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is invalid.", "send_message"
            )
        texts = [body, *(str(one.get("StringValue", "-")) for one in attributes.values())]
        if not all(map(_allowed, texts)):
            raise self._error("InvalidMessageContents", "Invalid characters found.", "send_message")

    def _send_batch(self, url: str, entries: Sequence[Mapping[str, Any]]) -> Reply:
        if not 1 <= len(entries) <= _AT_ONCE:
            raise self._error(
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "1 to 10 entries", "send_message_batch"
            )
        if len({entry["Id"] for entry in entries}) != len(entries):
            raise self._error("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "ids repeat", "send_message_batch")
        reply: Reply = {"Successful": []}
        for entry in entries:
            if self._throttled("send_message_batch", self.queue(url).name):
                failed = {"Id": entry["Id"], "SenderFault": False, "Code": "RequestThrottled"}
                reply.setdefault("Failed", []).append(failed)
                continue
            sent = self._send(url, entry["MessageBody"], entry.get("DelaySeconds"), entry.get("MessageAttributes", {}))
            reply["Successful"].append({"Id": entry["Id"], **sent})
        return reply

    def _receive(
        self, url: str, most: int, visibility: int | None, wanted: Sequence[str], attributes: Sequence[str]
    ) -> Reply:
        queue = self.queue(url)
        found = self.take(queue, most, queue.visibility if visibility is None else visibility)
        messages = [_shown(one, wanted, attributes) for one in found]
        return {"Messages": messages} if messages else {}

    def take(self, queue: Queue, most: int, visibility: int) -> list[QueuedMessage]:
        """Receive up to `most` visible messages and hide them for `visibility` seconds.

        One received too often moves to the dead-letter queue instead.
        """
        now, found = self._calls.clock(), list[QueuedMessage]()
        while queue.heap and queue.heap[0][0] <= now and len(found) < most:
            visible_at, _, message_id = heapq.heappop(queue.heap)
            held = queue.messages.get(message_id)
            if held is None or held.visible_at != visible_at:
                continue  # deleted, or hidden again since
            if queue.most_receives and held.receives >= queue.most_receives:
                self._dead_letter(queue, held)
                continue
            held.receives += 1
            held.first_received_at = held.first_received_at or now
            self._numbers += 1
            held.handle, held.visible_at = f"{queue.name}:{held.message_id}:{self._numbers}", now + visibility
            heapq.heappush(queue.heap, (held.visible_at, self._numbers, message_id))
            found.append(held)
        return found

    def _dead_letter(self, queue: Queue, held: QueuedMessage) -> None:
        del queue.messages[held.message_id]
        self._numbers += 1
        dead_letters = next(one for one in self._queues.values() if one.name == queue.dead_letters)
        held.visible_at, held.receives, held.handle = self._calls.clock(), 0, ""
        dead_letters.put(held, self._numbers)

    def _delete(self, url: str, handle: str) -> Reply:
        """Delete a message; an older handle of one that was received again deletes nothing."""
        queue, message_id = self.queue(url), handle.split(":")[1]
        if message_id in queue.messages and queue.messages[message_id].handle == handle:
            del queue.messages[message_id]
        return {}

    def _hide(self, url: str, handle: str, seconds: int) -> Reply:
        queue, message_id = self.queue(url), handle.split(":")[1]
        held = queue.messages.get(message_id)
        if held is None or held.handle != handle:
            raise self._error("InvalidParameterValue", "the message is not in flight", "change_message_visibility")
        held.visible_at = self._calls.clock() + seconds
        self._numbers += 1
        heapq.heappush(queue.heap, (held.visible_at, self._numbers, message_id))
        queue.on_sent(held.visible_at)
        return {}

    def _described(self, url: str, wanted: Sequence[str]) -> Reply:
        queue = self.queue(url)
        visible, in_flight, delayed = queue.counts(self._calls.clock())
        known = {
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
            "QueueArn": queue.arn,
            "VisibilityTimeout": str(queue.visibility),
        }
        return {"Attributes": known if "All" in wanted else {name: known[name] for name in wanted}}


def _message_id(number: int) -> str:
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _allowed(text: str) -> bool:
    """SQS: #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."""
    if text.isascii():
        return text.isprintable() or all(c >= " " or c in "\t\n\r" for c in text)
    return all(c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" for c in text)


def _shown(held: QueuedMessage, wanted: Sequence[str], attributes: Sequence[str]) -> Message:
    system = {
        "ApproximateReceiveCount": str(held.receives),
        "SentTimestamp": str(int(held.sent_at * 1000)),
        "ApproximateFirstReceiveTimestamp": str(int(held.first_received_at * 1000)),
    }
    chosen = system if "All" in wanted else {name: system[name] for name in wanted if name in system}
    own = {
        name: one
        for name, one in held.attributes.items()
        if "All" in attributes or ".*" in attributes or name in attributes
    }
    message: Message = {
        "MessageId": held.message_id,
        "ReceiptHandle": held.handle,
        "Body": held.body,
        "MD5OfBody": hashlib.md5(held.body.encode()).hexdigest(),
    }
    return message | ({"Attributes": chosen} if chosen else {}) | ({"MessageAttributes": own} if own else {})
