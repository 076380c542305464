"""The merchant's catalogue kept the same at the platform. Our table is right: what differs there is pushed again.

What is off the shelf here need only be off the shelf there, whatever title and price it has: so a product can always be
taken off, even one that the platform would not take any more as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from jiuwu.human_text import escaped
from jiuwu.platform.errors import BadParameters, ContentRefused, PlatformError, ProductRefused, ProductUnknown
from jiuwu.runtime import SYSTEM, Runtime

from .repository import Product, Rows, from_item

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import NewProduct, RemoteProduct

# Each round that we lose is an edit of the row by someone else.
_ROUNDS = 4
_MAX_REASON_CHARACTERS = 200
# What speaks of the product and not of the moment: the same again would be refused again.
_REFUSALS = (ProductRefused, ContentRefused, BadParameters)


class SyncOutcome(StrEnum):
    """The outcome of one product."""

    NOT_COMPARED = "not_compared"  # unchanged here, and compared with the platform not long ago
    SAME = "same"  # compared: both sides agree
    PUSHED = "pushed"  # it was new or changed here, and the platform took it
    REPAIRED = "repaired"  # it differed at the platform, which has taken it again
    REFUSED = "refused"  # the platform does not take it, now or when it last saw it like this
    MALFORMED = "malformed"  # the row has no title, price or shelf as it must
    BUSY = "busy"  # edited again and again while it was pushed; the next run looks again
    GONE = "gone"  # the row was deleted meanwhile
    FAILED = "failed"  # the platform does not answer; the next run looks again


@dataclass(frozen=True, slots=True)
class Kept:
    """One product's outcome; `detail` is a word or two for logs: fields that differed, or a reason."""

    product_id: str
    outcome: SyncOutcome
    detail: str = ""


def compare(local: Product, remote: "RemoteProduct | None") -> tuple[str, ...]:
    """Return what differs between our product and the platform's: missing, title, price, shelf; () if nothing."""
    if not local.on_shelf:
        return ("shelf",) if remote is not None and remote.on_shelf else ()
    if remote is None:
        return ("missing",)
    differs = {
        "title": local.title != remote.title,
        "price": local.price_fen != remote.price_fen,
        "shelf": not remote.on_shelf,
    }
    return tuple(field for field, yes in differs.items() if yes)


def reason(refused: PlatformError) -> str:
    """Return why the platform refused, as a word for logs."""
    word = refused.reason if isinstance(refused, ProductRefused) else ""
    return word or type(refused).__name__


def explanation(refused: PlatformError) -> str:
    """Return why the platform refused, in its own words, for the merchant's screen and never for logs: short, on one
    line."""
    text = f"{reason(refused)}: {refused.msg}" if refused.msg else reason(refused)
    return "".join(char if escaped(char) == char else " " for char in text)[:_MAX_REASON_CHARACTERS]


@dataclass(frozen=True, slots=True)
class _Answer:
    """The platform's answer to a product; `why` (for people) and `word` (for logs) are set when it did not take it."""

    outcome: SyncOutcome
    word: str = ""
    why: str = ""


class Catalogue:
    """Keeps products in step, one at a time. Safe to share between threads."""

    def __init__(self, rows: Rows, platform: "Callable[[], PlatformClient]", *, runtime: Runtime = SYSTEM) -> None:
        self._rows, self._platform, self._clock = rows, platform, runtime.clock

    def keep(self, product: Product, *, seen_before: float = 0, retry_refused: bool = False) -> Kept:
        """Push the product if it has changed; compare it if it was last compared earlier than `seen_before`
        (Unix seconds). Push a refused one only when it has changed, or with `retry_refused`.

        Raise PlatformError, and RowMalformed for what an edit made of the row meanwhile.

        A crash after the push and before the mark costs another push of the same.
        """
        for _ in range(_ROUNDS):
            answer = self._settle(product, seen_before, retry_refused=retry_refused)
            if answer is None:
                standing = SyncOutcome.REFUSED if product.refused else SyncOutcome.NOT_COMPARED
                return Kept(product.product_id, standing, product.refused.partition(":")[0])
            if self._rows.mark(product, at=int(self._clock()), refused=answer.why):
                return Kept(product.product_id, answer.outcome, answer.word)
            # edited meanwhile: the platform must hear the last word, ours may have come after another run's
            item = self._rows.get_many([product.product_id]).get(product.product_id)
            if item is None:
                return Kept(product.product_id, SyncOutcome.GONE)
            product, seen_before = from_item(item), float("inf")
        return Kept(product.product_id, SyncOutcome.BUSY)

    def _settle(self, product: Product, seen_before: float, *, retry_refused: bool) -> _Answer | None:
        """Return what the platform says to the product; None when there is nothing to ask."""
        if product.changed or (retry_refused and product.refused):
            return self._push(product)
        if product.synced_at >= seen_before:
            return None
        differs = compare(product, self._look(product.product_id))
        if not differs:
            return _Answer(SyncOutcome.SAME)
        if product.refused and product.on_shelf:
            return _Answer(SyncOutcome.REFUSED, product.refused.partition(":")[0], product.refused)
        # off the shelf, what is there now may be taken again, though what was there when it was refused was not
        pushed = self._push(product)
        return pushed if pushed.why else _Answer(SyncOutcome.REPAIRED, " ".join(differs))

    def _push(self, product: Product) -> _Answer:
        try:
            taken = self._platform().upsert_product(_said(product))
        except _REFUSALS as refused:
            return self._refused(product, refused)
        return _otherwise(differs) if (differs := compare(product, taken)) else _Answer(SyncOutcome.PUSHED)

    def _refused(self, product: Product, refused: PlatformError) -> _Answer:
        verdict = _Answer(SyncOutcome.REFUSED, reason(refused), explanation(refused))
        if product.on_shelf:
            return verdict
        there = self._look(product.product_id)
        if there is None or not there.on_shelf:
            return _Answer(SyncOutcome.PUSHED)
        try:
            self._platform().upsert_product(there.model_copy(update={"on_shelf": False}))
        except _REFUSALS:
            return verdict
        return _Answer(SyncOutcome.PUSHED)

    def _look(self, product_id: str) -> "RemoteProduct | None":
        try:
            return self._platform().get_product(product_id)
        except ProductUnknown:
            return None


def _said(product: Product) -> "NewProduct":
    from jiuwu.platform.models import NewProduct  # 100 ms that a run without a change need not pay

    return NewProduct(
        product_id=product.product_id, title=product.title, price_fen=product.price_fen, on_shelf=product.on_shelf
    )


def _otherwise(differs: tuple[str, ...]) -> _Answer:
    """The platform took it and yet shows something else: pushing it again would change nothing."""
    word = "kept_otherwise"
    return _Answer(SyncOutcome.REFUSED, word, f"{word}: the platform shows another {' and another '.join(differs)}")
