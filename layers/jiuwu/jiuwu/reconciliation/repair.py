"""Decisions carried out: one order taken through as many rounds as it needs, and when to check it next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jiuwu.orders.effect_rules import EFFECT_FAILED
from jiuwu.orders.events import Event
from jiuwu.orders.order import Order
from jiuwu.orders.outcomes import LOOKUP_NEEDED
from jiuwu.orders.state_machine import Applied, Policy, apply, next_check

from .decide import RECONCILER, Action, Adopt, Hold, Place, adopt, decide, hold
from .drift import Finding

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

_ROUNDS = 3
# What could not leave is tried at least this often: a member may be waiting for a refund. Also what nobody has
# tried yet: its message may be lost.
_PENDING_SECONDS = 3600
# Kinds of history lines that say only that an order was checked or an effect tried.
_NO_PROGRESS = {LOOKUP_NEEDED, EFFECT_FAILED, "effect_missing_remotely", "effect_done"}


@dataclass(frozen=True, slots=True)
class Repaired:
    """The order as it is to be written (None: neither side has one), what happened to it and what differed."""

    order: Order | None
    place: bool = False  # it still has to be created at the platform
    skipped: bool = False  # the sides were not compared: something happened here since the platform was asked
    transitions: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Repairer:
    """Repairs this merchant's orders; `member_id_for` returns the member of a platform account (open_id),
    `finder` is who asks the platform."""

    policy: Policy
    member_id_for: Callable[[str], str]
    finder: str = RECONCILER

    def repair(self, local: Order | None, remote: "RemoteOrder | None", *, now: int) -> Repaired:
        """Decide and act in memory until nothing is left to do here: then one write holds all of it."""
        repaired = Repaired(local)
        for _ in range(_ROUNDS):
            decision = decide(repaired.order, remote, now=now, policy=self.policy, finder=self.finder)
            repaired = replace(repaired, findings=tuple(dict.fromkeys((*repaired.findings, *decision.findings))))
            if not decision.actions or Place() in decision.actions:
                return replace(repaired, place=bool(decision.actions))
            for action in decision.actions:
                repaired = self._act(repaired, action, remote, now)
        return repaired

    def next_due(self, order: Order, *, now: int) -> int:
        """Return when a reconciler that checked at `now` checks next (0: never): each time twice as long as it has
        waited."""
        first = next_check(replace(order, due_at=0), now, self.policy)
        if not first:
            return 0
        waited = 2 * (now - last_progress(order))
        grown = min(waited, _PENDING_SECONDS) if order.pending else waited
        later = now + max(first - now, self.policy.check_seconds, grown)
        expires = self.policy.expires_at(order) if order.awaits_money else 0
        return min(later, expires) if expires > now else later

    def _act(self, repaired: Repaired, action: Action, remote: "RemoteOrder | None", now: int) -> Repaired:
        if isinstance(action, Adopt) and remote is not None:
            adopted = adopt(remote, member_id=self.member_id_for(remote.open_id), now=now)
            return replace(repaired, order=adopted)
        if repaired.order is None or isinstance(action, Adopt | Place):
            return repaired
        if isinstance(action, Hold):
            return replace(
                repaired, order=hold(repaired.order, action.why, at=now), alerts=(*repaired.alerts, "amount_differs")
            )
        return self._apply(repaired, repaired.order, action)

    def _apply(self, repaired: Repaired, order: Order, event: Event) -> Repaired:
        outcome = apply(order, event, policy=self.policy)
        if not isinstance(outcome, Applied):
            return repaired
        transitions, alerts = (*repaired.transitions, outcome.transition), (*repaired.alerts, *outcome.alerts)
        return replace(repaired, order=outcome.order, transitions=transitions, alerts=alerts)


def last_progress(order: Order) -> int:
    """Return when something last happened to the order, in Unix seconds; a check or an attempt is nothing."""
    moved = (entry.at for entry in order.history if entry.kind not in _NO_PROGRESS)
    return max(moved, default=order.created_at)
