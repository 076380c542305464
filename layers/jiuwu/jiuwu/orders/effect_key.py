"""The keys of an order's effects, as values. Their text is for what is stored and for what leaves: ids, logs, people.

A key is a msgspec struct and not a dataclass, because every function pays for each class when it starts.
"""

from typing import Literal

import msgspec


class Ship(msgspec.Struct, frozen=True):
    """Ask the merchant's bus for the parcel."""

    kind = "ship"

    def __str__(self) -> str:
        return "ship"


class PushStatus(msgspec.Struct, frozen=True):
    """Tell the platform the order's new status."""

    status: Literal["shipped", "cancelled"]
    kind = "push"

    def __str__(self) -> str:
        return f"push:{self.status}"


class SpendPoints(msgspec.Struct, frozen=True):
    """Spend the points that the order reserved."""

    kind = "points"

    def __str__(self) -> str:
        return "points:spend"


class ReturnPoints(msgspec.Struct, frozen=True):
    """Give the order's points back to its member."""

    kind = "points"

    def __str__(self) -> str:
        return "points:return"


class RefundAll(msgspec.Struct, frozen=True):
    """Refund all that is left of a payment."""

    transaction_id: str
    kind = "refund"

    def __str__(self) -> str:
        # the # at the end keeps an id that has one itself apart from a part of another payment
        return f"refund:{self.transaction_id}{'#' if '#' in self.transaction_id else ''}"


class RefundPart(msgspec.Struct, frozen=True):
    """Refund the effect's `fen` of a payment.

    `request` is the digest of the merchant's request, or "rule-N" where a rule decided; it is not empty and has no #.
    """

    transaction_id: str
    request: str
    kind = "refund"

    def __str__(self) -> str:
        return f"refund:{self.transaction_id}#{self.request}"

    @property
    def by_rule(self) -> bool:
        """Return whether a rule decided it, and not the merchant."""
        return self.request.startswith("rule-")


class UnknownEffect(msgspec.Struct, frozen=True):
    """An effect that a later version of this code requested. It stays as it is; its delivery fails with its name."""

    text: str
    kind = "unknown"

    def __str__(self) -> str:
        return self.text


RefundKey = RefundAll | RefundPart
EffectKey = Ship | PushStatus | SpendPoints | ReturnPoints | RefundKey | UnknownEffect

_SINGLE: dict[str, EffectKey] = {
    str(key): key for key in (Ship(), SpendPoints(), ReturnPoints(), PushStatus("shipped"), PushStatus("cancelled"))
}


def parse_effect_key(text: str) -> EffectKey:
    """Return the key whose text this is; any other text is an UnknownEffect, which fails this effect only."""
    if text in _SINGLE:
        return _SINGLE[text]
    kind, _, payment = text.partition(":")
    if kind != "refund" or not payment:
        return UnknownEffect(text)
    transaction_id, separator, request = payment.rpartition("#")
    if not separator:
        return RefundAll(payment)
    return RefundPart(transaction_id, request) if request else RefundAll(transaction_id)
