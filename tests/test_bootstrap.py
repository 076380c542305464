"""How functions reach the platform: late, once, and counted."""

import json
import subprocess
import sys
from typing import Any

import httpx
import msgspec
import pytest
from botocore.exceptions import ClientError

from jiuwu.aws.settings import PlatformSettings
from jiuwu.bootstrap import EffectQueue, MembersPlatform, Platform, gate, on_attempt, on_lane_event, on_write
from jiuwu.effects.queue_delay import Backlog
from jiuwu.platform.calls.base_client import CallRecord
from jiuwu.platform.calls.gateway import Subject, WriteRecord
from jiuwu.platform.profile import ProfileError, load
from jiuwu.runtime import Runtime
from sandbox.cloud.environments import ROOT
from tests.functions.trade_messages import listen

ENVIRONMENT = PlatformSettings(
    jiuwu_profile="jiuwu",
    platform_url="http://127.0.0.1:9",
    app_id="app-1",
    app_secret_name="jiuwu/app-secret",
    limits_table="lanes",
)


PROBE = """
import sys
from jiuwu.aws.settings import PlatformSettings
from jiuwu.bootstrap import MembersPlatform

urls = {"jiuwu_profile": "jiuwu", "platform_url": "http://p"}
common = PlatformSettings(**urls, app_id="a", app_secret_name="s", limits_table="l")
MembersPlatform(common, members_table="m", token_key_id="k")
print([name for name in ("httpx", "pydantic") if name in sys.modules])
"""


def test_a_start_loads_neither_httpx_nor_pydantic() -> None:
    layer = ROOT / "layers" / "jiuwu"
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=layer, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_profile_that_does_not_exist_is_refused_at_start() -> None:
    with pytest.raises(ProfileError):
        Platform(msgspec.structs.replace(ENVIRONMENT, jiuwu_profile="unheard-of"))


def test_calls_may_go_to_the_fallback_address_and_those_with_the_app_secret_never() -> None:
    found = load()
    asked: list[tuple[str, bool]] = []

    class Lanes:
        def acquire(self, lane: str, *, patience: float, fallback: bool) -> Any:
            asked.append((lane, fallback))

    for url in ("", "https://other.example"):
        gateway = msgspec.structs.replace(found.gateway, fallback_url=url)
        leave = gate(msgspec.structs.replace(found, gateway=gateway), Lanes())  # type: ignore[arg-type]
        for call in ("refunds.create", "users.me", "oauth.refresh"):
            leave(call, 1.0)

    assert [("money", False), ("login", False), ("login", False)] == asked[:3]
    assert [("money", True), ("login", True), ("login", False)] == asked[3:]


def test_an_opened_circuit_is_a_metric_and_a_line_that_names_its_lane(capsys: pytest.CaptureFixture[str]) -> None:
    on_lane_event("opened", "money", "primary")

    metric = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [["service"]] == metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert [1.0] == metric["CircuitOpened"]


def test_every_attempt_of_a_call_is_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    on_attempt(CallRecord("orders.get", "ok", 0, 12.5))

    metric = json.loads(capsys.readouterr().out)
    assert (12.5, "orders.get", "ok") == (metric["PlatformCallMilliseconds"][0], metric["call"], metric["outcome"])


@pytest.mark.parametrize(("outcome", "level"), [("ok", "INFO"), ("PlatformBusy", "WARNING")])
def test_each_write_about_an_order_is_a_line_of_its_story(
    capsys: pytest.CaptureFixture[str], outcome: str, level: str
) -> None:
    said = listen(capsys)

    on_write(WriteRecord("orders.push_status", Subject("JW1", "JW1:push:shipped"), outcome, 31.4, "r-1"))

    (line,) = said.about("platform call")
    names = ("level", "call", "order_no", "effect_id", "outcome", "milliseconds", "request_id")
    expected = (level, "orders.push_status", "JW1", "JW1:push:shipped", outcome, 31, "r-1")
    assert expected == tuple(line[name] for name in names)


def test_the_client_speaks_for_this_app_with_the_secret_of_this_name(app_secret: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"code": 0, "msg": "", "request_id": "r", "data": {"server_time": 17}})

    environment = msgspec.structs.replace(ENVIRONMENT, app_secret_name=app_secret)
    http = httpx.Client(transport=httpx.MockTransport(answer))
    platform = MembersPlatform(environment, members_table="m", token_key_id="k", http=http)

    assert platform.client.time() == 17
    assert asked[0].url.params["app_id"] == "app-1"
    assert platform.client is platform.client


class Counting:
    """An effect queue with so many messages, as SQS says; it takes all that is sent."""

    def __init__(self, waiting: int) -> None:
        self.waiting, self.asked, self.sent = waiting, 0, 0

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        if self.waiting < 0:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes")
        assert QueueUrl == "effects"
        return {"Attributes": {name: str(self.waiting) for name in AttributeNames}}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "effects"
        self.sent += len(Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def queue_of(sqs: Any, now: list[float]) -> EffectQueue:
    return EffectQueue(sqs, "effects", Backlog(50.0, readers=8), runtime=Runtime(clock=lambda: now[0]))


def test_an_effect_waits_for_all_that_are_queued_before_it() -> None:
    assert 3 * 9000 / 50 == queue_of(Counting(9000), [0.0]).wait()
    assert 0.0 == queue_of(Counting(0), [0.0]).wait()


def test_what_sqs_has_not_counted_yet_counts_eight_times_for_eight_readers_until_it_is_counted() -> None:
    sqs, now = Counting(0), [0.0]
    effects = queue_of(sqs, now)
    effects.wait()

    effects.ask(f"JW{number}" for number in range(100))
    soon = effects.wait()
    sqs.waiting, now[0] = 500, 60.0
    later = effects.wait()

    now[0] = 120.0
    counted = effects.wait()

    # SQS' own count may be a minute old
    assert (3 * 800 / 50, 3 * (500 + 800) / 50, 3 * 500 / 50) == (soon, later, counted)
    assert (100, 3) == (sqs.sent, sqs.asked)


def test_a_queue_that_sqs_does_not_count_is_taken_for_what_was_known_and_asked_for_a_minute_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sqs, now, waits, said = Counting(100), [0.0], list[float](), listen(capsys)
    effects = queue_of(sqs, now)
    effects.wait()
    sqs.waiting = -1

    for now[0] in (30.0, 60.0, 90.0):
        waits.append(effects.wait())

    assert [6.0] * 3 == waits
    assert 2 == sqs.asked
    (line,) = said.about("the effect queue's length is not known")
    assert ("WARNING", "ClientError AccessDenied") == (line["level"], line["failed"])


def test_a_queue_that_nobody_reads_puts_nothing_off_for_days() -> None:
    assert 12 * 3600 == queue_of(Counting(10**9), [0.0]).wait()
