"""The events of an order, as plain values; `apply` in state_machine.py says what each does. Times: Unix seconds."""

from dataclasses import dataclass, field

from .effect_key import EffectKey
from .order import Failure


@dataclass(frozen=True, slots=True)
class Placed:
    """The platform confirmed our order."""

    at: int
    platform_order_no: str
    pay_url: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """The platform says that money came. `event_id` is a notification's, or the reconciler makes it of the evidence;
    `payload_digest` is that of what it said; `shown` is True when the platform was asked and showed it."""

    event_id: str
    at: int
    transaction_id: str
    amount_fen: int
    paid_at: int
    payload_digest: str = ""
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The platform cancelled the order, or confirmed our cancellation."""

    event_id: str
    at: int
    reason: str = ""
    payload_digest: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """The member confirmed receipt, or the platform did for them."""

    event_id: str
    at: int
    payload_digest: str = ""


@dataclass(frozen=True, slots=True)
class Refunded:
    """The platform gave money back; fen above zero. `out_refund_no` is the effect's id when we requested it."""

    event_id: str
    at: int
    refund_id: str
    transaction_id: str
    amount_fen: int
    refunded_at: int
    out_refund_no: str = ""
    payload_digest: str = ""


@dataclass(frozen=True, slots=True)
class RefundStatusChanged:
    """The platform shows a refund that gave nothing back: "processing", "failed", or "unknown" (a word that the profile
    does not have). Without an `event_id` it stands in the platform's list: that is how it is now, while a notification
    may come late."""

    event_id: str
    at: int
    refund_id: str
    transaction_id: str
    amount_fen: int
    status: str
    out_refund_no: str = ""
    payload_digest: str = ""

    @property
    def listed(self) -> bool:
        """Return whether this comes from the platform's list, and not from a notification."""
        return not self.event_id


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """The merchant requests so much of what the order keeps, or all of it (None). `request_id` is 1 to 64 visible ASCII
    characters; `reason` (up to 200 characters) is for the platform and the books, and may name people."""

    request_id: str
    at: int
    amount_fen: int | None
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Expired:
    """The order was not paid in time: cancel at the platform first, and here only once it has agreed."""

    at: int


@dataclass(frozen=True, slots=True)
class EffectDone:
    """The receiver of an effect confirmed it."""

    at: int
    effect: EffectKey


@dataclass(frozen=True, slots=True)
class EffectFailed:
    """An attempt at an effect came to nothing. It is tried again, not before `next_at` (Unix seconds), unless `failure`
    says why never; `counted` is False when the attempt was held back and never left us, `unanswered` is True when it
    left and no answer came, so that the receiver may have it."""

    at: int
    effect: EffectKey
    next_at: int = 0
    failure: Failure | None = None
    counted: bool = True
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class ShipUnconfirmed:
    """A process that carried out the order's effects ended before it wrote down what it had done: the ship request may
    have left."""

    at: int


@dataclass(frozen=True, slots=True)
class PaymentsDoubted:
    """Several checks did not find these payments at the platform (transaction ids), or, when `differing`,
    shows them with other amounts."""

    at: int
    transactions: tuple[str, ...]
    differing: bool = False


@dataclass(frozen=True, slots=True)
class Redriven:
    """A person redrives an effect that failed permanently."""

    at: int
    effect: EffectKey


@dataclass(frozen=True, slots=True)
class EffectMissingRemotely:
    """The other side turned out not to have an effect that we hold for done: a status or a refund, never a parcel."""

    at: int
    effect: EffectKey


MessageFacts = Paid | Cancelled | Completed | Refunded | RefundStatusChanged  # what notifications tell
Ours = (
    EffectDone | EffectFailed | ShipUnconfirmed | PaymentsDoubted | Redriven | EffectMissingRemotely
)  # what became of effects
Event = Placed | MessageFacts | RefundRequested | Expired | Ours
