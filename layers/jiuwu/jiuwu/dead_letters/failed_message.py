"""A message that failed permanently, as it arrives from a dead-letter queue: what it was, and why it failed."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jiuwu.platform.decoding import decode
from jiuwu.platform.profile import lookup

if TYPE_CHECKING:
    from jiuwu.platform.profile.contract import Profile

# The queues that messages come from and are redriven to, and the intake, which quarantines before any queue.
ORDERS, EFFECTS, COMMUNITY, INTAKE = "OrderQueue", "EffectQueue", "CommunityQueue", "WebhookIntake"
_MAX_KEY_CHARACTERS = 128
# What a message takes along to a dead-letter queue, in this order as far as SQS's ten attributes reach.
_KEPT_ATTRIBUTES = ("event_id", "event_type", "received_at", "delivery_id", "headers", "redriven_from")
_ATTRIBUTES = 10
_MAX_REASON_CHARACTERS = 1000

type Record = Mapping[str, Any]


class Kind(StrEnum):
    """The reason why a message failed permanently."""

    POISON = "poison"  # it can never succeed
    EXHAUSTED = "exhausted"  # it kept failing
    QUARANTINED = "quarantined"  # it passed the signature but is not as the profile describes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """The facts of a message that failed permanently.

    `body` holds the original bytes, `headers` JSON without the signature; a fact that is not known is empty.
    """

    source: str
    kind: Kind
    reason: str
    function: str
    body: bytes
    event_id: str = ""
    event_type: str = ""
    order_no: str = ""
    effect: str = ""
    delivery_id: str = ""
    headers: str = ""
    redriven_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessage(MessageFacts):
    """One message that failed permanently.

    `at` and `received_at` are Unix seconds: when it is kept, and when the platform's notification first came.
    `message_id` is SQS's: the same id is the same failure.
    """

    message_id: str
    attempts: int
    at: int
    received_at: int


def read(record: Record, *, source: str, profile: "Profile", now: int) -> FailedMessage:
    """Return the failed message in a record of Lambda's SQS event; every message in the queue is one."""
    sent = attributes(record)
    body = _bytes(record["body"], sent.get("encoding", ""))
    effect = sent.get("effect", "")
    return FailedMessage(
        message_id=record["messageId"],
        source=source,
        kind=_kind(sent),
        reason=sent.get("reason") or f"gave_up: {source} handed it out again and again, and nobody took it",
        function=sent.get("function", ""),
        attempts=_attempts(record, sent),
        body=body,
        at=now,
        received_at=_received_at(record, sent, now),
        event_id=sent.get("event_id", ""),
        event_type=sent.get("event_type", ""),
        order_no=sent.get("order_no") or _order_no(body, source, profile),
        effect=effect,
        delivery_id=sent.get("delivery_id", ""),
        headers=sent.get("headers", ""),
        redriven_from=sent.get("redriven_from", ""),
    )


def attributes(record: Record) -> dict[str, str]:
    """Return the text attributes of a message as Lambda delivers it."""
    found: Mapping[str, Mapping[str, str]] = record.get("messageAttributes") or {}
    return {name: attribute["stringValue"] for name, attribute in found.items() if attribute.get("stringValue")}


def failure_attributes(record: Record, *, kind: Kind, reason: str, function: str) -> dict[str, str]:
    """Return the attributes of a message that `function` sends to its dead-letter queue: the failure, and as many of
    its own as fit."""
    sent = attributes(record)
    tried = str(received(record))
    ours = {"kind": kind.value, "reason": reason[:_MAX_REASON_CHARACTERS], "function": function, "attempts": tried}
    names = sorted(sent.keys() - ours.keys(), key=lambda name: (name not in _KEPT_ATTRIBUTES, name))
    return {name: sent[name] for name in names[: _ATTRIBUTES - len(ours)]} | ours


def _kind(sent: Mapping[str, str]) -> Kind:
    kind = sent.get("kind", Kind.EXHAUSTED)  # SQS itself writes none
    return Kind(kind) if kind in Kind else Kind.POISON


def _attempts(record: Record, sent: Mapping[str, str]) -> int:
    """Return the number of attempts: what a function says that gave up, else SQS's count without this receipt."""
    if sent.get("attempts", "").isdecimal():
        return int(sent["attempts"])
    return 1 if "kind" in sent else max(1, received(record) - 1)


def received(record: Record) -> int:
    """Return how often SQS has delivered a message, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))


def _received_at(record: Record, sent: Mapping[str, str], now: int) -> int:
    try:
        return int(float(sent["received_at"]))
    except (KeyError, ValueError, OverflowError):
        return int(record.get("attributes", {}).get("SentTimestamp", now * 1000)) // 1000


def _bytes(body: str, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode("" if body == "=" else body, validate=True)  # "=": there were no bytes
        except ValueError:
            pass  # not of our making: kept as it is
    return body.encode("utf-8", "surrogatepass")


def _order_no(body: bytes, source: str, profile: "Profile") -> str:
    """Return the order that it is about, if it names one; nothing else of the body is read."""
    try:
        found = decode(body)
    except ValueError:
        return ""
    theirs = profile.notification.fields.data, profile.fields.event.out_order_no
    path = "order_no" if source == EFFECTS else ".".join(filter(None, theirs))
    number = lookup(found, path)
    printable = isinstance(number, str) and number.isascii() and number.isprintable()
    return number if printable and 0 < len(number) <= _MAX_KEY_CHARACTERS else ""
