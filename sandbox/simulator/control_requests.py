"""The bodies of the control API's requests."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from jiuwu.platform.profile.contract import RefundStatus


class ControlRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _encodable(cls, value: object) -> object:
        """Replace lone surrogates, which JSON can hold and nothing can store or send."""
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


class ConfigChange(ControlRequest):
    """A change of settings; what is left out stays."""

    webhook_url: str | None = None
    redirect_uris: list[str] | None = None
    refunds_begin_as: RefundStatus | None = Field(default=None, description="processing: until their button is pressed")
    speed: float | None = Field(default=None, gt=0, le=1_000_000)


class Payment(ControlRequest):
    amount: str | None = Field(default=None, description="yuan; by default the order's amount")
    transaction_id: str | None = Field(default=None, min_length=1, description="another one pays a second time")
    force: bool = Field(default=False, description="the money arrives although the order is cancelled")


class Cancellation(ControlRequest):
    reason: str = "member"


class RefundBack(ControlRequest):
    amount: str | None = Field(default=None, description="yuan; by default what is left of the payment")
    transaction_id: str | None = None


class RefundChange(ControlRequest):
    """The new status of a refund that gave no money back."""

    status: RefundStatus


class ProductChange(ControlRequest):
    """A change at the platform's console; what is left out stays."""

    title: str | None = Field(default=None, min_length=1)
    price: str | None = Field(default=None, description="yuan")
    on_shelf: bool | None = None


class NotificationRequest(ControlRequest):
    """One event about an order in any status, sent as given, without drawn faults."""

    event_type: str = Field(examples=["order.paid"])
    copies: int = Field(default=1, ge=1, le=1000)
    simultaneous: bool = Field(default=False, description="all copies at the same instant")
    delay: float = Field(default=0, ge=0, description="real seconds before the first copy")
    drop: bool = False
    wrong_secret: bool = False
    old_timestamp: bool = False
    new_event_id: bool = Field(default=False, description="each copy under an event id of its own")
    event_id: str | None = Field(default=None, pattern=r"^[!-~]{1,128}$")
    unknown_fields: bool = False
    data: dict[str, object] = Field(default={}, description="overrides in the data, by the platform's names")


class Expiry(ControlRequest):
    fraction: float = Field(default=1.0, ge=0, le=1)


class Quiet(ControlRequest):
    release: bool = Field(default=False, description="also send at once what still waits for its time")
