"""Wherever a process dies and whatever else runs at the same time: in the end each order counts once.

Every step that touches the world outside (a read, a write, a queue, the bus, the platform) may be the last of its
process, before or after it takes effect, or let a rival run first. Queues hand out again what was not finished, and
the due time brings back what nobody queued. All in memory, so that Hypothesis owns every interleaving.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.effects.dispatcher import Dispatcher
from jiuwu.intake.inbox import Inbox
from jiuwu.intake.parser import Notice
from jiuwu.orders.effect_key import Ship
from jiuwu.orders.order import Order, Status
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.models import RefundReply
from jiuwu.runtime import Runtime
from tests.effects.both_receivers import unfinished
from tests.orders.lives import NOW, PLACED, cancelled, completed, paid, refunded

POLICY = Policy()
ORDERS = ("JW1", "JW2")

NOTHING, DIES_BEFORE, DIES_AFTER, RIVAL = "nothing", "dies before", "dies after", "rival first"


class Died(BaseException):
    """The process is gone: nothing of it runs any more, no `except`, no `finally` that still gets through."""


@dataclass
class World:
    """The table, the queues and the receivers, and what is going to happen at each step."""

    fates: Iterator[str]
    table: dict[str, Order] = field(default_factory=dict)
    order_queue: list[list[Notice]] = field(default_factory=list)
    effect_queue: list[str] = field(default_factory=list)
    shipped: list[str] = field(default_factory=list)
    pushed: list[str] = field(default_factory=list)
    refunded: dict[str, int] = field(default_factory=dict)
    dead: bool = False
    rivals: int = 0
    now: int = NOW + 100

    def step[T](self, effect: Callable[[], T]) -> T:
        if self.dead:
            raise Died
        fate = next(self.fates, NOTHING)
        if fate is RIVAL and not self.rivals:
            self.rival()
        if fate is DIES_BEFORE:
            self.die()
        found = effect()
        if fate is DIES_AFTER:
            self.die()
        return found

    def die(self) -> None:
        self.dead = True
        raise Died

    def rival(self) -> None:
        """Another process takes what the queues hand out, to its end or its crash; ours goes on."""
        self.rivals += 1
        for messages in list(self.order_queue):
            self.process(messages)
        for number in dict.fromkeys(self.effect_queue):
            self.dispatch(number)
        self.rivals -= 1

    # what a store, a queue, a bus and a platform do

    def rounds(self) -> Iterator[int]:
        yield from range(6)

    def get_many(self, numbers: Iterable[str]) -> dict[str, Order]:
        wanted = list(numbers)
        return self.step(lambda: {number: self.table[number] for number in wanted if number in self.table})

    def save_many(self, pairs: Iterable[tuple[Order, Order]]) -> set[str]:
        changed = [(old, new) for old, new in pairs if new != old]
        return self.step(lambda: {old.order_no for old, new in changed if not self._write(old, new)})

    def _write(self, old: Order, new: Order) -> bool:
        current = self.table[old.order_no].version == old.version
        if current:
            self.table[old.order_no] = replace(new, version=old.version + 1)
        return current

    def put_events(self, **request: Any) -> dict[str, Any]:
        sent = [entry["Detail"].split('"')[3] for entry in request["Entries"]]
        self.step(lambda: self.shipped.extend(sent))
        return {"Entries": [{"EventId": effect_id} for effect_id in sent]}

    profile = SimpleNamespace(gateway=SimpleNamespace(timeout_seconds=2.0))

    def push_status(self, order_no: str, status: str, effect_id: str, *, timeout: float) -> None:
        self.step(lambda: self.pushed.append(effect_id))

    def refund(self, order_no: str, effect_id: str, transaction: str, fen: int, **more: Any) -> RefundReply:
        self.step(lambda: self.refunded.setdefault(effect_id, fen))
        return RefundReply(refund_id="r", out_refund_no=effect_id, amount_fen=fen)

    def query_orders(self, numbers: Iterable[str]) -> list[Any]:
        """Every payment here is a true one, and every refund is heard of."""

        def shown(order: Order) -> Any:
            payments = [SimpleNamespace(transaction_id=one.ref, amount_fen=one.fen) for one in order.payments]
            refunds = [SimpleNamespace(refund_id=one.ref) for one in order.refunds]
            return SimpleNamespace(out_order_no=order.order_no, payments=payments, not_failed=refunds)

        wanted = list(numbers)
        return self.step(lambda: [shown(self.table[number]) for number in wanted if number in self.table])

    # what the functions do, each in a process of its own

    def process(self, messages: list[Notice]) -> None:
        store: Any = self
        with self.process_of_its_own():
            taken = Inbox(store, POLICY, lambda _: {}).take_in(messages)
            self.step(lambda: self.effect_queue.extend(taken.with_new_effects))
            assert {result.outcome for result in taken.results} <= {"applied", "ignored"}
            self.step(lambda: self.order_queue.remove(messages) if messages in self.order_queue else None)

    def dispatch(self, number: str) -> None:
        door: Any = self
        with self.process_of_its_own():
            dispatcher = Dispatcher(
                door,
                events=door,
                bus="b",
                platform=lambda: door,
                points=door,
                policy=POLICY,
                send_to_dlq=lambda _, __: None,
                check_from_fen=100_000,
                runtime=Runtime(clock=lambda: self.now),
            )
            assert not unfinished(dispatcher.dispatch([number]))
            self.step(lambda: self.effect_queue.remove(number) if number in self.effect_queue else None)

    def process_of_its_own(self) -> "_Process":
        return _Process(self)


class _Process(suppress):
    """Dies alone: the world goes on, and what waited for it as well."""

    def __init__(self, world: World) -> None:
        super().__init__(Died)
        self._world = world

    def __exit__(self, *raised: Any) -> bool:
        self._world.dead = False
        return super().__exit__(*raised)


def of(number: str, event: Any) -> Notice:
    return Notice(number, "P1", replace(event, event_id=f"{number}:{event.event_id}"))


happenings = st.sampled_from(
    [paid(), paid(event="again"), paid("t2"), cancelled(), completed(), refunded(), refunded("r2", "t2")]
)
some_messages = st.lists(st.lists(st.builds(of, st.sampled_from(ORDERS), happenings), min_size=1, max_size=4))
usual_payments = st.lists(
    st.lists(st.builds(of, st.sampled_from(ORDERS), st.sampled_from([paid(), paid(event="again")])), min_size=1)
)
some_fates = st.lists(
    st.sampled_from([NOTHING, NOTHING, NOTHING, NOTHING, DIES_BEFORE, DIES_AFTER, RIVAL]), max_size=60
)


def live(messages: Sequence[list[Notice]], fates: Sequence[str]) -> World:
    """Everything is handed out until nothing is left; once the fates run out, all goes well."""
    world = World(iter(fates), order_queue=list(messages))
    world.table = {number: replace(PLACED, order_no=number, version=1) for number in ORDERS}
    for _ in range(len(fates) + 2):  # every round with something left to do meets at least one fate
        for batch in list(world.order_queue):
            world.process(batch)
        for number in list(world.effect_queue):
            world.dispatch(number)
        # the clock: an order with something pending is due, even if it was not queued
        for number in [number for number, order in world.table.items() if order.pending and order.due_at]:
            world.dispatch(number)
        world.now += 60  # goods wait a minute where a refund that was taken back may have left
    return world


@settings(max_examples=100)
@given(some_messages, some_fates)
def test_all_money_is_booked_once_and_nothing_is_left_undone(messages: list[list[Notice]], fates: list[str]) -> None:
    world = live(messages, fates)

    assert world.order_queue == []
    for number, order in world.table.items():
        notified = [notice.event for batch in messages for notice in batch if notice.order_no == number]
        money = {getattr(event, "refund_id", getattr(event, "transaction_id", "")) for event in notified} - {""}
        assert sorted(entry.ref for entry in order.ledger) == sorted(money)
        assert order.pending == ()


@settings(max_examples=100)
@given(some_messages, some_fates)
def test_what_the_warehouse_heard_is_what_the_order_says(messages: list[list[Notice]], fates: list[str]) -> None:
    world = live(messages, fates)

    for number, order in world.table.items():
        shipped = order.effect(Ship())
        assert (f"{number}:ship" in world.shipped) or not (shipped and shipped.done_at)
        if order.status in (Status.SHIPPED, Status.COMPLETED):
            assert shipped is not None
            assert set(world.shipped) & {f"{number}:ship"}
    assert set(world.shipped) <= {f"{number}:ship" for number in ORDERS}


@settings(max_examples=100)
@given(usual_payments, some_fates)
def test_a_paid_order_ships_exactly_once_for_who_dedupes_by_the_effects_id(
    messages: list[list[Notice]], fates: list[str]
) -> None:
    world = live(messages, fates)

    paid_for = {notice.order_no for batch in messages for notice in batch}
    assert {effect_id.partition(":")[0] for effect_id in world.shipped} == paid_for
    assert {order.order_no for order in world.table.values() if order.status is Status.SHIPPED} == paid_for
    assert set(world.pushed) == {f"{number}:push:shipped" for number in paid_for}
    assert world.refunded == {}


@given(usual_payments)
def test_when_nobody_dies_each_receiver_hears_each_thing_once(messages: list[list[Notice]]) -> None:
    world = live(messages, [])

    assert len(world.shipped) == len(set(world.shipped))
    assert len(world.pushed) == len(set(world.pushed))
