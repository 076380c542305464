"""Our order created at the platform: idempotent by its number, fetched before it is created once more."""

from typing import TYPE_CHECKING, Literal

from jiuwu.deadline import NO_DEADLINE, Deadline
from jiuwu.platform.errors import OrderConflict, OrderUnknown, UnknownOutcome
from jiuwu.points.ledger import AlreadyReturned, InsufficientPoints, LedgerBusy, PointsLedger

from .ids import fingerprint, order_no_for
from .order import Line, Order

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient, TokenSource
    from jiuwu.platform.models import NewOrder, RemoteOrder


# What no later try can help.
FINAL: tuple[Literal["points_short", "points_returned", "content_refused"], ...] = (
    "points_short",
    "points_returned",
    "content_refused",
)

# A member waits for the payment page.
FIRST_RETRY_SECONDS = 5

type Reason = Literal[
    "login_needed", "token_busy", "refused", "points_busy", "points_short", "points_returned", "content_refused"
]


class NotPlaceable(Exception):
    """This order cannot be placed, even if the platform is well: `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"not placed: {reason}")
        self.reason = reason

    @property
    def final(self) -> bool:
        """Return whether no later try can help: the order is to be cancelled."""
        return self.reason in FINAL


def new_order(  # noqa: PLR0913 -- what an order is made of
    member_id: str,
    open_id: str,
    idempotency_key: str,
    lines: tuple[Line, ...],
    *,
    now: int,
    check_seconds: int,
    points: int = 0,
) -> Order:
    """Return the order that a member's request makes; a repetition makes the same. It is due for a check in case this
    process crashes."""
    wanted = ((line.product_id, line.quantity) for line in lines)
    return Order(
        order_no=order_no_for(member_id, idempotency_key),
        member_id=member_id,
        open_id=open_id,
        lines=lines,
        amount_fen=sum(line.quantity * line.price_fen for line in lines),
        fingerprint=fingerprint(wanted, with_points=points > 0),
        created_at=now,
        due_at=now + check_seconds,
        points=points,
    )


def place(
    platform: "PlatformClient", order: Order, token: "TokenSource", *, deadline: Deadline = NO_DEADLINE
) -> "RemoteOrder":
    """Create our order at the platform, on the member's behalf, and return the platform's view of it. Raise
    PlatformError, and what `token` raises.

    After an unknown outcome, or a refusal because the platform has the number with other content, the order is fetched;
    only if the platform certainly does not have it, it is created once more.
    """
    request = _creation_request(order)
    try:
        return platform.create_order(request, token, timeout=attempt_seconds(platform, deadline))
    except (UnknownOutcome, OrderConflict):
        found = fetch_remote(platform, order.order_no, deadline=deadline)
    return found or platform.create_order(request, token, timeout=attempt_seconds(platform, deadline))


def retry_seconds(tries: int, check_seconds: int) -> int:
    """Return the pause before an order is placed once more that could not be, `tries` times by now beside the first:
    5 s, 10 s, 20 s …; 0 when the due time of the order brings it as soon."""
    pause = FIRST_RETRY_SECONDS * 2**tries
    return pause if pause <= check_seconds else 0


def reserve(ledger: PointsLedger, order: Order, *, at: int) -> None:
    """Reserve the points that pay for an order, before the platform hears of it. Raise NotPlaceable."""
    try:
        ledger.reserve(order.member_id, order.order_no, order.points, at=at)
    except InsufficientPoints as short:
        raise NotPlaceable("points_short") from short
    except AlreadyReturned as over:
        raise NotPlaceable("points_returned") from over
    except LedgerBusy as busy:
        raise NotPlaceable("points_busy") from busy


def fetch_remote(
    platform: "PlatformClient", order_no: str, *, deadline: Deadline = NO_DEADLINE
) -> "RemoteOrder | None":
    """Return the platform's view of an order now; None when it has none. Raise PlatformError."""
    try:
        return platform.get_order(order_no, timeout=attempt_seconds(platform, deadline))
    except OrderUnknown:
        return None


def attempt_seconds(platform: "PlatformClient", deadline: Deadline) -> float:
    """Return how many seconds one attempt of a call may take: as the profile has it, or less when time runs out.

    A call makes up to three attempts; an eighth of what remains for each leaves more than half for what comes after.
    """
    return min(platform.profile.gateway.timeout_seconds, max(deadline.remaining() / 8, 0.05))


def _creation_request(order: Order) -> "NewOrder":
    from jiuwu.platform.models import NewOrder, RemoteItem  # here, because pydantic takes long to load

    items = tuple(
        RemoteItem(product_id=line.product_id, title=line.title, quantity=line.quantity, price_fen=line.price_fen)
        for line in order.lines
    )
    return NewOrder(out_order_no=order.order_no, amount_fen=order.amount_fen, items=items)
