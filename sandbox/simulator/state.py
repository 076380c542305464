"""The state of the simulated platform, and its file between two runs."""

import contextlib
import os
import time
from pathlib import Path

import msgspec

from jiuwu.platform.profile import Profile
from jiuwu.platform.profile.contract import RefundStatus
from sandbox.simulator.activity_log import ActivityLog
from sandbox.simulator.faults import Faults, refund_is_slow
from sandbox.simulator.grants import Grants
from sandbox.simulator.members import Member, Product, member
from sandbox.simulator.order_store import PlatformOrders
from sandbox.simulator.orders import Order
from sandbox.simulator.serialization import Serializer


class App(msgspec.Struct, frozen=True):
    """The merchant's app as the platform has it registered."""

    app_id: str
    secret: str
    previous_secret: str = ""

    @property
    def secrets(self) -> list[str]:
        return [self.secret, self.previous_secret] if self.previous_secret else [self.secret]

    def __repr__(self) -> str:
        return f"App({self.app_id})"


class Config(msgspec.Struct, frozen=True):
    webhook_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    refunds_begin_as: RefundStatus = "succeeded"  # processing: until the button of the refund is pressed
    speed: float = 60.0  # seconds of the notification schedule per second: a try after 15 s comes after a quarter


class Delivery(msgspec.Struct):
    """One copy of a notification on its way, with all its attempts."""

    number: int
    event_id: str
    event_type: str
    order_no: str
    kind: str
    body: str
    url: str
    due: float
    attempts: int = 0


class Saved(msgspec.Struct):
    config: Config
    orders: list[tuple[int, Order]]
    members: dict[str, Member]
    products: dict[str, Product]
    grants: Grants
    deliveries: list[Delivery]


class PlatformState:
    def __init__(self, app: App, profile: Profile) -> None:
        self.app = app
        self.profile = profile
        self.serializer = Serializer(profile)
        self.config = Config()
        self.faults = Faults()
        self.activity = ActivityLog()
        self.orders = PlatformOrders()
        self.members: dict[str, Member] = {}
        self.products: dict[str, Product] = {}
        self.grants = Grants()

    def now(self) -> int:
        return int(time.time())

    def begins_as(self, refund_id: str) -> RefundStatus:
        """Return the initial status of a refund; by the faults, some are processing instead of succeeded."""
        under_way = self.config.refunds_begin_as == "succeeded" and refund_is_slow(self.faults, refund_id)
        return "processing" if under_way else self.config.refunds_begin_as

    def member(self, open_id: str) -> Member:
        if open_id not in self.members:
            self.members[open_id] = member(open_id, self.now())
        return self.members[open_id]

    def save(self, deliveries: list[Delivery]) -> bytes:
        saved = Saved(self.config, self.orders.dump(), self.members, self.products, self.grants, deliveries)
        return msgspec.json.encode(saved)

    def restore(self, content: bytes) -> list[Delivery]:
        """Restore what `save` wrote; return the deliveries for the notifier."""
        saved = msgspec.json.decode(content, type=Saved)
        self.config, self.members, self.products = saved.config, saved.members, saved.products
        self.orders, self.grants = PlatformOrders(saved.orders), saved.grants
        return saved.deliveries


def write_private(file: Path, content: bytes) -> None:
    """Write the file atomically, readable by its owner only: it holds tokens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    try:
        fresh.write_bytes(content)
        fresh.replace(file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
