"""Deliver notifications: at least once, unordered, from several senders at once, and sometimes not at all."""

import asyncio
import heapq
import itertools
import time
import traceback

import httpx
import msgspec

from sandbox.simulator import faults
from sandbox.simulator.deliveries import FORGERIES, compose, forged, headers, received, retry_after, under_new_id
from sandbox.simulator.events import Event
from sandbox.simulator.state import Delivery, PlatformState

SENDERS = 16
TIMEOUT_SECONDS = 5.0


class Attempt(msgspec.Struct, frozen=True):
    """One line of the notification log. `status` is None when no HTTP reply came."""

    n: int
    delivery: int
    event_id: str
    event_type: str
    order_no: str
    kind: str
    attempt: int
    sent_at: float
    milliseconds: int
    status: int | None
    outcome: str


class Notifier:
    """A heap of deliveries by due time, and a fixed number of senders."""

    def __init__(self, state: PlatformState, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._state = state
        self._transport = transport
        self._wake = asyncio.Event()
        self._senders = asyncio.Semaphore(SENDERS)
        self._http: httpx.AsyncClient | None = None
        self._numbers = itertools.count(1)
        self._heap: list[tuple[float, int, Delivery]] = []
        self._newest_sent = 0
        self.in_flight = 0
        self.failed = False
        self.log: list[Attempt] = []

    @property
    def waiting(self) -> int:
        return len(self._heap)

    def restore(self, deliveries: list[Delivery]) -> None:
        self._numbers = itertools.count(1 + max((one.number for one in deliveries), default=0))
        for delivery in deliveries:
            self._push(delivery)

    def dump(self) -> list[Delivery]:
        return [delivery for _, _, delivery in self._heap]

    def emit(self, event: Event, url: str = "") -> None:
        """Notify the merchant of `event`, with the faults that its id draws."""
        state, now = self._state, time.time()
        surprises = faults.has_unknown_fields(state.faults, event.event_id)
        for copy in faults.copies(state.faults, event.event_id, event.event_type):
            sent_event = {"new_event_id": under_new_id, "forged_secret": forged}.get(copy.kind, _as_it_is)(event)
            body = compose(state.serializer, sent_event, surprises=surprises)
            self.send(sent_event, copy.kind, body, due=now + copy.after / state.config.speed, url=url)

    def send(self, event: Event, kind: str, body: str, *, due: float, url: str = "") -> Delivery:
        """Queue one copy; a dropped one goes into the log only."""
        delivery = Delivery(
            number=next(self._numbers),
            event_id=event.event_id,
            event_type=event.event_type,
            order_no=event.order_no,
            kind=kind,
            body=body,
            url=url or self._state.config.webhook_url,
            due=due,
        )
        if kind == "dropped":
            self._note(delivery, due, None, "dropped")
        else:
            self._push(delivery)
        return delivery

    def release(self) -> int:
        """Make all waiting deliveries due now; return how many."""
        for _, _, delivery in self._heap:
            delivery.due = 0.0
        self._heap = [(0.0, number, delivery) for _, number, delivery in self._heap]
        heapq.heapify(self._heap)
        self._wake.set()
        return len(self._heap)

    async def run(self) -> None:
        """Deliver until cancelled; deliveries under way then return to the heap.

        An error of ours ends it, and is shown.
        """
        limits = httpx.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        client = httpx.AsyncClient(transport=self._transport, limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False)
        try:
            async with client as self._http, asyncio.TaskGroup() as tasks:
                await self._dispatch(tasks)
        except* Exception:
            self.failed = True
            traceback.print_exc()
            raise

    async def _dispatch(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            for delivery in self._take_due():
                tasks.create_task(self._deliver(delivery))
            await self._until_due()

    def _push(self, delivery: Delivery) -> None:
        heapq.heappush(self._heap, (delivery.due, delivery.number, delivery))
        self._wake.set()

    def _take_due(self) -> list[Delivery]:
        taken, now = [], time.time()
        while self._heap and self._heap[0][0] <= now:
            taken.append(heapq.heappop(self._heap)[2])
        self.in_flight += len(taken)
        return taken

    async def _until_due(self) -> None:
        self._wake.clear()
        pause = self._heap[0][0] - time.time() if self._heap else None
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            async with self._senders:
                self._count_overtaken(delivery)
                await self._attempt(delivery)
        except asyncio.CancelledError:
            self._push(delivery)
            raise
        finally:
            self.in_flight -= 1

    async def _attempt(self, delivery: Delivery) -> None:
        delivery.attempts += 1
        sent_at = time.time()
        status, outcome = await self._post(delivery)
        if delivery.kind in FORGERIES:
            outcome = "forgery_accepted" if outcome == "accepted" else "forgery_refused"
        self._note(delivery, sent_at, status, outcome)
        if outcome not in {"accepted", "forgery_accepted"} and (pause := retry_after(delivery)) is not None:
            delivery.due = time.time() + pause / self._state.config.speed
            self._push(delivery)

    async def _post(self, delivery: Delivery) -> tuple[int | None, str]:
        if not delivery.url or self._http is None:
            return None, "no_webhook_url"
        signed = headers(self._state.profile, self._state.app, delivery, self._state.now())
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reply = await self._http.post(delivery.url, content=delivery.body.encode(), headers=signed)
        except (TimeoutError, httpx.TimeoutException):
            return None, "timeout"
        except (httpx.HTTPError, httpx.InvalidURL):
            return None, "unreachable"
        success = received(self._state.profile.notification, reply.status_code, reply.text)
        return reply.status_code, "accepted" if success else "refused"

    def _count_overtaken(self, delivery: Delivery) -> None:
        if delivery.attempts == 0 and delivery.kind in {"original", "reordered", "delayed"}:
            if delivery.number < self._newest_sent:
                self._state.activity.count("notifications", "overtaken")
            self._newest_sent = max(self._newest_sent, delivery.number)

    def _note(self, delivery: Delivery, sent_at: float, status: int | None, outcome: str) -> None:
        attempt = Attempt(
            n=len(self.log) + 1,
            delivery=delivery.number,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            order_no=delivery.order_no,
            kind=delivery.kind,
            attempt=delivery.attempts,
            sent_at=round(sent_at, 3),
            milliseconds=max(0, round((time.time() - sent_at) * 1000)),
            status=status,
            outcome=outcome,
        )
        self.log.append(attempt)
        for group in ("notifications", f"notifications {delivery.event_type}"):
            self._state.activity.count(group, outcome)
            if delivery.attempts <= 1:
                self._state.activity.count(group, f"kind {delivery.kind}")
        self._state.activity.write("notification", _line(attempt))


def _as_it_is(event: Event) -> Event:
    return event


def _line(attempt: Attempt) -> str:
    if not attempt.attempt:
        return f"{attempt.event_type} {attempt.order_no} → never sent"
    how = "" if attempt.kind == "original" else f" {attempt.kind}"
    again = f" attempt {attempt.attempt}" if attempt.attempt > 1 else ""
    status = f"{attempt.status} " if attempt.status else ""
    return f"{attempt.event_type} {attempt.order_no}{how}{again} → {status}{attempt.outcome}, {attempt.milliseconds} ms"
