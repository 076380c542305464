"""How calls ask for leave before each attempt, and what they report of its end."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import msgspec
import pytest

from jiuwu.platform import signing
from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.calls.oauth import OAuthClient
from jiuwu.platform.errors import CircuitOpen, OwnLimitReached, PlatformError, RateLimited, UnknownOutcome
from jiuwu.platform.profile import load
from tests.platform.fakes import SECRET, Rig, Step, envelope, ok, order, raw

FALLBACK = "https://other.example/gw"


@dataclass
class Booth:
    """A gate whose answers are given: "", "limit", "circuit" or "fallback", the last one again and again."""

    answers: list[str]
    requested: list[tuple[str, float]] = field(default_factory=list)
    reports: list[tuple[str, float | None]] = field(default_factory=list)

    def __call__(self, call: str, max_wait_seconds: float) -> "Permit":
        self.requested.append((call, max_wait_seconds))
        return Permit(self, self.answers[min(len(self.requested), len(self.answers)) - 1])


class Permit:
    retry_after = 7.0

    def __init__(self, booth: Booth, answer: Any) -> None:
        self.fallback = answer == "fallback"
        self.refused: Literal["", "limit", "circuit"] = "" if self.fallback else answer
        self._booth = booth

    def report(self, outcome: str, pause: float | None = None) -> None:
        self._booth.reports.append((outcome, pause))


def client(booth: Booth, *steps: Step, kind: Any = PlatformClient, **scheme: object) -> tuple[Any, Rig]:
    rig, profile = Rig(steps), load()
    changed = msgspec.structs.replace(
        profile,
        gateway=msgspec.structs.replace(profile.gateway, fallback_url=FALLBACK),
        signing=msgspec.structs.replace(profile.signing, **scheme),
    )
    return kind(changed, **rig.kwargs(), permits=booth), rig


@pytest.mark.parametrize(("answer", "kind"), [("limit", OwnLimitReached), ("circuit", CircuitOpen)])
def test_a_call_without_leave_is_not_sent_and_says_when_to_come_again(answer: str, kind: Any) -> None:
    booth = Booth([answer])
    calls, rig = client(booth, ok(order()))
    with pytest.raises(kind) as refused:
        calls.get_order("JW1")

    assert ([], [], [], []) == (rig.requests, rig.slept, rig.records, booth.reports)
    assert (7.0, True) == (refused.value.retry_after, refused.value.retryable)


def test_ours_can_be_told_from_the_platforms_refusal_for_the_rate() -> None:
    assert (False, True) == (RateLimited("time").held_back, OwnLimitReached("time", retry_after=1).held_back)


def test_every_attempt_asks_and_the_platforms_longest_wait_bounds_the_permits() -> None:
    booth = Booth([""])
    calls, rig = client(booth, envelope(90001), envelope(90001), ok(order()))
    calls.get_order("JW1", timeout=0.3)

    assert [("orders.get", 0.3)] * 3 == booth.requested
    assert 3 == len(rig.requests)


def test_a_retry_without_leave_keeps_the_doubt_of_the_attempt_before() -> None:
    calls, _ = client(Booth(["", "circuit"]), httpx.ReadTimeout, ok({}))

    with pytest.raises(UnknownOutcome):
        calls.refund("JW1", "R1", "T1", 1)


@pytest.mark.parametrize(
    ("step", "reported"),
    [
        (ok(order()), ("ok", None)),
        (envelope(50001), ("ok", None)),
        (envelope(10001), ("ok", None)),
        (envelope(20001), ("ok", None)),
        (raw(b"<html>"), ("ok", None)),
        (envelope(90000), ("failed", None)),
        (envelope(90001), ("failed", None)),
        (raw(b"", status=502), ("failed", None)),
        (httpx.ConnectError, ("failed", None)),
        (httpx.ReadTimeout, ("failed", None)),
        (envelope(40001, {"retry_after": 30}), ("neither", 30.0)),
        (raw(b"", status=429), ("neither", 1.0)),
    ],
)
def test_only_a_platform_that_is_down_or_drowning_is_reported_as_failed(step: Step, reported: Any) -> None:
    booth = Booth([""])
    calls, _ = client(booth, step)
    with suppress(PlatformError):
        calls.get_order("JW1", timeout=0.1)

    assert reported == booth.reports[0]


def test_a_write_whose_reply_is_lost_is_a_failure() -> None:
    booth = Booth([""])
    calls, _ = client(booth, httpx.ReadTimeout)
    with pytest.raises(UnknownOutcome):
        calls.refund("JW1", "R1", "T1", 1)

    assert {("failed", None)} == set(booth.reports)


@pytest.mark.parametrize("include_path", [False, True])
def test_a_call_is_signed_right_for_whichever_address_it_goes_to(*, include_path: bool) -> None:
    booth = Booth(["fallback", ""])
    calls, rig = client(booth, ok(order()), include_path=include_path)
    for _ in range(2):
        calls.get_order("JW1")

    assert [f"{FALLBACK}/orders/JW1", "https://platform.example/api/orders/JW1"] == [
        str(request.url.copy_with(query=None)) for request in rig.requests
    ]
    for request in rig.requests:
        params = dict(request.url.params)
        sent = params.pop("sign")
        assert sent == signing.sign(calls.profile.signing, params, secret=SECRET, path="/orders/JW1")


def test_tokens_ask_for_leave_too() -> None:
    booth = Booth(["circuit"])
    calls, rig = client(booth, ok({}), kind=OAuthClient)
    with pytest.raises(CircuitOpen):
        calls.refresh("RT")

    assert (["oauth.refresh"], []) == ([call for call, _ in booth.requested], rig.requests)


def test_every_call_has_a_lane_and_the_shares_leave_nothing_over() -> None:
    limits = load().limits
    lanes = {call: limits.lane(call) for call in load().api}

    assert "money" == lanes["refunds.create"] == lanes["orders.push_status"] == lanes["orders.create"]
    assert "reading" == lanes["orders.query"] == lanes["orders.get"] == lanes["time"] == limits.lane("unheard.of")
    assert "products" == lanes["products.upsert"]
    assert "login" == limits.lane("oauth.refresh") == lanes["users.me"]
    assert 100 == sum(lane.share for lane in limits.lanes.values())
