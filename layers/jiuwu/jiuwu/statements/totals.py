"""Both sides of many orders counted, summed and compared: what a daily statement says. Pure.

Whether two sides differ is for `decide` (reconciliation/decide.py) to say, by which the reconciler acts: a statement
never has a second opinion. It adds the sums, and tells a difference from what is still on its way.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from jiuwu.orders.order import HoldReason, Order, Status
from jiuwu.orders.payment_sum import missing_fen
from jiuwu.orders.state_machine import Policy
from jiuwu.reconciliation.decide import Decision, decide, not_there
from jiuwu.reconciliation.drift import Drift, Finding
from jiuwu.reconciliation.repair import last_progress

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

ABSENT = "absent"  # the state of an order on the side that does not have it
IN_FLIGHT = "in_flight"
# A part of a statement is one item of a table, at most 400 KB: it names this many orders of each kind, as far as they
# fit into these bytes, and says how many there were. The rest of an item is its sums by state and a page's name.
LISTED = 300
_LISTED_BYTES = 340_000
_EVIDENCE_CHARACTERS = 300
# What the reconciler repairs by itself, so that a change of a moment ago explains it; amounts and contradictions are
# not.
_PASSES = {Drift.MISSED_NOTIFICATION, Drift.PLATFORM_BEHIND, Drift.MISSING_HERE, Drift.MISSING_THERE}


@dataclass(frozen=True, slots=True)
class Sums:
    """So many orders, their fen, and the merchant's own points that orders of nothing were paid with: ours alone."""

    orders: int = 0
    ordered_fen: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0
    points: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.orders + other.orders,
            self.ordered_fen + other.ordered_fen,
            self.paid_fen + other.paid_fen,
            self.refunded_fen + other.refunded_fen,
            self.points + other.points,
        )

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(
            self.orders - other.orders,
            self.ordered_fen - other.ordered_fen,
            self.paid_fen - other.paid_fen,
            self.refunded_fen - other.refunded_fen,
            self.points - other.points,
        )


@dataclass(frozen=True, slots=True)
class SideSnapshot:
    """One order as one side has it, in words that both sides share."""

    state: str = ABSENT
    figures: Sums = Sums()


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """An order that differs, by the class of the difference, or that is in flight. The evidence is ids, states, fen."""

    order_no: str
    class_: str
    evidence: str
    here: SideSnapshot
    there: SideSnapshot


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals of some orders. Totals of other orders are added in any sequence.

    `differing` and `waiting` are numbers of orders, `classes` of differences; `uncompared` orders could not be read.
    """

    here: Mapping[str, Sums] = field(default_factory=dict)
    there: Mapping[str, Sums] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    differing: int = 0
    waiting: int = 0
    uncompared: int = 0
    differences: tuple[Discrepancy, ...] = ()
    in_flight: tuple[Discrepancy, ...] = ()
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            _added(self.here, other.here),
            _added(self.there, other.there),
            dict(sorted((Counter(self.classes) + Counter(other.classes)).items())),
            self.differing + other.differing,
            self.waiting + other.waiting,
            self.uncompared + other.uncompared,
            tuple(sorted((*self.differences, *other.differences), key=_by_number)),
            tuple(sorted((*self.in_flight, *other.in_flight), key=_by_number)),
            tuple(sorted({*self.problems, *other.problems})),
        )

    @property
    def complete(self) -> bool:
        """Return whether every order was compared."""
        return not self.uncompared and not self.problems

    @property
    def never_placed(self) -> int:
        """Return how many orders ended here before the platform had them: only we have them, and nothing differs.
        Return 0 where not all lines are kept, since then it is unknown."""
        lines = {row.order_no: row.there.state for row in (*self.differences, *self.in_flight)}
        if len(lines) < self.differing + self.waiting:
            return 0
        alone = self.there.get(ABSENT, Sums()).orders
        return alone - sum(state == ABSENT for state in lines.values())

    def capped(self) -> "Totals":
        """Return the totals with as many lines as fit an item, differences first; the numbers stay whole."""
        cut: dict[str, Any] = {}
        room = _LISTED_BYTES
        for name in ("differences", "problems", "in_flight"):
            cut[name], room = _fitting(getattr(self, name)[:LISTED], room)
        return replace(self, **cut)


def total(figures: Mapping[str, Sums]) -> Sums:
    """Return the sum over all states; an order that a side does not have is none of its orders."""
    return sum((one for state, one in figures.items() if state != ABSENT), Sums())


def of_pair(
    local: Order | None, remote: "RemoteOrder | None", *, now: int, policy: Policy, fresh_seconds: int
) -> Totals:
    """Return the totals of one order; None for a side that does not have it. `now` is when the platform was asked.

    What changed less than `fresh_seconds` ago has its notification, or the reconciler's next run, still before it. For
    money that only we know of that counts from when it moved, whatever happened to the order since.
    """
    here, there = seen_here(local), seen_there(remote)
    number = local.order_no if local else remote.out_order_no if remote else ""
    decision = decide(local, remote, now=now, policy=policy)
    age = min(abs(now - at) for at in _moved_at(local, remote))
    overdue = list(_overdue(local, remote, now, fresh_seconds))
    found = list(dict.fromkeys((*decision.findings, *overdue)))
    findings = found or _unexplained(number, here, there, local, decision)
    young = [finding for finding in findings if age < fresh_seconds and finding.class_ in _PASSES]
    transient = [finding for finding in young if finding not in overdue]
    evidence = [f"changed {age} s ago: {finding.evidence}" for finding in transient]
    evidence += [] if findings or _agree(here, there) else _on_its_way(local, decision)
    lines = _lines([finding for finding in findings if finding not in transient], here, there)
    waiting = (
        (Discrepancy(number, IN_FLIGHT, "; ".join(evidence)[:_EVIDENCE_CHARACTERS], here, there),) if evidence else ()
    )
    return Totals(
        {here.state: replace(here.figures, orders=1)},
        {there.state: replace(there.figures, orders=1)},
        {line.class_: 1 for line in lines},
        differing=1 if lines else 0,
        waiting=0 if lines else len(waiting),
        differences=lines,
        in_flight=() if lines else waiting,
    )


def uncompared(problems: Iterable[str]) -> Totals:
    """Return the totals of orders that could not be read, with one reason each."""
    reasons = tuple(problems)
    return Totals(uncompared=len(reasons), problems=tuple(sorted(set(reasons))))


def seen_here(order: Order | None) -> SideSnapshot:
    """Return our order in the platform's words."""
    if order is None:
        return SideSnapshot()
    paid, refunded = (sum(abs(entry.fen) for entry in entries) for entries in (order.payments, order.refunds))
    # the member has the points of an order that is over
    points = 0 if order.status in (Status.CANCELLED, Status.REFUNDED) else order.points
    return SideSnapshot(order.status.as_remote, Sums(1, order.amount_fen, paid, refunded, points))


