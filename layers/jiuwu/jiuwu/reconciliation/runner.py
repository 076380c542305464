"""What the Reconciler does with each of its tasks: reconcile a shard, place an order, or reconcile one order now."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from jiuwu.aws import task_queue
from jiuwu.deadline import Deadline
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.order import Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.settings import PlacingSettings
from jiuwu.platform.profile import Profile
from jiuwu.runtime import Runtime

from . import reporting
from .repair import Repairer
from .repository import Records
from .settle import OrderSynchroniser
from .shard_tasks import ShardTask, queue_placing
from .worker import ReconciliationWorker, fresh_seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder

# A lease outlasts its invocation by the most that clocks may differ.
_LEASE_MARGIN_SECONDS = 10


class PlacingPlatform(Protocol):
    """The platform as this module needs it: jiuwu.bootstrap.MembersPlatform."""

    profile: Profile

    @property
    def client(self) -> "PlatformClient":
        """Return the client of the platform's calls."""

    def place(self, order: Order, *, deadline: Deadline) -> "RemoteOrder":
        """Place our order at the platform for its member."""


class EffectRequests(Protocol):
    """The effect queue as this module needs it: jiuwu.effects.queue.EffectQueue."""

    def enqueue(self, order_nos: Iterable[str]) -> None:
        """Ask for the pending effects of these orders."""

    def wait(self) -> float:
        """Return how many seconds an effect queued now waits for its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationRunner:
    """Runs the tasks of one invocation; each gets a worker of its own, which ends before the deadline."""

    settings: PlacingSettings
    store: OrderStore
    records: Records
    sqs: "SQSClient"
    effects: EffectRequests
    platform: PlacingPlatform
    runtime: Runtime

    def reconcile_shard(self, task: ShardTask, deadline: Deadline) -> None:
        """Run a task and enqueue its continuation; after an exception the task is redelivered."""
        started_at, rest = self.runtime.clock(), None
        lease = self.records.lease(task)
        until = int(started_at + deadline.remaining()) + _LEASE_MARGIN_SECONDS
        worker = self._worker(deadline, fresh_seconds=fresh_seconds(self.settings.payment_check_seconds))
        try:
            rest = worker.work(task, self.records, partial(lease.acquire, int(started_at), until))
            reporting.task_done(self.records, task, worker.outcome, started_at)
            if rest:
                task_queue.enqueue(self.sqs, self.settings.reconcile_queue_url, [rest])
        finally:
            if rest is None:
                lease.release()

    def place_order(self, task: ShardTask, deadline: Deadline) -> None:
        """Try once more to place an order that the platform could not take a moment ago, and enqueue the next try.

        Pauses grow until the order's due time comes as soon. An order on its way is no drift: only its outcome is
        reported.
        """
        order_no = task.name
        order = self.store.get(order_no)
        if order is None or order.status is not Status.CREATED:
            return
        outcome = self._worker(deadline).one(order_no)
        outcome.findings.clear()
        reporting.outcome_known(outcome)
        if outcome.checked.get(order_no, order.status) == Status.CREATED:
            url, check_seconds = self.settings.reconcile_queue_url, self.settings.payment_check_seconds
            queue_placing(self.sqs, url, order_no, tries=task.step + 1, check_seconds=check_seconds)

    def reconcile_order(self, order_no: str, deadline: Deadline) -> dict[str, Any]:
        """Reconcile one order now, and queue its pending effects once more: their message may be lost. Return what was
        found and done."""
        outcome = self._worker(deadline).one(order_no)
        if not outcome.transitions:
            self.effects.enqueue(outcome.pending)
        reporting.outcome_known(outcome)
        return outcome.answer(order_no)

    def _worker(self, deadline: Deadline, *, fresh_seconds: int = 0) -> ReconciliationWorker:
        repairer = Repairer(self.settings.policy, partial(member_id_for, self.settings.app_id))
        effects, runtime = self.effects, self.runtime
        return ReconciliationWorker(
            self.store,
            OrderSynchroniser(self.store, repairer, queue=effects.enqueue, wait=effects.wait, runtime=runtime),
            platform=lambda: self.platform.client,
            place=partial(self.platform.place, deadline=deadline),
            deadline=deadline,
            fresh_seconds=fresh_seconds,
            runtime=runtime,
        )
