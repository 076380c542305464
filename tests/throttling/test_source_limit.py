"""Who brings wrong keys is slowed down, by source; nobody else pays for it."""

import ipaddress
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from jiuwu.runtime import Runtime
from jiuwu.throttling.repository import LaneTable
from jiuwu.throttling.source_limit import KEPT_SECONDS, SourceLimit, source_of
from sandbox.simulation.aws.calls import Phase
from tests.throttling.conftest import TABLE, Fleet

FAULTS: list[str] = []


def process(fleet: Fleet) -> SourceLimit:
    client, clock = fleet.account.client("dynamodb"), lambda: fleet.now
    table = LaneTable(client, TABLE, kept_seconds=KEPT_SECONDS, runtime=Runtime(clock=clock))
    return SourceLimit(table, on_fault=FAULTS.append, runtime=Runtime(clock=clock))


def test_ten_wrong_keys_are_let_through_and_then_one_every_ten_seconds(fleet: Fleet) -> None:
    limit = process(fleet)

    assert [0.0] * 10 + [10.0] == [limit.note_failure("a") for _ in range(11)]
    fleet.now += 10
    assert (0.0, 0.0, 10.0) == (limit.wait("a"), limit.note_failure("a"), limit.note_failure("a"))


def test_what_one_process_counted_another_knows(fleet: Fleet) -> None:
    processes = [process(fleet) for _ in range(5)]

    waits = [processes[n % 5].note_failure("a") for n in range(50)]

    assert 10 == waits.count(0.0)


def test_another_source_waits_for_nothing(fleet: Fleet) -> None:
    limit = process(fleet)
    for _ in range(50):
        limit.note_failure("a")

    assert (True, 0.0, 0.0) == (limit.wait("a") > 0, limit.wait("b"), limit.note_failure("b"))


def test_who_is_asked_about_without_a_wrong_key_costs_no_read_and_no_write(fleet: Fleet) -> None:
    limit = process(fleet)
    for number in range(1000):
        limit.wait(f"s{number}")

    assert (0, 0) == (fleet.reads, fleet.writes)


def test_a_flood_from_one_source_costs_a_write_for_each_token_and_not_for_each_key(fleet: Fleet) -> None:
    limit = process(fleet)
    for _ in range(500):
        if not limit.wait("a"):
            limit.note_failure("a")

    assert 10 == fleet.writes
    assert fleet.reads <= 12


def test_a_source_is_forgotten_after_an_hour(fleet: Fleet) -> None:
    process(fleet).note_failure("a")

    key = {"lane": {"S": "wrong_keys#a"}}
    item = fleet.account.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    assert str(int(fleet.now) + 3600) == item["expires_at"]["N"]


def test_a_process_remembers_only_so_many_sources(fleet: Fleet) -> None:
    limit = process(fleet)
    for number in range(1100):
        for _ in range(11):
            limit.note_failure(f"s{number}")

    assert len(limit._waits_until) <= 1000
    assert limit.note_failure("s0") > 0


def test_without_its_table_nobody_is_slowed_and_someone_hears_of_it(fleet: Fleet) -> None:
    def fail(service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    FAULTS.clear()
    fleet.account.calls.on_call = fail

    assert [0.0] * 20 == [process(fleet).note_failure("a") for _ in range(20)]
    assert {"EndpointConnectionError"} == set(FAULTS)


def test_a_source_does_not_tell_who_it_is() -> None:
    source = source_of("198.51.100.23", "key")

    assert 16 == len(source)
    assert "198" not in source
    assert source != source_of("198.51.100.23", "another key")
    assert source != source_of("198.51.100.24", "key")


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:db8:0:0:ffff::7", "2001:DB8::2"])
def test_of_ipv6_the_network_is_one_source(address: str) -> None:
    assert source_of("2001:db8::", "key") == source_of(address, "key")
    assert source_of("2001:db8:0:1::1", "key") != source_of(address, "key")


def test_an_ipv4_address_written_as_ipv6_is_that_one_alone() -> None:
    assert source_of("198.51.100.23", "key") == source_of("::ffff:198.51.100.23", "key")
    assert source_of("198.51.100.24", "key") != source_of("::ffff:198.51.100.23", "key")


@pytest.mark.parametrize("address", ["", "unknown", "198.51.100.23:443", "9" * 1000, "钥匙"])
def test_what_is_no_address_is_a_source_like_any_other(address: str) -> None:
    with pytest.raises(ValueError, match=r"IP|address|does not"):
        ipaddress.ip_address(address)
    assert 16 == len(source_of(address, "key"))
