"""The names of a profile's [fields]: our field → the platform's. Each is explained in profile/jiuwu.toml."""

from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the profile; what it does not know it refuses."""


class FieldNames(Table, frozen=True):
    """Our field → the platform's dotted name, one struct per object."""

    def pairs(self) -> list[tuple[str, str]]:
        """Return each of our fields with the platform's path."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__]


class OrderNames(FieldNames, frozen=True):
    platform_order_no: Name
    out_order_no: Name
    open_id: Name
    status: Name
    amount: Name
    paid_amount: Name
    items: Name
    pay_url: Name
    payments: Name
    refunds: Name
    created_at: Name
    updated_at: Name


class ItemNames(FieldNames, frozen=True):
    product_id: Name
    title: Name
    quantity: Name
    price: Name


class PaymentNames(FieldNames, frozen=True):
    transaction_id: Name
    amount: Name
    paid_at: Name


class RefundNames(FieldNames, frozen=True):
    refund_id: Name
    out_refund_no: Name
    transaction_id: Name
    amount: Name
    status: Name
    refunded_at: Name


class ProductNames(FieldNames, frozen=True):
    product_id: Name
    title: Name
    price: Name
    on_shelf: Name
    updated_at: Name


class UserNames(FieldNames, frozen=True):
    open_id: Name
    nickname: Name
    avatar_url: Name
    level: Name
    updated_at: Name


class TokenNames(FieldNames, frozen=True):
    access_token: Name
    refresh_token: Name
    expires_in: Name
    refresh_expires_in: Name
    scope: Name
    open_id: Name


class EventNames(FieldNames, frozen=True):
    out_order_no: Name
    platform_order_no: Name
    open_id: Name
    transaction_id: Name
    amount: Name
    paid_at: Name
    reason: Name
    cancelled_at: Name
    completed_at: Name
    refund_id: Name
    out_refund_no: Name
    refunded_at: Name
    refund_status: Name


class PageNames(FieldNames, frozen=True):
    orders: Name
    next_cursor: Name


class RequestNames(FieldNames, frozen=True):
    out_order_nos: Name
    updated_after: Name
    cursor: Name
    limit: Name
    status: Name
    request_no: Name
    reason: Name
    notify_url: Name


class Fields(Table, frozen=True):
    order: OrderNames
    item: ItemNames
    payment: PaymentNames
    refund: RefundNames
    product: ProductNames
    user: UserNames
    token: TokenNames
    event: EventNames
    page: PageNames
    request: RequestNames
