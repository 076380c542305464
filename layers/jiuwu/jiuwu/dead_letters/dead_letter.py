"""A dead letter: all deaths of one thing, its original bytes, and what a person did about it. Pure."""

import base64
import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from .failed_message import EFFECTS, FailedMessage, MessageFacts

# SQS redelivers within its retention of 14 days and rarely more than once or twice; more would only grow the item.
_MESSAGES_KEPT = 20

# What a letter is about, which no later death of it changes.
_SUBJECT = {"source", "event_id", "order_no", "effect"}

type State = Literal["waiting", "redriven", "died again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(MessageFacts):
    """What is kept of a thing that was given up; times are Unix seconds.

    `attempts` are summed over its `deaths`; what is told (kind, reason, body, headers, …) is by the last one.
    `redriven_as` is the delivery id of the last redrive, `redriven_after` how many deaths it had then.
    """

    letter_id: str
    first_at: int
    last_at: int
    attempts: int
    deaths: int
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
    def state(self) -> State:
        """Told by counting deaths and not by clocks: the operator's is another than ours."""
        if not self.redrives:
            return "died again" if self.redriven_from else "waiting"
        return "redriven" if self.redriven_after >= self.deaths else "died again"


def letter_id(death: FailedMessage) -> str:
    """The same thing dying again is the same letter.

    An effect is known by its order and name. Anything else also by its bytes: another body under the same event id is
    another letter, so no bytes are ever lost to it.
    """
    if death.source == EFFECTS and death.order_no:
        subject = f"{death.order_no}\n{death.effect}"
    else:
        subject = f"{death.event_id}\n{hashlib.sha256(death.body).hexdigest()}"
    digest = hashlib.sha256(f"{death.source}\n{subject}".encode()).digest()
    return "dl_" + base64.b32encode(digest).decode().lower()[:16]


def keep(letter: DeadLetter | None, death: FailedMessage) -> DeadLetter | None:
    """The letter after this death; None when it has it already."""
    if letter is None:
        return DeadLetter(
            **_told(death),
            letter_id=letter_id(death),
            first_at=min(death.received_at, death.at),
            last_at=death.at,
            attempts=death.attempts,
            deaths=1,
            messages=(death.message_id,),
        )
    if death.message_id in letter.messages:
        return None
    return replace(
        letter,
        **{name: value for name, value in _told(death).items() if name not in _SUBJECT},
        first_at=min(letter.first_at, death.received_at),
        last_at=max(letter.last_at, death.at),
        attempts=letter.attempts + death.attempts,
        deaths=letter.deaths + 1,
        messages=(*letter.messages, death.message_id)[-_MESSAGES_KEPT:],
    )


def _told(death: FailedMessage) -> dict[str, Any]:
    return {field.name: getattr(death, field.name) for field in fields(MessageFacts)}
