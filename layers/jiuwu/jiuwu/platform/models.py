"""The values that cross the platform's border, as our own: integer fen, Unix seconds, our names."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic import WrapValidator as Wrap

from jiuwu.platform.decoding import REPLACEMENT, as_number, as_word
from jiuwu.platform.money import MAX_FEN
from jiuwu.platform.profile.contract import OrderStatus, RefundStatus
from jiuwu.platform.times import MAX_UNIX_SECONDS
from jiuwu.platform.web_address import is_safe


def _as_text(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return a number as its digits: some platforms write ids and names of digits as numbers."""
    whole = as_number(value) if isinstance(value, float) and value < _EXACT else value
    return as_word(whole) if type(whole) is int and whole >= 0 else value


def _readable(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Refuse what holds a replacement character: two ids that differ in what cannot be read must not become one."""
    if isinstance(value, str) and REPLACEMENT in value:
        raise ValueError("holds a character that cannot be read")
    return value


def _as_id(value: Any) -> Any:  # noqa: ANN401 -- JSON
    return _as_text(_readable(value))


def _as_page_name(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Read false, 0, -1 or an empty list as "there is no further page", as some platforms say it."""
    return "" if not value or value == -1 else _as_text(value)


def _as_whole(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return 3 for 3.0, "3" and "3.0"."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    return as_number(value)


def _as_yes_or_no(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Read 0 and 1 as no and yes, and "0", "1", "true" and "false"."""
    if isinstance(value, str):
        return _YES_OR_NO.get(value.lower(), value)
    return bool(value) if type(value) in (int, float) and value in (0, 1) else value


def _or_else(default: object) -> Wrap:
    """Make a field that decides nothing: in a form that it cannot have, it counts as missing."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> object:  # noqa: ANN401 -- JSON
        try:
            return handler(value)
        except ValidationError:
            return default

    return Wrap(read)


_YES_OR_NO = {"0": False, "1": True, "false": False, "true": True}
_EXACT = 2**53  # from here on a float stands for several whole numbers
_WHOLE = re.compile(r"[0-9]{1,20}(?:\.0{1,9})?", re.ASCII)
# Ids become keys and labels: bounded, so that a hostile one fails here and not in a table.
Id = Annotated[str, BeforeValidator(_as_id), Field(min_length=1, max_length=128)]
Fen = Annotated[int, Field(ge=0, le=MAX_FEN)]
# 0 where the platform does not say, or says nothing that is a time (platform/times.py): no decision hangs on it.
Seconds = Annotated[int, Field(ge=0, lt=MAX_UNIX_SECONDS)]
Count = Annotated[int, BeforeValidator(_as_whole), Field(ge=0, le=10**9)]
MaybeId = Annotated[Id | None, _or_else(None)]
Member = Annotated[Id | Literal[""], _or_else("")]
RefundNo = Annotated[str, BeforeValidator(_as_id), Field(max_length=128)]
# Shown to people at most.
Words = Annotated[str, _or_else(""), BeforeValidator(_as_text)]
# Goes back in a URL, and is kept meanwhile.
PageName = Annotated[str, BeforeValidator(_as_page_name), Field(max_length=4096)]
Secret = Annotated[str, BeforeValidator(_readable), Field(min_length=1, max_length=8192)]
# For people to see or follow: an odd one is cut or left out, and takes nothing else with it.
ShownName = Annotated[Words, AfterValidator(lambda name: name[:64])]
WebAddress = Annotated[Words, AfterValidator(lambda url: url if is_safe(url) else "")]


# How a refund stands; "unknown" is a word that the profile does not have, and never counts as succeeded.
RefundState = RefundStatus | Literal["unknown"]


class Value(BaseModel):
    # strict: true is not 1, "1" is not 1; deferred: a function's start pays for the models that it uses
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True, defer_build=True)


class RemoteItem(Value):
    product_id: Id
    title: Words = ""
    quantity: Count  # 0 on the line of a gift
    price_fen: Fen


class RemotePayment(Value):
    transaction_id: Id
    amount_fen: Fen
    paid_at: Seconds = 0


class RemoteRefund(Value):
    """A refund of an order; `out_refund_no` is empty when it was made at the platform and not by us, `refunded_at` 0
    while it gave nothing back."""

    refund_id: Id
    transaction_id: Id
    amount_fen: Fen
    refunded_at: Seconds = 0
    out_refund_no: RefundNo = ""
    status: RefundState = "succeeded"


class RemoteOrder(Value):
    platform_order_no: Id
    out_order_no: Id
    status: OrderStatus
    amount_fen: Fen
    open_id: Member = ""
    paid_amount_fen: Fen | None = None
    # required: a reply without them must not look like an order without payments
    payments: tuple[RemotePayment, ...]
    refunds: tuple[RemoteRefund, ...]
    updated_at: Seconds = 0
    created_at: Seconds = 0
    items: tuple[RemoteItem, ...] = ()
    pay_url: WebAddress = ""

    @property
    def given_back(self) -> tuple[RemoteRefund, ...]:
        """Return the refunds that gave money back."""
        return tuple(refund for refund in self.refunds if refund.status == "succeeded")

    @property
    def not_failed(self) -> tuple[RemoteRefund, ...]:
        """Return the refunds that gave money back, or still may."""
        return tuple(refund for refund in self.refunds if refund.status != "failed")


class Page(Value):
    """One page of changed orders; an empty `next_cursor` means that it was the last.

    `unreadable` says of each order on it that is not as the profile describes which it is and what is wrong.
    """

    orders: tuple[RemoteOrder, ...]
    next_cursor: PageName = ""
    unreadable: tuple[str, ...] = ()


class RefundReply(Value):
    refund_id: Id
    out_refund_no: Id
    amount_fen: Fen
    status: RefundState = "succeeded"


class NewProduct(Value):
    product_id: Id
    title: Annotated[str, BeforeValidator(_as_text)]
    price_fen: Fen
    on_shelf: Annotated[bool, BeforeValidator(_as_yes_or_no)]


class RemoteProduct(NewProduct):
    updated_at: Seconds = 0


class UserProfile(Value):
    open_id: Id
    nickname: ShownName = Field("", repr=False)
    avatar_url: WebAddress = Field("", repr=False)
    level: Annotated[int | str, _or_else(0), BeforeValidator(as_number)] = 0
    updated_at: Seconds = 0


class TokenReply(Value):
    """Tokens of a member; a refresh that names no new `refresh_token` leaves the old one in force. Lives in seconds."""

    access_token: Secret = Field(repr=False)
    expires_in: Annotated[int, Field(gt=0, lt=2**31)]
    refresh_expires_in: Annotated[int, Field(gt=0, lt=2**31)]
    refresh_token: Annotated[Secret | None, _or_else(None)] = Field(None, repr=False)
    scope: Words = ""
    open_id: MaybeId = None


class NewOrder(Value):
    out_order_no: Id
    amount_fen: Fen
    items: tuple[RemoteItem, ...]
    notify_url: str | None = None


# What we do nothing with is optional below: a platform that leaves it out must not make poison of its notifications.
class OrderPaid(Value):
    out_order_no: Id
    platform_order_no: Id
    transaction_id: Id
    amount_fen: Fen
    paid_at: Seconds = 0
    open_id: MaybeId = None


class OrderCancelled(Value):
    out_order_no: Id
    platform_order_no: Id
    cancelled_at: Seconds | None = None
    reason: Words = Field("", repr=False)


class OrderCompleted(Value):
    out_order_no: Id
    platform_order_no: Id
    completed_at: Seconds | None = None


class OrderRefunded(Value):
    """A refund; `out_refund_no` is empty when it was made at the platform and not by us."""

    out_order_no: Id
    platform_order_no: Id
    refund_id: Id
    transaction_id: Id
    amount_fen: Fen
    refunded_at: Seconds = 0
    out_refund_no: RefundNo = ""
    refund_status: RefundState = "succeeded"


type OrderEvent = OrderPaid | OrderCancelled | OrderCompleted | OrderRefunded


class OrderNotification(Value):
    """A notification about an order; `version` grows with each change of the order at the platform.

    `occurred_at` and `version` are 0 where the platform does not say.
    """

    event_id: Id
    occurred_at: Seconds = 0
    event: OrderPaid | OrderCancelled | OrderCompleted | OrderRefunded
    version: Annotated[int, Field(ge=0, lt=2**63)] = 0
