"""One run of the shop: members log in, order, pay and change their minds; then both sides settle."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from sandbox.demo.members import Member, StepFailed

# As many people as keep two cores busy; more only wait for each other.
WORKERS = 8


class Fate(StrEnum):
    """What becomes of an order after it was placed."""

    PAY = "paid"
    COMPLETE = "paid, received"
    REFUND = "paid, refunded"
    PAY_TWICE = "paid twice"
    PAY_PART = "paid in part only"
    CANCEL = "cancelled"
    CANCEL_LATE = "cancelled at the platform, then paid"
    LEAVE = "never paid"


_SHARES = (
    (Fate.CANCEL, 0.04),
    (Fate.LEAVE, 0.03),
    (Fate.CANCEL_LATE, 0.01),
    (Fate.PAY_PART, 0.01),
    (Fate.PAY_TWICE, 0.02),
    (Fate.REFUND, 0.04),
    (Fate.COMPLETE, 0.25),
)


def draw(seed: int, *what: object) -> float:
    """Return a number in [0, 1) that depends only on the seed and its purpose, not on the threads' timing."""
    digest = hashlib.sha256("\n".join(map(str, (seed, *what))).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def fate_of(seed: int, number: int) -> Fate:
    """Return what becomes of the run's order with this number."""
    remaining = draw(seed, "fate", number)
    for fate, share in _SHARES:
        if remaining < share:
            return fate
        remaining -= share
    return Fate.PAY


@dataclass(slots=True)
class Simulator:
    """The platform's control API."""

    url: str
    http: httpx.Client

    def press(self, order_no: str, button: str, **body: object) -> bool:
        """Pay, cancel, complete or refund; return False when the platform refuses or does not know the order yet."""
        reply = self.http.post(f"{self.url}/_sim/orders/{order_no}/{button}", json=body)
        return reply.status_code == 200


@dataclass(slots=True)
class Run:
    """What the run has done so far; shared by its threads."""

    seed: int
    api_url: str
    shop_url: str
    simulator: Simulator
    products: list[str]
    members: list[Member] = field(default_factory=list)
    orders: dict[str, Fate] = field(default_factory=dict)
    waiting: dict[str, Fate] = field(default_factory=dict)  # orders whose fate is not reached yet
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def log_in(self, number: int) -> None:
        """Log the run's next member in."""
        member = Member(f"ou_demo{number:04d}", self.api_url, f"{self.shop_url}/", httpx.Client(timeout=20))
        member.log_in()
        with self.lock:
            self.members.append(member)

    def order(self, number: int) -> None:
        """Place the run's order with this number, and begin its fate."""
        member = self.members[number % len(self.members)]
        product = self.products[int(draw(self.seed, "product", number) * len(self.products))]
        items: list[dict[str, object]] = [{"product_id": product, "quantity": 1 + number % 3}]
        key, fate = f"demo-{self.seed}-{number}", fate_of(self.seed, number)
        order_no = member.place(key, items)
        if draw(self.seed, "twice", number) < 0.05 and member.place(key, items) != order_no:
            self.errors.append(f"{order_no}: the same Idempotency-Key made another order")
        if fate is Fate.CANCEL:
            member.cancel(order_no)
        with self.lock:
            self.orders[order_no] = fate
            if fate not in {Fate.CANCEL, Fate.LEAVE} and not self._pay(order_no, fate):
                self.waiting[order_no] = fate

    def _pay(self, order_no: str, fate: Fate) -> bool:
        """Take the first step after ordering; return False if more is to do or the platform lacks the order."""
        if fate is Fate.CANCEL_LATE:
            return self.simulator.press(order_no, "cancel") and self.simulator.press(order_no, "pay", force=True)
        paid = self.simulator.press(order_no, "pay", **({"amount": "0.01"} if fate is Fate.PAY_PART else {}))
        if paid and fate is Fate.PAY_TWICE:
            return self.simulator.press(order_no, "pay", transaction_id=f"second-{order_no}")
        if paid and fate in {Fate.COMPLETE, Fate.REFUND}:
            self.waiting[order_no] = fate
        return paid

    def continue_orders(self, statuses: dict[str, str]) -> None:
        """Take the steps that were not possible before; `statuses` are the platform's by order number."""
        for order_no, fate in list(self.waiting.items()):
            status = statuses.get(order_no)
            if status == "created" and self._pay(order_no, fate) and fate not in {Fate.COMPLETE, Fate.REFUND}:
                del self.waiting[order_no]
            elif status in {"shipped", "completed"}:
                button = "complete" if fate is Fate.COMPLETE else "refund"
                if fate not in {Fate.COMPLETE, Fate.REFUND} or self.simulator.press(order_no, button):
                    del self.waiting[order_no]


def run_concurrently(
    task: Callable[[int], None],
    *,
    until: Callable[[int], bool],
    errors: list[str],
    tick: Callable[[], None],
    check: Callable[[], None] = lambda: None,
) -> int:
    """Run task(0), task(1), … on WORKERS threads until `until(started)`; return how many were started.

    `check` is called at least once a second; what it raises ends the run without waiting for tasks at work.
    """
    started, running = 0, set[Future[None]]()
    pool = ThreadPoolExecutor(WORKERS)
    try:
        while running or not until(started):
            check()
            while len(running) < WORKERS and not until(started):
                running.add(pool.submit(task, started))
                started += 1
            done, running = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                _collect(future, errors)
                tick()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return started


def _collect(future: Future[None], errors: list[str]) -> None:
    try:
        future.result()
    except (StepFailed, httpx.HTTPError) as error:
        errors.append(f"{type(error).__name__}: {error}")


def settle(step: Callable[[], Counter[str]], *, timeout: float) -> Counter[str]:
    """Repeat `step` until it finds nothing under way twice in a row, or the timeout (seconds); return the rest."""
    end, calm = time.monotonic() + timeout, 0
    while True:
        remaining = +step()
        calm = 0 if remaining else calm + 1
        if calm == 2 or time.monotonic() > end:
            return remaining
        time.sleep(0.5)
