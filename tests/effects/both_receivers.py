"""Both sides of the effects' door as fakes: the merchant's bus and the platform."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from jiuwu.deadline import Deadline
from jiuwu.effects.dispatcher import Attempt, Dispatched, Dispatcher
from jiuwu.orders.order import Failure, Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.errors import PlatformError
from jiuwu.platform.models import RefundReply, RefundState, RemoteOrder, RemotePayment, RemoteRefund
from jiuwu.runtime import Runtime
from tests.orders.lives import NOW, PAID

NUMBER = PAID.order_no


class Bus:
    """EventBridge as far as we call it; refuses the orders that a test names, with the code that it names."""

    def __init__(self, refuses: dict[str, str] | None = None, error: Exception | None = None) -> None:
        self.requests: list[list[dict[str, str]]] = []
        self.refuses, self.error = refuses or {}, error

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 -- boto3's name
        self.requests.append(Entries)
        if self.error:
            raise self.error
        numbers = [json.loads(entry["Detail"])["order_no"] for entry in Entries]
        answers = [{"ErrorCode": self.refuses[n]} if n in self.refuses else {"EventId": n} for n in numbers]
        return {"FailedEntryCount": len(self.refuses), "Entries": answers}

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for request in self.requests for entry in request]


class Platform:
    """PlatformClient as far as effects call it: answers, or raises, as a test says; `shows` is what get_order shows."""

    profile = SimpleNamespace(gateway=SimpleNamespace(timeout_seconds=2.0))

    def __init__(
        self,
        error: PlatformError | None = None,
        shows: RemoteOrder | PlatformError | None = None,
        answers: RefundState = "succeeded",
    ) -> None:
        self.error, self.shows, self.answers = error, shows, answers
        self.pushed: list[tuple[str, str, str]] = []
        self.refunded: list[tuple[str, str, str, int]] = []
        self.reasons: list[str] = []
        self.looked: list[str] = []
        self.queried: list[list[str]] = []
        # what orders.query shows of each order: its payments, or that it cannot be asked
        self.payments: tuple[RemotePayment, ...] | PlatformError = tuple(
            RemotePayment(transaction_id=one, amount_fen=1234, paid_at=NOW) for one in ("t1", "t2")
        )
        self.refunds: tuple[RemoteRefund, ...] = ()

    def push_status(self, out_order_no: str, status: str, effect_id: str, *, timeout: float) -> None:
        self.pushed.append((out_order_no, status, effect_id))
        if self.error:
            raise self.error

    def refund(
        self,
        out_order_no: str,
        out_refund_no: str,
        transaction_id: str,
        amount_fen: int,
        *,
        reason: str,
        timeout: float,
    ) -> RefundReply:
        self.reasons.append(reason)
        self.refunded.append((out_order_no, out_refund_no, transaction_id, amount_fen))
        if self.error:
            raise self.error
        return RefundReply(refund_id="r", out_refund_no=out_refund_no, amount_fen=amount_fen, status=self.answers)

    def query_orders(self, out_order_nos: Sequence[str]) -> list[RemoteOrder]:
        self.queried.append(list(out_order_nos))
        if isinstance(self.payments, PlatformError):
            raise self.payments
        return [
            remote("paid", *self.refunds).model_copy(update={"out_order_no": number, "payments": self.payments})
            for number in out_order_nos
        ]

    def get_order(self, out_order_no: str, *, timeout: float) -> RemoteOrder:
        self.looked.append(out_order_no)
        if isinstance(self.shows, PlatformError):
            raise self.shows
        assert self.shows is not None
        return self.shows


def remote(status: Any, *refunds: RemoteRefund) -> RemoteOrder:
    return RemoteOrder(
        platform_order_no="P1",
        out_order_no=NUMBER,
        open_id="ou_1",
        status=status,
        amount_fen=1234,
        paid_amount_fen=1234,
        payments=(),
        refunds=refunds,
        updated_at=NOW,
    )


def stored(store: OrderStore, order: Order) -> Order:
    return store.create(order)


class Ledger:
    """The points ledger as far as effects call it: books, or raises what a test says."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.spent, self.given_back = error, list[str](), list[str]()

    def spend(self, _member_id: str, order_no: str, *, at: int) -> None:
        if self.error:
            raise self.error
        self.spent.append(order_no)

    def give_back(self, _member_id: str, order_no: str, *, at: int) -> int:
        if self.error:
            raise self.error
        self.given_back.append(order_no)
        return 600


class DeadLetterQueue:
    """The effects that failed permanently; may be closed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.sent = error, list[Attempt]()

    def __call__(self, attempt: Attempt, failure: Failure) -> None:
        if self.error:
            raise self.error
        assert failure == attempt.verdict.failure
        self.sent.append(attempt)


def dispatcher(
    store: OrderStore,
    bus: Bus,
    platform: Platform,
    *,
    ledger: Ledger | None = None,
    dlq: DeadLetterQueue | None = None,
    remaining: Callable[[], float] = lambda: 30.0,
    at: float = NOW + 100.5,
    check_from_fen: int = 100_000,
) -> Dispatcher:
    events: Any = bus
    client: Any = platform
    points: Any = ledger or Ledger()
    return Dispatcher(
        store,
        events=events,
        bus="merchant",
        platform=lambda: client,
        points=points,
        policy=Policy(),
        send_to_dlq=dlq or DeadLetterQueue(),
        check_from_fen=check_from_fen,
        deadline=Deadline(remaining),
        runtime=Runtime(clock=lambda: at),
    )


def dispatch(
    store: OrderStore,
    bus: Bus,
    platform: Platform,
    *numbers: str,
    ledger: Ledger | None = None,
    dlq: DeadLetterQueue | None = None,
    remaining: Callable[[], float] = lambda: 30.0,
    at: float = NOW + 100.5,
    check_from_fen: int = 100_000,
) -> Dispatched:
    sent = dispatcher(
        store, bus, platform, ledger=ledger, dlq=dlq, remaining=remaining, at=at, check_from_fen=check_from_fen
    )
    return sent.dispatch(numbers or [NUMBER])


def unfinished(dispatched: Dispatched) -> set[str]:
    """The orders that are to be tried again."""
    return {*dispatched.next_at, *dispatched.unwritten}


def now_in(store: OrderStore) -> Order:
    order = store.get(NUMBER)
    assert order is not None
    return order
