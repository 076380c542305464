"""The lanes of the profile give the platform's client its permits, and say what happens to them."""

import json
from typing import Any

import msgspec
import pytest

from jiuwu.platform.profile import load
from jiuwu.throttling.platform_lanes import permit_source
from jiuwu.throttling.reporting import on_lane_event


def test_calls_may_go_to_the_fallback_address_and_those_with_the_app_secret_never() -> None:
    found = load()
    requested: list[tuple[str, bool]] = []

    class Lanes:
        def acquire(self, lane: str, *, max_wait_seconds: float, fallback: bool) -> Any:
            requested.append((lane, fallback))

    for url in ("", "https://other.example"):
        gateway = msgspec.structs.replace(found.gateway, fallback_url=url)
        leave = permit_source(msgspec.structs.replace(found, gateway=gateway), Lanes())  # type: ignore[arg-type]
        for call in ("refunds.create", "users.me", "oauth.refresh"):
            leave(call, 1.0)

    assert [("money", False), ("login", False), ("login", False)] == requested[:3]
    assert [("money", True), ("login", True), ("login", False)] == requested[3:]


def test_an_opened_circuit_is_a_metric_and_a_line_that_names_its_lane(capsys: pytest.CaptureFixture[str]) -> None:
    on_lane_event("opened", "money", "primary")

    metric = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [["service"]] == metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert [1.0] == metric["CircuitOpened"]
