"""The one door through which orders have an effect outside: the merchant's bus and the platform.

Each effect leaves at least once, under an id made of the order and what is wanted, and counts once, because the
receiver dedupes by that id. What was confirmed is written in one write per order; what was not stays pending.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.platform.errors import OrderConflict, PlatformError, TransitionRefused, UnknownOutcome

from .events import EffectDone, EffectFailed
from .machine import Applied, Policy, apply
from .orders import Order, effect_id
from .store import OrderStore

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

    from jiuwu.platform.client import PlatformClient
    from jiuwu.platform.contract import OrderStatus
    from jiuwu.platform.models import RemoteOrder

SOURCE = "jiuwu-connect"
SHIP_REQUESTED = "ship.requested"

# PutEvents takes ten entries, and 256 KB of them with their framing.
_ENTRIES_AT_ONCE = 10
_BYTES_AT_ONCE = 240_000
_MESSAGES_AT_ONCE = 10  # SendMessageBatch's limit
_ROUNDS = 6
_ORDERS_AT_ONCE = 10
# What a push has come to when the platform is already there, or past it.
_REACHED = {
    "push:shipped": ("shipped", "completed", "refunded"),
    "push:cancelled": ("cancelled", "refunded"),
}


def queue(sqs: "SQSClient", queue_url: str, order_nos: Iterable[str]) -> set[str]:
    """Asks for the pending effects of these orders; returns those that the queue did not take.

    Those are not lost: an order with pending effects is due within minutes.
    """
    unqueued: set[str] = set()
    for numbers in batched(dict.fromkeys(order_nos), _MESSAGES_AT_ONCE, strict=False):
        entries = [{"Id": str(n), "MessageBody": json.dumps({"order_no": number})} for n, number in enumerate(numbers)]
        try:
            reply = sqs.send_message_batch(QueueUrl=queue_url, Entries=cast(Any, entries))
            unqueued |= {numbers[int(failed["Id"])] for failed in reply.get("Failed", ())}
        except (ClientError, BotoCoreError):
            unqueued |= set(numbers)
    return unqueued


class EffectUnknown(Exception):
    """A later version of this code wanted it; this one leaves it pending."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an effect: `problem` is empty when its receiver has it."""

    order_no: str
    effect: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What was tried; by order, what a person should hear of, and why it could not be read or written."""

    attempts: tuple[Attempt, ...]
    alerts: Mapping[str, tuple[str, ...]]
    unwritten: Mapping[str, str]

    @property
    def unfinished(self) -> set[str]:
        """The orders that are to be tried again."""
        return {attempt.order_no for attempt in self.attempts if attempt.problem} | self.unwritten.keys()


class Dispatcher:
    """Carries out what orders have pending. `platform` is asked for its client when there is something to tell."""

    def __init__(  # noqa: PLR0913 -- both sides of the door
        self,
        store: OrderStore,
        *,
        events: "EventBridgeClient",
        bus: str,
        platform: "Callable[[], PlatformClient]",
        policy: Policy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._events, self._bus = store, events, bus
        self._platform, self._policy, self._clock = platform, policy, clock

    def dispatch(self, order_nos: Iterable[str]) -> Dispatched:
        """Tries each pending effect of these orders once; several orders at a time."""
        numbers = set(order_nos)
        orders = self._store.get_many(numbers)
        attempts: list[Attempt] = []
        try:
            attempts += self._ship(order for order in orders.values() if "ship" in order.pending)
            shipped = [self._after(order, attempts)[0] for order in orders.values()]
            self._tell_all([order for order in shipped if _to_tell(order)], attempts)
        finally:
            # also when something breaks: what was confirmed and not written down would be sent again
            alerts, lost = self._save(orders, attempts)
        unknown = dict.fromkeys(numbers - orders.keys(), "order_unknown")
        return Dispatched(tuple(attempts), alerts, unknown | dict.fromkeys(lost, "written_by_others"))

    def _ship(self, orders: Iterable[Order]) -> Iterator[Attempt]:
        for entries in _requests([(order.order_no, _ship_entry(order, self._bus)) for order in orders]):
            try:
                reply = self._events.put_events(Entries=cast(Any, [entry for _, entry in entries]))
            except (ClientError, BotoCoreError) as error:
                yield from (Attempt(number, "ship", type(error).__name__) for number, _ in entries)
                continue
            for (number, _), answer in zip(entries, reply["Entries"], strict=True):
                yield Attempt(number, "ship", answer.get("ErrorCode", ""))

    def _tell_all(self, orders: Sequence[Order], attempts: list[Attempt]) -> None:
        if not orders:
            return
        platform = self._platform()
        with ThreadPoolExecutor(min(len(orders), _ORDERS_AT_ONCE)) as threads:
            tellings = [threads.submit(_tell, platform, order, attempts) for order in orders]
        for telling in tellings:
            telling.result()  # raises what is no answer of the platform: no secret, no memory

    def _after(self, order: Order, attempts: Iterable[Attempt]) -> tuple[Order, tuple[str, ...]]:
        """The order after the attempts at its effects, and the alerts."""
        now = int(self._clock())
        alerts: tuple[str, ...] = ()
        for attempt in attempts:
            if attempt.order_no == order.order_no:
                event = EffectFailed(now, attempt.effect) if attempt.problem else EffectDone(now, attempt.effect)
                outcome = apply(order, event, policy=self._policy)
                if isinstance(outcome, Applied):
                    order, alerts = outcome.order, (*alerts, *outcome.alerts)
        return order, alerts

    def _save(
        self, orders: Mapping[str, Order], attempts: Sequence[Attempt]
    ) -> tuple[dict[str, tuple[str, ...]], set[str]]:
        """The alerts, and the orders lost. Whoever wrote an order meanwhile, what was confirmed is added to that."""
        lost = {attempt.order_no for attempt in attempts}
        alerts: dict[str, tuple[str, ...]] = {}
        current = orders
        for _ in range(_ROUNDS):
            after = {number: self._after(current[number], attempts) for number in sorted(lost & current.keys())}
            lost = self._store.save_many((current[number], order) for number, (order, _) in after.items())
            alerts |= {number: heard for number, (_, heard) in after.items() if heard and number not in lost}
            if not lost:
                break
            current = self._store.get_many(lost)
        return alerts, lost


def _to_tell(order: Order) -> list[str]:
    return [effect for effect in order.pending if effect != "ship"]


def _tell(platform: "PlatformClient", order: Order, attempts: list[Attempt]) -> None:
    """One thread's work: each attempt is in the list the moment it is known, whatever becomes of the others."""
    for effect in _to_tell(order):
        problem = _problem(platform, order, effect)
        attempts.append(Attempt(order.order_no, effect, problem))


