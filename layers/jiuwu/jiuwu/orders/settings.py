"""The environment of the functions that change orders."""

from typing import Literal

from jiuwu.aws.settings import PlatformSettings

from .state_machine import Policy


class TradeSettings(PlatformSettings, frozen=True, kw_only=True):
    """The settings of each of them, beside those of all callers of the platform."""

    orders_table: str
    late_payment: Literal["refund", "revive"]
    payment_check_seconds: int
    order_expiry_seconds: int
    due_shards: int

    @property
    def policy(self) -> Policy:
        """Return the merchant's rules."""
        return Policy(
            late_payment=self.late_payment,
            check_seconds=self.payment_check_seconds,
            expiry_seconds=self.order_expiry_seconds,
        )


class PlacingSettings(TradeSettings, frozen=True, kw_only=True):
    """The settings of each function that also places orders for their members."""

    members_table: str
    token_key_id: str
    points_table: str
    effect_queue_url: str
    reconcile_queue_url: str
