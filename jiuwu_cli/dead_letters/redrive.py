"""Send dead letters back to their queues, under a new delivery id.

A dead letter is sent first and marked as redriven afterwards. After a crash in between it looks unsent. Sending it
again does no harm, because the consumers deduplicate by content.
"""

import secrets
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
from jiuwu.platform import signed_notifications
from jiuwu.platform.signed_notifications import NotificationQuarantined
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.terminal.output import print_line

# A lost race means that another writer of the order won.
_MAX_ATTEMPTS = 6


class RedriveRefused(Exception):
    """A dead letter cannot be redriven; the message says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """An SQS message; `queue` is the name of the stack output with the queue's URL."""

    queue: str
    body: str
    attributes: dict[str, str]


class Redriver:
    """Redrives dead letters of one deployment. `new_id` returns a fresh delivery id."""

    def __init__(
        self,
        stack: Stack,
        *,
        runtime: Runtime = SYSTEM,
        new_id: Callable[[], str] = lambda: f"redrive-{secrets.token_hex(8)}",
    ) -> None:
        self._stack, self._clock, self._new_id = stack, runtime.clock, new_id
        self._sqs: Any = stack.client("sqs")
        self._repository = stack.dead_letters

    def send(self, dead_letter: DeadLetter, *, dry_run: bool = False) -> str:
        """Send one dead letter, mark it, and return what was done; with `dry_run` return what would be done.

        Raise RedriveRefused.
        """
        delivery_id = "" if dry_run else self._new_id()
        if dead_letter.source == EFFECTS:
            result = self._redrive_effect(dead_letter, dry_run=dry_run)
        else:
            result = self._resend(dead_letter, delivery_id)
        if not dry_run:
            self._repository.redriven(dead_letter, as_=delivery_id, at=int(self._clock()))
        return result

    def _resend(self, dead_letter: DeadLetter, delivery_id: str) -> str:
        message = self.message(dead_letter, delivery_id)
        if not delivery_id:
            return f"would be sent to {message.queue}"
        self._sqs.send_message(
            QueueUrl=self._stack.output(message.queue),
            MessageBody=message.body,
            MessageAttributes=sqs.attributes(message.attributes),
        )
        return f"sent to {message.queue} as {delivery_id}"

    def message(self, dead_letter: DeadLetter, delivery_id: str) -> Message:
        """Return the message with the original bytes and attributes. Raise RedriveRefused."""
        attributes = {
            "event_id": dead_letter.event_id,
            "event_type": dead_letter.event_type,
            "received_at": str(dead_letter.first_at),
            "delivery_id": delivery_id,
            "headers": dead_letter.headers,
            "redriven_from": dead_letter.dead_letter_id,
        }
        queue, body = dead_letter.source, _text(dead_letter.body)
        if dead_letter.source == INTAKE:
            queue, body, attributes["event_type"] = self._parse_again(dead_letter)
        elif dead_letter.source not in (ORDERS, COMMUNITY):
            raise RedriveRefused(f"its source {dead_letter.source} takes no redrives")
        if not body:
            raise RedriveRefused("its body is empty")
        return Message(queue, body, {name: text for name, text in attributes.items() if text})

    def _parse_again(self, dead_letter: DeadLetter) -> tuple[str, str, str]:
        """Return queue, body and event type as the intake derives them with the current profile."""
        try:
            parsed = signed_notifications.reread(self._stack.profile, dead_letter.body, event_id=dead_letter.event_id)
        except NotificationQuarantined as error:
            raise RedriveRefused(f"it still does not match the profile: {error.message}") from None
        queue = ORDERS if parsed.event_type.startswith("order.") else COMMUNITY
        return queue, sqs.for_sqs(parsed.body_text), parsed.event_type

    def _redrive_effect(self, dead_letter: DeadLetter, *, dry_run: bool) -> str:
        """Reset the effect on its order, and then enqueue the order. Return what was done. Raise RedriveRefused."""
        store = self._stack.store
        order = store.get(dead_letter.order_no) if dead_letter.order_no else None
        if order is None:
            raise RedriveRefused(
                f"there is no order {dead_letter.order_no}" if dead_letter.order_no else "it names no order"
            )
        effect = order.effect(parse_effect_key(dead_letter.effect))
        if effect is not None and effect.done_at:
            return f"nothing to do: {dead_letter.effect} is done"
        self._with_effect_reset(order, dead_letter)  # raises, also in a dry run
        if dry_run:
            return f"would be sent to {EFFECTS}"
        if dead_letter.effect:
            self._reset_effect(store, dead_letter)
        if queue.send(self._sqs, self._stack.output(EFFECTS), [dead_letter.order_no]):
            raise RedriveRefused(
                "it was reset, but the queue did not accept it; the reconciler enqueues it within minutes"
            )
        return f"sent to {EFFECTS}"

    def _reset_effect(self, store: OrderStore, dead_letter: DeadLetter) -> None:
        for _ in range(_MAX_ATTEMPTS):
            order = store.get(dead_letter.order_no)
            if order is None:
                return
            changed = self._with_effect_reset(order, dead_letter)
            # None: an earlier redrive that was not marked has reset it
            if changed is None or not store.save_many([(order, changed)]):
                return
        raise RedriveRefused("other writers keep changing the order; try again")

    def _with_effect_reset(self, order: Order, dead_letter: DeadLetter) -> Order | None:
        outcome = apply(
            order, Redriven(int(self._clock()), parse_effect_key(dead_letter.effect)), policy=self._stack.policy
        )
        if isinstance(outcome, Ignored) and outcome.reason == "refund_exceeds_payment":
            raise RedriveRefused("the refundable amount is smaller now: other refunds were made or requested")
        return outcome.order if isinstance(outcome, Applied) else None


def redrive_all(
    redriver: Redriver,
    dead_letters: Iterable[DeadLetter],
    *,
    rate: float,
    dry_run: bool = False,
    runtime: Runtime = SYSTEM,
) -> int:
    """Redrive one after the other, at most `rate` per second. Return the number of failures."""
    failed = 0
    for n, dead_letter in enumerate(dead_letters):
        if n and not dry_run:
            runtime.sleep(1 / rate)
        try:
            print_line(f"{dead_letter.dead_letter_id}  {redriver.send(dead_letter, dry_run=dry_run)}")
        except RedriveRefused as error:
            failed += 1
            print_line(f"{dead_letter.dead_letter_id}  not sent: {error}", style="red")
    return failed


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return ""
