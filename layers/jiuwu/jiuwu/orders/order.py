"""An order as a plain value; what happens to it is in orders/events.py.

One order is one item and one thing that happened is one conditional write of it, so the item holds everything: the
ledger (its entries are the payments and refunds themselves), the effects still to be done outside, and the history,
whose lines keep the idempotency keys.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

import msgspec

from .effect_key import EffectKey, PushStatus, RefundAll, RefundKey, RefundPart
from .ids import effect_id


class Failure(msgspec.Struct, frozen=True):
    """The reason why an effect failed permanently. "poison": its receiver refuses it, and certainly has not done it;
    "exhausted": it kept failing, and may have been done all the same."""

    kind: Literal["poison", "exhausted"]
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


# The platform took a refund and could not give the money back.
REFUND_FAILED = Failure("poison", "RefundFailed")


class Status(StrEnum):
    """The state of an order; `apply` in orders/state_machine.py holds the arrows."""

    CREATED = "created"  # ours alone; the platform has not confirmed it yet
    PLACED = "placed"  # both sides have it, nobody has paid
    PAID = "paid"
    SHIPPED = "shipped"  # the merchant's bus took the ship request
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    HELD = "held"  # money came that does not fit the order: never shipped, a person decides

    @property
    def as_remote(self) -> str:
        """Return the state as the platform calls it; it has no word for an order on hold."""
        return "created" if self is Status.PLACED else self.value


class HoldReason(StrEnum):
    """The reason why an order is on hold. The first two wait for money, may expire and may be cancelled; the others
    wait for a person."""

    NONE = ""
    SHORT = "short"  # what has come is less than the amount: the rest may still come
    UNPROVEN = "payment_unknown_there"  # a notification reports a payment that the platform does not show
    DIFFERS = "amount_differs"  # the two sides name different amounts
    OVER_REFUNDED = "refund_exceeds_payment"  # more went back than came


@dataclass(frozen=True, slots=True)
class Line:
    """One product of an order; the price is fen per piece, as it was when the order was made."""

    product_id: str
    title: str
    quantity: int
    price_fen: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking: a payment (fen above zero) or a refund (below zero).

    `ref` is the platform's transaction id of a payment or refund id of a refund and books once; `of` is the payment
    that a refund gives back, empty for payments. `at` is when the money moved, in Unix seconds; `by` is the event that
    booked it; `answers` is the effect of ours that a refund answers. A payment that the platform did not show when it
    was asked, at `doubted_at`, counts for nothing until the platform shows it.
    """

    ref: str
    fen: int
    at: int
    of: str = ""
    by: str = ""
    answers: RefundKey | None = None
    doubted_at: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """A side effect owed to an external system: attempts made, and completion time (Unix seconds; 0 while pending).

    Its key says what (orders/effect_key.py); `fen` is the amount of a RefundPart. Receivers dedupe by
    `effect_id(order_no, key)`. It is not tried before `next_at` (Unix seconds), and never again once it failed
    permanently; a person may redrive it. `times_missing` counts how often its receiver had confirmed it and turned out
    not to have it.
    """

    attempts: int = 0
    done_at: int = 0
    fen: int = 0
    next_at: int = 0
    failure: Failure | None = None
    times_missing: int = 0

    @property
    def refused(self) -> bool:
        """Return whether its receiver will not have it, and certainly has not done it."""
        return self.failure is not None and self.failure.kind == "poison"

    @property
    def refund_failed(self) -> bool:
        """Return whether the platform took this refund and could not give the money back.

        A new request goes out under another number: under this one the platform repeats its answer.
        """
        return self.failure == REFUND_FAILED

    @property
    def pending(self) -> bool:
        """Return whether it is still to be done."""
        return not self.done_at and not self.failure


