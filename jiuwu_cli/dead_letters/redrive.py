"""Dead letters sent back to where they died, under a new delivery id.

First sent, then noted: a crash in between leaves a letter that looks unsent, and sending it again does no harm, because
whoever takes it dedupes by what it says and not by how it came.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from jiuwu.aws import sqs
from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import COMMUNITY, EFFECTS, INTAKE, ORDERS
from jiuwu.effects import queue
from jiuwu.orders.effect_key import parse_effect_key
from jiuwu.orders.events import Redriven
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Ignored, apply
from jiuwu.platform import notifications
from jiuwu.platform.notifications import NotificationQuarantined
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal.output import say

# Each round that we lose is a round that another writer of the same order won.
_ROUNDS = 6


class NotRedriven(Exception):
    """Why a letter was not, or would not be, sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent back: to the queue of which name, with which text and attributes."""

    queue: str
    body: str
    attributes: dict[str, str]


class Redrive:
    """Sends letters of one deployment. `clock` gives Unix seconds, `new_id` a delivery id that never was."""

    def __init__(
        self,
        stack: Stack,
        *,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: f"redrive-{secrets.token_hex(8)}",
    ) -> None:
        self._stack, self._clock, self._new_id = stack, clock, new_id
        self._sqs: Any = stack.client("sqs")
        self._shelf = stack.shelf

    def send(self, letter: DeadLetter, *, dry_run: bool = False) -> str:
        """Sends one letter back and notes it; says what became of it, or with `dry_run` what would. Raises
        NotRedriven."""
        delivery_id = "" if dry_run else self._new_id()
        said = self._revive(letter, dry_run) if letter.source == EFFECTS else self._resend(letter, delivery_id)
        if not dry_run:
            self._shelf.redriven(letter, as_=delivery_id, at=int(self._clock()))
        return said

    def _resend(self, letter: DeadLetter, delivery_id: str) -> str:
        message = self.message(letter, delivery_id)
        if not delivery_id:
            return f"would be sent to {message.queue}"
        self._sqs.send_message(
            QueueUrl=self._stack.output(message.queue),
            MessageBody=message.body,
            MessageAttributes=sqs.attributes(message.attributes),
        )
        return f"sent to {message.queue} as {delivery_id}"

    def message(self, letter: DeadLetter, delivery_id: str) -> Message:
        """The original bytes with what the platform said of them."""
        known = {
            "event_id": letter.event_id,
            "event_type": letter.event_type,
            "received_at": str(letter.first_at),
            "delivery_id": delivery_id,
            "headers": letter.headers,
            "redriven_from": letter.letter_id,
        }
        queue, body = letter.source, _text(letter.body)
        if letter.source == INTAKE:
            queue, body, known["event_type"] = self._reread(letter)
        elif letter.source not in (ORDERS, COMMUNITY):
            raise NotRedriven(f"it came from {letter.source}, which takes nothing back")
        if not body:
            raise NotRedriven("it has no bytes")
        return Message(queue, body, {name: text for name, text in known.items() if text})

    def _reread(self, letter: DeadLetter) -> tuple[str, str, str]:
        """Queue, text and event type as the intake would have them today; its profile may have changed since."""
        try:
            taken = notifications.reread(self._stack.profile, letter.body, event_id=letter.event_id)
        except NotificationQuarantined as still:
            raise NotRedriven(f"it still is not as the profile describes: {still.message}") from None
        queue = ORDERS if taken.event_type.startswith("order.") else COMMUNITY
        return queue, sqs.for_sqs(taken.body_text), taken.event_type

    def _revive(self, letter: DeadLetter, dry_run: bool) -> str:  # noqa: FBT001
        """The effect's second life, and then a message that only names the order."""
        store = self._stack.store
        order = store.get(letter.order_no) if letter.order_no else None
        if order is None:
            raise NotRedriven(f"there is no order {letter.order_no}" if letter.order_no else "it names no order")
        effect = order.effect(parse_effect_key(letter.effect))
        if effect is not None and effect.done_at:
            return f"needs nothing: {letter.effect} has been done since"
        self._reborn(order, letter)
        if dry_run:
            return f"would be sent to {EFFECTS}"
        if letter.effect:
            self._second_life(store, letter)
        if queue.send(self._sqs, self._stack.output(EFFECTS), [letter.order_no]):
            raise NotRedriven("it lives again, but the queue did not take it; the reconciler will find it in minutes")
        return f"sent to {EFFECTS}"

    def _second_life(self, store: OrderStore, letter: DeadLetter) -> None:
        for _ in range(_ROUNDS):
            order = store.get(letter.order_no)
            if order is None:
                return
            reborn = self._reborn(order, letter)
            # none: it is alive again already, by an earlier redrive that was not noted
            if reborn is None or not store.save_many([(order, reborn)]):
                return
        raise NotRedriven("others wrote the order again and again; try again")

    def _reborn(self, order: Order, letter: DeadLetter) -> Order | None:
        outcome = apply(order, Redriven(int(self._clock()), parse_effect_key(letter.effect)), policy=self._stack.policy)
        if isinstance(outcome, Ignored) and outcome.reason == "refund_exceeds_payment":
            raise NotRedriven("the order keeps less than that by now: other refunds gave it back, or are about to")
        return outcome.order if isinstance(outcome, Applied) else None


def send_all(
    redrive: Redrive,
    letters: Iterable[DeadLetter],
    *,
    rate: float,
    dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Sends one after the other, at most `rate` a second; returns how many could not be sent."""
    failed = 0
    for n, letter in enumerate(letters):
        if n and not dry_run:
            sleep(1 / rate)
        try:
            say(f"{letter.letter_id}  {redrive.send(letter, dry_run=dry_run)}")
        except NotRedriven as why:
            failed += 1
            say(f"{letter.letter_id}  not sent: {why}", style="red")
    return failed


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return ""
