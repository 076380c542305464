"""What crosses the platform's border, as our own values: integer fen, Unix seconds, our names."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from jiuwu.platform.contract import OrderStatus
from jiuwu.platform.money import MOST_FEN
from jiuwu.platform.web_address import is_safe

# Ids become keys and labels: bounded, so that a hostile one fails here and not in a table.
Id = Annotated[str, Field(min_length=1, max_length=128)]
Fen = Annotated[int, Field(ge=0, le=MOST_FEN)]
# Up to the year 2242, so that milliseconds are refused instead of misread.
Seconds = Annotated[int, Field(ge=0, lt=2**33)]
# Goes back in a URL, and is kept meanwhile.
PageName = Annotated[str, Field(max_length=4096)]
Secret = Annotated[str, Field(min_length=1, max_length=8192)]
# For people to see or follow: an odd one is cut or left out, and takes nothing else with it.
ShownName = Annotated[str, AfterValidator(lambda name: name[:64])]
WebAddress = Annotated[str, AfterValidator(lambda url: url if is_safe(url) else "")]


class Value(BaseModel):
    # strict: true is not 1, "1" is not 1; deferred: a function's start pays for the models that it uses
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True, defer_build=True)


class RemoteItem(Value):
    product_id: Id
    title: str
    quantity: Annotated[int, Field(ge=1, le=10**9)]
    price_fen: Fen


class RemotePayment(Value):
    transaction_id: Id
    amount_fen: Fen
    paid_at: Seconds


class RemoteRefund(Value):
    """A refund of an order; `out_refund_no` is empty when it was made at the platform and not by us."""

    refund_id: Id
    transaction_id: Id
    amount_fen: Fen
    refunded_at: Seconds
    out_refund_no: str = ""


class RemoteOrder(Value):
    platform_order_no: Id
    out_order_no: Id
    open_id: Id
    status: OrderStatus
    amount_fen: Fen
    paid_amount_fen: Fen | None = None
    # required: a reply without them must not look like an order without payments
    payments: tuple[RemotePayment, ...]
    refunds: tuple[RemoteRefund, ...]
    updated_at: Seconds
    created_at: Seconds = 0
    items: tuple[RemoteItem, ...] = ()
    pay_url: WebAddress = ""


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
    status: str


class NewProduct(Value):
    product_id: Id
    title: str
    price_fen: Fen
    on_shelf: bool


class RemoteProduct(NewProduct):
    updated_at: Seconds = 0


class UserProfile(Value):
    open_id: Id
    nickname: ShownName = Field("", repr=False)
    avatar_url: WebAddress = Field("", repr=False)
    level: int | str = 0
    updated_at: Seconds = 0


class TokenReply(Value):
    """Tokens of a member; a refresh that names no new `refresh_token` leaves the old one in force. Lives in seconds."""

    access_token: Secret = Field(repr=False)
    expires_in: Annotated[int, Field(gt=0, lt=2**31)]
    refresh_expires_in: Annotated[int, Field(gt=0, lt=2**31)]
    refresh_token: Secret | None = Field(None, repr=False)
    scope: str = ""
    open_id: Id | None = None


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
    paid_at: Seconds
    open_id: Id | None = None


class OrderCancelled(Value):
    out_order_no: Id
    platform_order_no: Id
    cancelled_at: Seconds | None = None
    reason: str = Field("", repr=False)


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
    refunded_at: Seconds
    out_refund_no: str = ""


type OrderEvent = OrderPaid | OrderCancelled | OrderCompleted | OrderRefunded


class OrderNotification(Value):
    """A notification about an order; `version` grows with each change of the order at the platform, 0 if unsaid."""

    event_id: Id
    occurred_at: Seconds
    event: OrderPaid | OrderCancelled | OrderCompleted | OrderRefunded
    version: Annotated[int, Field(ge=0, lt=2**63)] = 0
