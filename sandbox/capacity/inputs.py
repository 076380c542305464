"""The model's inputs, from inputs.toml beside this file: prices, limits, times. A line that is missing is refused."""

from pathlib import Path

import msgspec

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
    """How long one step takes."""

    query: float
    batch_get: float
    batch_write: float
    platform: float
    kms: float
    single_item: float
    queue: float


class Shop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order brings besides, and what is set."""

    looks: float
    logins: float
    log_bytes: float
    memory_gb: float
    due_shards: int
    reconcile_concurrency: int
    reading_calls_per_second: float
    money_calls_per_second: float
    login_calls_per_second: float


class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the model takes as given."""

    prices: Prices
    limits: Limits
    seconds: Seconds
    invocation_seconds: dict[str, float]
    shop: Shop


def load(file: Path = FILE) -> Inputs:
    """The inputs of a file; raises msgspec.ValidationError naming the line that is wrong."""
    return msgspec.toml.decode(file.read_bytes(), type=Inputs)
