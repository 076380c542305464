"""Draw the faults that notifications and calls meet. Pure: decided by the subject, never by the time.

Every decision is a hash of the seed and its subject, so the same seed hits the same orders whatever the timing of
threads and processes.
"""

import hashlib
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

type Share = float
_SHARE = Field(default=0.0, ge=0.0, le=1.0)


class NotificationFaults(BaseModel):
    """Shares of the notifications; `simultaneous` is part of the duplicates, `new_event_id` a share of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    duplicate: Share = _SHARE
    simultaneous: Share = _SHARE
    new_event_id: Share = Field(default=0.2, ge=0.0, le=1.0)
    reorder: Share = _SHARE
    delay: Share = _SHARE
    drop: Share = _SHARE
    forge: Share = _SHARE
    unknown_fields: Share = _SHARE
    only: tuple[str, ...] = Field(default=(), description="event types to hit, all of them when empty")


class CallFaults(BaseModel):
    """Shares of the calls; a call meets at most one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate_limited: Share = _SHARE
    server_error: Share = _SHARE
    timeout: Share = _SHARE
    lost_reply: Share = _SHARE
    odd_reply: Share = _SHARE
    hold_seconds: float = Field(default=2.5, ge=0, description="how long a timeout holds; a client waits 2 s")
    only: tuple[str, ...] = Field(default=(), description="calls to hit, such as orders.create; all when empty")


class Faults(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    notifications: NotificationFaults = NotificationFaults()
    calls: CallFaults = CallFaults()
    tokens_expire: Share = Field(
        default=0.0, ge=0.0, le=1.0, description="share of fresh grants that expire after first use"
    )
    slow_refunds: Share = Field(default=0.0, ge=0.0, le=1.0, description="share of refunds that begin as processing")
    clock_skew: int = Field(default=0, description="seconds by which the gateway's clock runs ahead of ours")


class Copy(NamedTuple):
    """One delivery of a notification; `after` is seconds of platform time before its first attempt."""

    kind: str
    after: float


# how a fault shows itself; the first of each is what documents promise, the others happen all the same
CALL_FORMS = {
    "rate_limited": ("http_429", "code_in_200"),
    "server_error": ("http_500", "http_503", "internal_in_200", "busy_in_200"),
    "timeout": ("never_done", "done_late"),
    "lost_reply": ("cut_off", "garbage", "done_but_silent"),
    # the right reply, written as some platforms would
    "odd_reply": ("half_emoji", "not_utf8", "byte_order_mark", "beyond_numbers", "null_lists"),
}


def roll(seed: int, *about: object) -> float:
    """Return a number in [0, 1), uniform, and the same for the same arguments."""
    text = "\x1f".join(str(part) for part in (seed, *about))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / 2**64


def copies(faults: Faults, event_id: str, event_type: str) -> tuple[Copy, ...]:
    shares = faults.notifications
    if shares.only and event_type not in shares.only:
        return (Copy("original", 0.0),)
    draws = _Draws(faults.seed, event_id)
    forged = (
        (Copy(draws.pick("forgery", "forged_secret", "forged_timestamp"), 0.0),)
        if draws.hits("forge", shares.forge)
        else ()
    )
    if draws.hits("drop", shares.drop):
        return (Copy("dropped", 0.0), *forged)
    first = _first(shares, draws)
    return (first, *_duplicates(shares, draws, first.after), *forged)


def has_unknown_fields(faults: Faults, event_id: str) -> bool:
    return _Draws(faults.seed, event_id).hits("unknown_fields", faults.notifications.unknown_fields)


def call_fault(faults: Faults, call: str, subject: str, ordinal: int) -> tuple[str, str] | None:
    """Return the fault and its form for the `ordinal`-th call about this subject, None for none."""
    shares = faults.calls
    if shares.only and call not in shares.only:
        return None
    draws = _Draws(faults.seed, call, subject, ordinal)
    point = draws.roll("fault")
    for fault, forms in CALL_FORMS.items():
        point -= getattr(shares, fault)
        if point < 0:
            return fault, draws.pick("form", *forms)
    return None


def grant_expires(faults: Faults, open_id: str, grant: int) -> bool:
    return _Draws(faults.seed, open_id, grant).hits("tokens_expire", faults.tokens_expire)


def refund_is_slow(faults: Faults, refund_id: str) -> bool:
    return _Draws(faults.seed, refund_id).hits("slow refund", faults.slow_refunds)


def _first(shares: NotificationFaults, draws: "_Draws") -> Copy:
    """Return the first copy: reordered by up to two minutes, or delayed by up to a quarter of an hour."""
    point = draws.roll("first")
    if point < shares.delay:
        return Copy("delayed", 120 + 780 * draws.roll("delay time"))
    if point < shares.delay + shares.reorder:
        return Copy("reordered", 10 + 110 * draws.roll("reorder time"))
    return Copy("original", 0.0)


def _duplicates(shares: NotificationFaults, draws: "_Draws", after: float) -> tuple[Copy, ...]:
    point = draws.roll("duplicate")
    if point < shares.simultaneous:
        return (Copy("simultaneous", after),)
    if point >= shares.duplicate:
        return ()
    kind = "new_event_id" if draws.hits("new event id", shares.new_event_id) else "duplicate"
    return (Copy(kind, after + 60 * draws.roll("duplicate time")),)


class _Draws:
    def __init__(self, seed: int, *about: object) -> None:
        self._seed = seed
        self._about = about

    def roll(self, kind: str) -> float:
        return roll(self._seed, *self._about, kind)

    def hits(self, kind: str, share: float) -> bool:
        return self.roll(kind) < share

    def pick(self, kind: str, *choices: str) -> str:
        return choices[int(self.roll(kind) * len(choices))]