@dataclass(frozen=True, slots=True)
class UnbookedRefund:
    """A refund that the platform shows and that gave nothing back: "processing", "failed", or "unknown", which is a
    word that the profile does not have and counts as under way.

    `ref` is the platform's refund id, `of` the payment, `answers` the effect of ours that it answers (None for one made
    at the platform), `at` when we heard of it in Unix seconds.
    """

    ref: str
    fen: int
    at: int
    of: str
    status: str
    answers: RefundKey | None = None

    @property
    def under_way(self) -> bool:
        """Return whether it may still give money back."""
        return self.status != "failed"


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of an order's history: when (Unix seconds), by which event (its id; empty where it has none), and what.

    `payload_digest` is that of what the event said: its id with another digest is another event under a used id.
    """

    at: int
    idempotency_key: str
    kind: str
    detail: str = ""
    payload_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the orders table keeps it. Money is integer fen, times are Unix seconds."""

    order_no: str
    member_id: str
    open_id: str
    lines: tuple[Line, ...]
    amount_fen: int
    fingerprint: str  # of the request that made it: the same Idempotency-Key with another body is refused
    created_at: int
    status: Status = Status.CREATED
    version: int = 0  # of the item that was read; a write expects it and stores one more
    platform_order_no: str = ""
    pay_url: str = ""
    ledger: tuple[Entry, ...] = ()
    effects: tuple[tuple[EffectKey, Effect], ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    unbooked: tuple[UnbookedRefund, ...] = ()  # refunds at the platform that gave nothing back, yet or ever
    due_at: int = 0  # when it must next be checked; 0: never
    hold_reason: HoldReason = HoldReason.NONE  # of an order on hold
    points: int = 0  # paid with so many of the merchant's own points: then amount_fen is 0
    # the merchant's reason for each refund requested, by the request of its RefundPart; they may name people
    reasons: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    # when the platform was last asked because the member did; written beside the version, so no part of what is equal
    checked_at: int = field(default=0, compare=False)
    # when what the merchant's list shows of it last changed; stamped by the write, so no part of what is equal
    changed_at: int = field(default=0, compare=False)

    @property
    def pending(self) -> tuple[EffectKey, ...]:
        """Return the effects still to be done, oldest first."""
        return tuple(key for key, effect in self.effects if effect.pending)

    @property
    def balance_fen(self) -> int:
        """Return what we hold for this order: payments less refunds."""
        return sum(entry.fen for entry in self.ledger if not entry.doubted_at)

    @property
    def payments(self) -> tuple[Entry, ...]:
        """Return the payments booked, oldest first, without those in doubt."""
        return tuple(entry for entry in self.ledger if not entry.of and not entry.doubted_at)

    @property
    def doubted(self) -> tuple[Entry, ...]:
        """Return the payments that the platform did not show when it was asked."""
        return tuple(entry for entry in self.ledger if entry.doubted_at)

    @property
    def awaits_money(self) -> bool:
        """Return whether nothing but money is missing: until it comes, the order may expire and may be cancelled."""
        waits = self.hold_reason in (HoldReason.SHORT, HoldReason.UNPROVEN)
        return self.status in (Status.CREATED, Status.PLACED) or (self.status is Status.HELD and waits)

    @property
    def refunds(self) -> tuple[Entry, ...]:
        """Return the refunds booked, oldest first."""
        return tuple(entry for entry in self.ledger if entry.of)

    @property
    def kept(self) -> tuple[Entry, ...]:
        """Return the payments that were taken for the order, and are not to go back whole."""
        return tuple(entry for entry in self.payments if self.effect(RefundAll(entry.ref)) is None)

    def payment(self, transaction_id: str) -> Entry | None:
        """Return the booking of this transaction, in doubt or not; refunds are numbered apart, one may have the same
        id."""
        return next((entry for entry in self.ledger if entry.ref == transaction_id and not entry.of), None)

    def refund(self, refund_id: str) -> Entry | None:
        """Return the booking of this refund."""
        return next((entry for entry in self.refunds if entry.ref == refund_id), None)

    def unbooked_refund(self, refund_id: str) -> UnbookedRefund | None:
        """Return this refund while it has given nothing back."""
        return next((one for one in self.unbooked if one.ref == refund_id), None)

    def refunded_fen(self, transaction_id: str) -> int:
        """Return how much of this payment went back, whether or not the payment itself is booked yet."""
        return -sum(entry.fen for entry in self.refunds if entry.of == transaction_id)

    def remaining_fen(self, transaction_id: str) -> int:
        """Return how much of this payment we still hold; below zero when more went back than came."""
        payment = self.payment(transaction_id)
        return (payment.fen if payment else 0) - self.refunded_fen(transaction_id)

    def refundable_fen(self, transaction_id: str) -> int:
        """Return how much of a payment is neither given back nor on its way back."""
        return 0 if self.goes_back(transaction_id) else self.uncommitted_fen(transaction_id)

    def goes_back(self, transaction_id: str) -> bool:
        """Return whether all that is left of this payment is on its way back; not when that failed, nor once it is
        booked."""
        whole = self.effect(key := RefundAll(transaction_id))
        return whole is not None and not whole.refused and key not in self.answered

    def uncommitted_fen(self, transaction_id: str) -> int:
        """Return how much of a payment is left by the refunds of it, and by those of parts of it that are on their way:
        requested by us, or begun at the platform."""
        parts = self.requested_parts(transaction_id).items()
        on_its_way = sum(effect.fen for key, effect in parts if key not in self.answered and not effect.refused)
        there = sum(one.fen for one in self.begun_there(transaction_id))
        return self.remaining_fen(transaction_id) - on_its_way - there

    def begun_there(self, transaction_id: str) -> tuple[UnbookedRefund, ...]:
        """Return the refunds of this payment that the platform began by itself, and that are under way."""
        return tuple(one for one in self.unbooked if one.of == transaction_id and one.under_way and not one.answers)

    @property
    def answered(self) -> frozenset[RefundKey]:
        """Return the effects of ours that a booked refund answers."""
        return frozenset(refund.answers for refund in self.refunds if refund.answers)

    def requested_parts(self, transaction_id: str) -> dict[RefundPart, Effect]:
        """Return the parts of this payment that were requested back, by the merchant or by a rule."""
        parts = ((key, effect) for key, effect in self.effects if isinstance(key, RefundPart))
        return {key: effect for key, effect in parts if key.transaction_id == transaction_id}

    def refund_keys(self, transaction_id: str) -> tuple[RefundKey, ...]:
        """Return the keys that our refunds of this payment can have: all of it, requested or not, and its parts."""
        return (RefundAll(transaction_id), *self.requested_parts(transaction_id))

    def reason(self, key: EffectKey) -> str:
        """Return the merchant's reason for this refund; empty for a refund that the merchant did not request."""
        return dict(self.reasons).get(key.request, "") if isinstance(key, RefundPart) else ""

    def effect(self, key: EffectKey) -> Effect | None:
        """Return the effect of this key, done or not."""
        return next((effect for known, effect in self.effects if known == key), None)

    def moved(self, status: Status, hold_reason: HoldReason = HoldReason.NONE) -> "Order":
        """Return the order in this status, and on hold for this reason."""
        return replace(self, status=status, hold_reason=hold_reason)

    def with_effect(self, key: EffectKey, effect: Effect) -> "Order":
        """Return the order with this effect as given, in its place or as the newest."""
        if self.effect(key) is None:
            return replace(self, effects=(*self.effects, (key, effect)))
        return replace(self, effects=tuple((known, effect if known == key else old) for known, old in self.effects))

    def without_pending(self, *keys: EffectKey) -> "Order":
        """Return the order without these effects, except those already done."""
        return replace(self, effects=tuple((k, e) for k, e in self.effects if k not in keys or e.done_at))

    def seen(self, idempotency_key: str) -> HistoryEntry | None:
        """Return what this event did when it was taken in; None when it was not, or too long ago."""
        return next((entry for entry in self.history if entry.idempotency_key == idempotency_key), None)

    def has_history(self, kind: str) -> bool:
        """Return whether the history has a line of this kind."""
        return any(entry.kind == kind for entry in self.history)


def request_no(order: "Order", key: EffectKey) -> str:
    """Return the number under which an effect goes out to the platform. A state that it has left since goes out under
    another one: a number that it knows it answers as before, and does nothing. A refund keeps its number, or it might
    be made twice."""
    number = effect_id(order.order_no, key)
    effect = order.effect(key)
    if effect and effect.times_missing and isinstance(key, PushStatus):
        return f"{number}:{effect.times_missing}"
    return number