def seen_there(remote: "RemoteOrder | None") -> SideSnapshot:
    """Return the platform's order in the same words."""
    if remote is None:
        return SideSnapshot()
    paid, refunded = (sum(one.amount_fen for one in money) for money in (remote.payments, remote.given_back))
    return SideSnapshot(remote.status, Sums(1, remote.amount_fen, paid, refunded))


def _overdue(local: Order | None, remote: "RemoteOrder | None", now: int, fresh_seconds: int) -> Iterator[Finding]:
    """Yield money that is here and not there, and was to be there by now; one that moves in the future is no excuse."""
    for entry, why in not_there(local, remote) if local and remote else ():
        if abs(now - entry.at) >= fresh_seconds:
            yield Finding(Drift.PLATFORM_BEHIND, local.order_no if local else "", why)


def _unexplained(
    number: str, here: SideSnapshot, there: SideSnapshot, local: Order | None, decision: Decision
) -> list[Finding]:
    """Return a difference that no finding explains and no pending effect will end, so that no order passes by
    omission."""
    never_placed = (here.state, there.state) == ("cancelled", ABSENT) and not here.figures.paid_fen
    if _agree(here, there) or never_placed or _on_its_way(local, decision):
        return []
    return [Finding(Drift.STATE_IMPOSSIBLE, number, f"{_describe(here)} here, {_describe(there)} there")]


def _agree(here: SideSnapshot, there: SideSnapshot) -> bool:
    """Return whether the sides agree. The platform knows nothing of points: an order paid with them is one of nothing
    there."""
    return here.state == there.state and replace(here.figures, points=0) == there.figures


def _on_its_way(local: Order | None, decision: Decision) -> list[str]:
    """Return what will bring the sides together: effects still to leave, or what the reconciler would do now."""
    pending = [f"pending: {', '.join(map(str, local.pending))}"] if local and local.pending else []
    if local and local.hold_reason is HoldReason.SHORT:
        pending.append(f"waits for the rest: {missing_fen(local)} of {local.amount_fen} fen are missing")
    pending += [f"refund {one.ref} is {one.status} there" for one in local.unbooked if one.under_way] if local else []
    return pending + [f"to be done: {type(action).__name__.lower()}" for action in decision.actions]


def _describe(seen: SideSnapshot) -> str:
    money = seen.figures
    return f"{seen.state} with {money.paid_fen} fen paid and {money.refunded_fen} fen refunded"


def _lines(findings: Iterable[Finding], here: SideSnapshot, there: SideSnapshot) -> tuple[Discrepancy, ...]:
    """Return one line for each class of an order."""
    evidence: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        evidence.setdefault((finding.order_no, finding.class_.value), []).append(finding.evidence)
    return tuple(Discrepancy(*key, "; ".join(why)[:_EVIDENCE_CHARACTERS], here, there) for key, why in evidence.items())


def _moved_at(local: Order | None, remote: "RemoteOrder | None") -> list[int]:
    """Return when something last happened to the order on each side that has it, in Unix seconds."""
    return ([last_progress(local)] if local else []) + ([remote.updated_at] if remote else [])


def _added(one: Mapping[str, Sums], other: Mapping[str, Sums]) -> dict[str, Sums]:
    states = sorted({*one, *other})
    return {state: one.get(state, Sums()) + other.get(state, Sums()) for state in states}


def _fitting(lines: Iterable[object], room: int) -> tuple[tuple[object, ...], int]:
    """Return those lines that still fit into so many bytes of JSON, and how many bytes are left."""
    kept = []
    for line in lines:
        size = len(msgspec.json.encode(line)) + 1  # the comma
        if size <= room:
            kept.append(line)
            room -= size
    return tuple(kept), room


def _by_number(line: Discrepancy) -> tuple[str, str]:
    return line.order_no, line.class_
