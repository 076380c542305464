"""A world with one member and a warehouse, in which a process can crash at any call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from jiuwu.members import grants
from jiuwu.orders import codec
from jiuwu.orders.order import Order
from jiuwu.reconciliation import repository as reconciliation
from sandbox.shop import products
from sandbox.simulation.audit import local_orders
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.actors import Member, Refused, add_products
from sandbox.simulation.world.world import MERCHANT_KEY, START, Killed, World, simulated_world

ITEMS: list[dict[str, object]] = [{"product_id": "mug-panda", "quantity": 2}]
PRICE_FEN = next(product.price_fen for product in products.ALL if product.product_id == "mug-panda")
# Longer than the lease of a process that died.
PAUSE_SECONDS = 65.0
# Of the shards of an index, one holds the order or the member: a second one stands for all others.
SHARDS = 2
PARAMETERS = {"OrderExpirySeconds": "7200", "DueShards": str(SHARDS)}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a function makes: the place of it since the scenario began, by whom, and what."""

    number: int
    function: str
    name: str

    def __str__(self) -> str:
        return f"call {self.number} ({self.function}: {self.name})"


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """A process ends at this call, before it, or once it took effect and before its reply was seen."""

    number: int
    phase: Phase


@dataclass
class Stage:
    """The world, its member, what the warehouse received; `watched` are the calls while `watching`."""

    world: World
    lan: Member
    parcels: list[dict[str, Any]] = field(default_factory=list)
    watched: list[Call] = field(default_factory=list)
    crash_points: tuple[CrashPoint, ...] = ()
    crashed: list[Call] = field(default_factory=list)
    effective: set[int] = field(default_factory=set)  # numbers of calls that took effect
    watching: bool = False
    order_no: str = ""
    _crashed_invocation: int = -1  # the invocation whose process is gone

    def on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        """Count the calls of functions, and crash the process at its crash point."""
        if not (self.watching and self.world.running):
            return
        invocation = self.world.invocations.total()
        if invocation == self._crashed_invocation:
            raise Killed  # a `finally` or `except` that still tries something: nothing of it gets through
        if phase == "before":
            call = Call(len(self.watched) + 1, self.world.running, f"{service}.{operation}")
            self.watched.append(call)
        else:
            self.effective.add(len(self.watched))
        if CrashPoint(len(self.watched), phase) in self.crash_points:
            self._crashed_invocation = invocation
            self.crashed.append(self.watched[-1])
            raise Killed

    def retry[T](self, act: Callable[[], T], times: int = 6) -> T:
        """Return the reply of an act that is retried while no reply comes or the reply says to retry."""
        for _ in range(times):
            try:
                return act()
            except Refused as refused:
                if refused.status < 500:
                    raise
            self.advance(PAUSE_SECONDS)
        raise AssertionError("no answer, however often one asks")

    def advance(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due meanwhile."""
        self.world.clock.run(self.world.clock.now + seconds)

    def merchant(self, path: str, key: str, body: object) -> dict[str, Any]:
        """The reply to a request of the merchant's own servers."""

        def ask() -> dict[str, Any]:
            headers = {"authorization": f"Bearer {MERCHANT_KEY}", "idempotency-key": key}
            reply = self.world.http("POST", f"/merchant{path}", body=body, **headers)
            if reply["statusCode"] >= 300:
                raise Refused(path, reply)
            return reply

        return self.retry(ask)

    def orders(self) -> dict[str, Order]:
        """Our orders."""
        return local_orders(self.world)

    @property
    def order(self) -> Order:
        """The scenario's order as our table has it."""
        return self.orders()[self.order_no]


@contextmanager
def stage(*, off: Sequence[str] = (), crash_points: Sequence[CrashPoint] = (), start: float = START) -> Iterator[Stage]:
    """Yield a running world in which nobody has logged in yet. Its indexes have few shards: tasks that find nothing are
    all alike, and each would be crashed at each of its calls."""
    with _few_shards(), simulated_world(parameters=PARAMETERS, start=start) as built:
        add_products(built)
        built.telemetry.keep_all = True  # each line is looked through for secrets
        built.start(off=off)
        found = Stage(built, Member(built, "ou_lan"), crash_points=tuple(crash_points))
        built.account.buses["TradeBus"].append(found.parcels.append)
        built.calls.on_call = found.on_call
        yield found


@contextmanager
def _few_shards() -> Iterator[None]:
    with (
        patch.object(codec, "DAY_SHARDS", SHARDS + 1),
        patch.object(reconciliation, "SHARDS", SHARDS),
        patch.object(grants, "SHARDS", grants.SHARDS[:SHARDS]),
    ):
        yield
