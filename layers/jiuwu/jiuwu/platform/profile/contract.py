"""The structure of a profile. Every struct mirrors a table of profile/jiuwu.toml, where each field is explained."""

from typing import Annotated, Literal

import msgspec

from jiuwu.platform.signing import Scheme

from .field_names import Fields, Name, Table
from .limits import CircuitRules, Limits

OrderStatus = Literal["created", "paid", "shipped", "completed", "cancelled", "refunded"]
RefundStatus = Literal["succeeded", "processing", "failed"]
EventType = Literal[
    "order.paid",
    "order.cancelled",
    "order.completed",
    "order.refunded",
    "user.updated",
    "user.unauthorized",
    "points.changed",
    "content.audited",
    "activity.changed",
    "platform.notice",
]
# Our name for each call, and what the client can fill into its path.
CALLS: dict[str, frozenset[str]] = {
    "time": frozenset(),
    "users.me": frozenset(),
    "users.get": frozenset({"open_id"}),
    "products.upsert": frozenset({"product_id"}),
    "products.get": frozenset({"product_id"}),
    "orders.create": frozenset(),
    "orders.get": frozenset({"out_order_no"}),
    "orders.query": frozenset(),
    "orders.changed": frozenset(),
    "orders.push_status": frozenset({"out_order_no"}),
    "refunds.create": frozenset(),
}

Path = Annotated[str, msgspec.Meta(pattern="^/[^ ]*$")]
Endpoint = Annotated[str, msgspec.Meta(pattern="^(GET|POST|PUT|PATCH|DELETE) /[^ ]*$")]
Seconds = Annotated[int, msgspec.Meta(gt=0)]
Lifetime = Annotated[int, msgspec.Meta(gt=0, le=365 * 86_400)]
Code = int | str
Codes = tuple[Code | tuple[int, int], ...]


class Gateway(Table, frozen=True):
    timeout_seconds: Annotated[float, msgspec.Meta(gt=0, le=30)]
    fallback_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$")]


class Call(Table, frozen=True):
    app_id: Name
    timestamp: Name
    nonce: Name
    sign_method: Name
    sign: Name
    access_token: Name
    sign_method_value: str


class ReplyContract(Table, frozen=True):
    code: Name
    msg: Name
    request_id: Name
    data: str
    success: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1)]
    server_time: Name
    retry_after: Name
    refusal_reason: Name


def lists(codes: Codes, code: Code) -> bool:
    """Return whether `code` is one of `codes`, by itself or in a range."""
    if code in codes:
        return True
    ranges = (entry for entry in codes if isinstance(entry, tuple))
    return isinstance(code, int) and any(first <= code <= last for first, last in ranges)


class ReplyCodes(Table, frozen=True):
    bad_parameters: Codes
    bad_signature: Codes
    clock_skew: Codes
    nonce_reused: Codes
    token_invalid: Codes
    token_expired: Codes
    scope_missing: Codes
    rate_limited: Codes
    order_unknown: Codes
    order_conflict: Codes
    transition_refused: Codes
    content_refused: Codes
    product_unknown: Codes
    product_refused: Codes
    internal: Codes
    busy: Codes

    def meaning(self, code: Code) -> str | None:
        """Return the name of the field that lists `code`; a code listed by itself wins over a range."""
        ranged = None
        for name in self.__struct_fields__:
            listed = getattr(self, name)
            if code in listed:
                return name
            if lists(listed, code):
                ranged = name
        return ranged


class OAuth(Table, frozen=True):
    authorize_path: Path
    token_path: Path
    revoke_path: Path
    scopes: tuple[Name, ...]
    scope_joiner: Name
    pkce: bool
    grant_over: Codes
    default_expires_in: Lifetime
    default_refresh_expires_in: Lifetime


class NotificationHeaders(Table, frozen=True):
    app_id: Name
    timestamp: Name
    nonce: Name
    event_id: Name
    signature: Name


class SignedNames(Table, frozen=True):
    app_id: str
    timestamp: Name
    nonce: str
    event_id: str
    body: Name


class NotificationFields(Table, frozen=True):
    event_id: Name
    event_type: Name
    occurred_at: Name
    version: Name
    data: str


class NotificationContract(Table, frozen=True):
    success_status: Annotated[int, msgspec.Meta(ge=200, le=299)]
    success_content_type: Name
    success_body: str
    headers: NotificationHeaders
    signed: SignedNames
    fields: NotificationFields
    event_types: dict[EventType, Name]

    def our_type(self, theirs: str) -> EventType | None:
        """Return our name for the platform's event type; None when we don't know it."""
        return next((ours for ours, name in self.event_types.items() if name == theirs), None)


class Profile(Table, frozen=True):
    """Everything that may differ between our contract and the platform's documentation."""

    gateway: Gateway
    limits: Limits
    circuit: CircuitRules
    signing: Scheme
    call: Call
    reply: ReplyContract
    codes: ReplyCodes
    oauth: OAuth
    api: dict[str, Endpoint]
    notification: NotificationContract
    order_status: dict[Name, OrderStatus]
    refund_status: dict[Name, RefundStatus]
    fields: Fields

    def endpoint(self, call: str) -> tuple[str, str]:
        """Return the method and path template of a call, by our name for it ("orders.create")."""
        method, _, path = self.api[call].partition(" ")
        return method, path

    def their_status(self, ours: OrderStatus) -> str:
        """Return the platform's word for one of our order states."""
        return next(theirs for theirs, mapped in self.order_status.items() if mapped == ours)

    def their_refund_status(self, ours: RefundStatus) -> str:
        """Return the platform's word for one of our refund states."""
        return next(theirs for theirs, mapped in self.refund_status.items() if mapped == ours)
