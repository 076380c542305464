"""A message that was given up, as it arrives from a dead-letter queue: who it was, and what it died of."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jiuwu.platform.decoding import decode
from jiuwu.platform.profile import lookup

if TYPE_CHECKING:
    from jiuwu.platform.profile.contract import Profile

# The queues that letters come from and are sent back to, and the intake, which quarantines before any queue.
ORDERS, EFFECTS, COMMUNITY, INTAKE = "OrderQueue", "EffectQueue", "CommunityQueue", "WebhookIntake"
_LONGEST_KEY = 128
# What goes on with a message when somebody gives it up, in this order as far as SQS's ten attributes reach.
_GOES_ON = ("event_id", "event_type", "received_at", "delivery_id", "headers", "redriven_from")
_ATTRIBUTES = 10
_LONGEST_REASON = 1000

type Record = Mapping[str, Any]


class Kind(StrEnum):
    """Why a message was given up."""

    POISON = "poison"  # it can never succeed
    EXHAUSTED = "exhausted"  # it kept failing
    QUARANTINED = "quarantined"  # it passed the signature but is not as the profile describes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """What a message that was given up tells of itself. `body` holds the original bytes, `headers` JSON without the
    signature; empty is what it does not have."""

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
    """One message that was given up.

    `at` and `received_at` are Unix seconds: when it is kept, and when the platform's notification first came.
    `message_id` is SQS's: the same again is the same death.
    """

    message_id: str
    attempts: int
    at: int
    received_at: int


def read(record: Record, *, source: str, profile: "Profile", now: int) -> FailedMessage:
    """The death that a record of Lambda's SQS event tells of; whatever lies in the queue is one."""
    told = attributes(record)
    body = _bytes(record["body"], told.get("encoding", ""))
    effect = told.get("effect", "")
    return FailedMessage(
        message_id=record["messageId"],
        source=source,
        kind=_kind(told),
        reason=told.get("reason") or f"gave_up: {source} handed it out again and again, and nobody took it",
        function=told.get("function", ""),
        attempts=_attempts(record, told),
        body=body,
        at=now,
        received_at=_received_at(record, told, now),
        event_id=told.get("event_id", ""),
        event_type=told.get("event_type", ""),
        order_no=told.get("order_no") or _order_no(body, source, profile),
        effect=effect,
        delivery_id=told.get("delivery_id", ""),
        headers=told.get("headers", ""),
        redriven_from=told.get("redriven_from", ""),
    )


def attributes(record: Record) -> dict[str, str]:
    """The text attributes of a message as Lambda hands it over."""
    found: Mapping[str, Mapping[str, str]] = record.get("messageAttributes") or {}
    return {name: attribute["stringValue"] for name, attribute in found.items() if attribute.get("stringValue")}


def failure_attributes(record: Record, *, kind: Kind, reason: str, function: str) -> dict[str, str]:
    """The attributes with which a function puts a message that it gives up into a dead-letter queue: why, and those
    that the message had, as many as fit."""
    told = attributes(record)
    tried = str(received(record))
    ours = {"kind": kind.value, "reason": reason[:_LONGEST_REASON], "function": function, "attempts": tried}
    names = sorted(told.keys() - ours.keys(), key=lambda name: (name not in _GOES_ON, name))
    return {name: told[name] for name in names[: _ATTRIBUTES - len(ours)]} | ours


def _kind(told: Mapping[str, str]) -> Kind:
    kind = told.get("kind", Kind.EXHAUSTED)  # SQS itself writes none
    return Kind(kind) if kind in Kind else Kind.POISON


def _attempts(record: Record, told: Mapping[str, str]) -> int:
    """How often it was tried. SQS counts on over all queues, this receipt included; who gives up by himself says so."""
    if told.get("attempts", "").isdecimal():
        return int(told["attempts"])
    return 1 if "kind" in told else max(1, received(record) - 1)


def received(record: Record) -> int:
    """Return how often SQS has handed out a message, this time included."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))


def _received_at(record: Record, told: Mapping[str, str], now: int) -> int:
    try:
        return int(float(told["received_at"]))
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
    """The order that it is about, if it names one; nothing else of the body is looked at."""
    try:
        found = decode(body)
    except ValueError:
        return ""
    theirs = profile.notification.fields.data, profile.fields.event.out_order_no
    path = "order_no" if source == EFFECTS else ".".join(filter(None, theirs))
    number = lookup(found, path)
    printable = isinstance(number, str) and number.isascii() and number.isprintable()
    return number if printable and 0 < len(number) <= _LONGEST_KEY else ""
