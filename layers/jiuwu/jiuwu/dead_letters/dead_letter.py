"""A dead letter: all permanent failures of one message, its original bytes, and what a person did about it. Pure."""

import base64
import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from .failed_message import EFFECTS, FailedMessage, MessageFacts

# SQS redelivers within its retention of 14 days and rarely more than once or twice; more would only grow the item.
_MESSAGES_KEPT = 20

# What a dead letter is about, which no later failure changes.
_SUBJECT = {"source", "event_id", "order_no", "effect"}

type DeadLetterState = Literal["waiting", "redriven", "failed again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(MessageFacts):
    """A message that failed permanently, as it is kept; times are Unix seconds.

    `attempts` are summed over its `failures`; kind, reason, body, headers and the like are those of the last one.
    `redriven_as` is the delivery id of the last redrive, `redriven_after` how many failures it had then.
    """

    dead_letter_id: str
    first_at: int
    last_at: int
    attempts: int
    failures: int
    redriven_at: int = 0
    redriven_as: str = ""
    redriven_after: int = 0
    redrives: int = 0
    messages: tuple[str, ...] = ()
    version: int = 0

    @property
    def detail(self) -> str:
        """Return the reason without the kind, for where the kind stands beside it."""
        return self.reason.removeprefix(f"{self.kind}: ")

    @property
    def state(self) -> DeadLetterState:
        """Return the state, by counting failures and not by times: the operator's clock is another than ours."""
        if not self.redrives:
            return "failed again" if self.redriven_from else "waiting"
        return "redriven" if self.redriven_after >= self.failures else "failed again"


def dead_letter_id(message: FailedMessage) -> str:
    """Return the id of a message's dead letter: the same for each failure of the same message.

    An effect is known by its order and name. Anything else also by its bytes: another body under the same event id is
    another dead letter, so no bytes are ever lost to it.
    """
    if message.source == EFFECTS and message.order_no:
        subject = f"{message.order_no}\n{message.effect}"
    else:
        subject = f"{message.event_id}\n{hashlib.sha256(message.body).hexdigest()}"
    digest = hashlib.sha256(f"{message.source}\n{subject}".encode()).digest()
    return "dl_" + base64.b32encode(digest).decode().lower()[:16]


def keep(dead_letter: DeadLetter | None, message: FailedMessage) -> DeadLetter | None:
    """Return the dead letter with this failure added; None when it has it already."""
    if dead_letter is None:
        return DeadLetter(
            **_facts(message),
            dead_letter_id=dead_letter_id(message),
            first_at=min(message.received_at, message.at),
            last_at=message.at,
            attempts=message.attempts,
            failures=1,
            messages=(message.message_id,),
        )
    if message.message_id in dead_letter.messages:
        return None
    return replace(
        dead_letter,
        **{name: value for name, value in _facts(message).items() if name not in _SUBJECT},
        first_at=min(dead_letter.first_at, message.received_at),
        last_at=max(dead_letter.last_at, message.at),
        attempts=dead_letter.attempts + message.attempts,
        failures=dead_letter.failures + 1,
        messages=(*dead_letter.messages, message.message_id)[-_MESSAGES_KEPT:],
    )


def _facts(message: FailedMessage) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in fields(MessageFacts)}
