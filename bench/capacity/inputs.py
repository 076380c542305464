"""Prices, limits and assumed times from inputs.toml, and the queues and lanes of the template and the profile."""

from pathlib import Path

import msgspec

from bench.capacity import template_queues
from jiuwu.platform import profile
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
    """What AWS allows; rates are per second."""

    partition_write_units: float
    partition_read_units: float
    table_write_units: float
    table_read_units: float
    concurrency: int
    api_requests: float
    poller_concurrency: int
    sqs_in_flight: int
    events_per_second: float
    kms_per_second: float


class Seconds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Duration of one step."""

    query: float
    batch_get: float
    batch_write: float
    platform: float
    kms: float
    single_item: float
    send: float


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order brings beside what is counted, and what there is beside orders."""

    order_views: float
    logins: float
    due_checks: float
    back_office_calls: float
    dead_letters: float
    members: int
    products: int
    log_bytes: float
    lane_write_units: float
    lane_read_units: float
    memory_gb: float


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of inputs.toml."""

    prices: Prices
    limits: Limits
    seconds: Seconds
    invocation_seconds: dict[str, float]
    shop: Shop


class Configuration(msgspec.Struct, frozen=True):
    """What the template and the profile set: each queue's maximum concurrency, and each lane's platform calls a
    second."""

    max_concurrency: dict[str, int]
    calls_per_second: dict[str, float]

    def with_platform_rate(self, times: float) -> "Configuration":
        """Return the same with so many times the platform's rate."""
        lanes = {lane: times * calls for lane, calls in self.calls_per_second.items()}
        return msgspec.structs.replace(self, calls_per_second=lanes)


class Inputs(Given, frozen=True):
    """All inputs."""

    configuration: Configuration


def load(file: Path = FILE) -> Inputs:
    """Return the inputs of a file with the template's and the profile's defaults.

    Raise msgspec.ValidationError, which names the line, when one is missing, unknown or of the wrong type.
    """
    given = msgspec.toml.decode(file.read_bytes(), type=Given)
    limits = profile.load().limits
    configuration = Configuration(
        {one.name: one.max_concurrency for one in template_queues.queues(template.load())},
        {lane: limits.per_second(lane) for lane in limits.lanes},
    )
    return Inputs(**msgspec.structs.asdict(given), configuration=configuration)
