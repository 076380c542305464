"""The model's inputs, from inputs.toml beside this file: prices, limits, times. A line that is missing is refused."""

from pathlib import Path

import msgspec

from jiuwu.platform import profile
from sandbox.capacity import queues
from sandbox.cloud import template

FILE = Path(__file__).with_name("inputs.toml")


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD for one of each."""

    api_request: float
    lambda_invocation: float
    lambda_gb_second: float
    sqs_request: float
    write_unit: float
    read_unit: float
    kms_request: float
    event: float
    log_gb: float
    trace: float


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What AWS allows; rates are per second, `poller_growth` per minute."""

    partition_write_units: float
    partition_read_units: float
    table_write_units: float
    table_read_units: float
    concurrency: int
    api_requests: float
    poller_start: int
    poller_growth: int
    poller_concurrency: int
    sqs_in_flight: int
    events_per_second: float
    kms_per_second: float


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long one step takes."""

    query: float
    batch_get: float
    batch_write: float
    platform: float
    kms: float
    single_item: float
    send: float
    queue: float


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order brings besides, and what is set."""

    looks: float
    logins: float
    due_looks: float
    office_calls: float
    letters: float
    members: int
    products: int
    log_bytes: float
    lane_write_units: float
    lane_read_units: float
    memory_gb: float


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says."""

    prices: Prices
    limits: Limits
    seconds: Seconds
    invocation_seconds: dict[str, float]
    shop: Shop


class Setup(msgspec.Struct, frozen=True):
    """What the template and the profile set: how many of its function each queue keeps busy at most, and how many calls
    a second each lane of the platform has."""

    most_at_once: dict[str, int]
    calls_per_second: dict[str, float]

    def wider(self, times: float) -> "Setup":
        """With so many times the platform's rate."""
        lanes = {lane: times * calls for lane, calls in self.calls_per_second.items()}
        return msgspec.structs.replace(self, calls_per_second=lanes)


class Inputs(Given, frozen=True):
    """Everything that the model takes as given."""

    setup: Setup


def load(file: Path = FILE) -> Inputs:
    """The inputs of a file beside the template's and the profile's defaults; raises msgspec.ValidationError naming the
    line that is wrong."""
    given = msgspec.toml.decode(file.read_bytes(), type=Given)
    limits = profile.load().limits
    setup = Setup(
        {one.name: one.most_at_once for one in queues.of(template.load())},
        {lane: limits.per_second(lane) for lane in limits.lanes},
    )
    return Inputs(**msgspec.structs.asdict(given), setup=setup)