def _problem(platform: "PlatformClient", order: Order, effect: str) -> str:
    try:
        _call(platform, order, effect)
    except (TransitionRefused, OrderConflict, UnknownOutcome) as error:
        return _look(platform, order, effect, error)
    except (PlatformError, EffectUnknown) as error:
        return str(error)
    return ""


def _call(platform: "PlatformClient", order: Order, effect: str) -> None:
    kind, _, of = effect.partition(":")
    number = effect_id(order.order_no, effect)
    if kind == "push":
        platform.push_status(order.order_no, cast("OrderStatus", of), number)
    elif kind != "refund":
        raise EffectUnknown(effect)
    elif (left := order.left_fen(of)) > 0:
        platform.refund(order.order_no, number, of, left)


def _look(platform: "PlatformClient", order: Order, effect: str, error: PlatformError) -> str:
    """The platform would not, or did not say whether it did: perhaps it is there already."""
    try:
        remote = platform.get_order(order.order_no)
    except PlatformError as blind:
        return f"{error}; {blind}"
    return "" if _shows(remote, order, effect) else f"{error}; the order is {remote.status} there"


def _shows(remote: "RemoteOrder", order: Order, effect: str) -> bool:
    kind, _, of = effect.partition(":")
    if kind == "push":
        return remote.status in _REACHED.get(effect, ())
    back = [refund for refund in remote.refunds if refund.transaction_id == of]
    payment = order.payment(of)
    whole = payment is not None and sum(refund.amount_fen for refund in back) >= payment.fen
    return whole or any(refund.out_refund_no == effect_id(order.order_no, effect) for refund in back)


def _ship_entry(order: Order, bus: str) -> dict[str, str]:
    detail = {
        "effect_id": effect_id(order.order_no, "ship"),
        "order_no": order.order_no,
        "platform_order_no": order.platform_order_no,
        "member_id": order.member_id,
        "open_id": order.open_id,
        "lines": [
            {"product_id": line.product_id, "title": line.title, "quantity": line.quantity, "price_fen": line.price_fen}
            for line in order.lines
        ],
        "amount_fen": order.amount_fen,
        # not our clock: the same request sent again says the same
        "requested_at": max((payment.at for payment in order.kept), default=order.created_at),
    }
    text = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
    return {"Source": SOURCE, "DetailType": SHIP_REQUESTED, "EventBusName": bus, "Detail": text}


def _requests(entries: Sequence[tuple[str, dict[str, str]]]) -> Iterator[list[tuple[str, dict[str, str]]]]:
    """As few PutEvents requests as their limits allow."""
    request: list[tuple[str, dict[str, str]]] = []
    size = 0
    for number, entry in entries:
        bytes_ = sum(len(text.encode()) for text in entry.values())
        if request and (len(request) == _ENTRIES_AT_ONCE or size + bytes_ > _BYTES_AT_ONCE):
            yield request
            request, size = [], 0
        request.append((number, entry))
        size += bytes_
    if request:
        yield request
