"""How functions reach the platform: late, once, and counted."""

import json
import subprocess
import sys

import httpx
import msgspec
import pytest

from jiuwu.aws.settings import PlatformSettings
from jiuwu.bootstrap import MembersPlatform, Platform, on_attempt, on_write
from jiuwu.platform.calls.base_client import CallRecord
from jiuwu.platform.calls.gateway import Subject, WriteRecord
from jiuwu.platform.profile import ProfileError
from sandbox.cloud.environments import ROOT
from tests.functions.trade_messages import capture_telemetry

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


def test_every_attempt_of_a_call_is_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    on_attempt(CallRecord("orders.get", "ok", 0, 12.5))

    metric = json.loads(capsys.readouterr().out)
    assert (12.5, "orders.get", "ok") == (metric["PlatformCallMilliseconds"][0], metric["call"], metric["outcome"])


@pytest.mark.parametrize(("outcome", "level"), [("ok", "INFO"), ("PlatformBusy", "WARNING")])
def test_each_write_about_an_order_is_a_line_of_its_orders_timeline(
    capsys: pytest.CaptureFixture[str], outcome: str, level: str
) -> None:
    captured = capture_telemetry(capsys)

    on_write(WriteRecord("orders.push_status", Subject("JW1", "JW1:push:shipped"), outcome, 31.4, "r-1"))

    (line,) = captured.about("platform call")
    names = ("level", "call", "order_no", "effect_id", "outcome", "milliseconds", "request_id")
    expected = (level, "orders.push_status", "JW1", "JW1:push:shipped", outcome, 31, "r-1")
    assert expected == tuple(line[name] for name in names)


def test_the_client_speaks_for_this_app_with_the_secret_of_this_name(app_secret: str) -> None:
    requested: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requested.append(request)
        return httpx.Response(200, json={"code": 0, "msg": "", "request_id": "r", "data": {"server_time": 17}})

    environment = msgspec.structs.replace(ENVIRONMENT, app_secret_name=app_secret)
    http = httpx.Client(transport=httpx.MockTransport(answer))
    platform = MembersPlatform(environment, members_table="m", token_key_id="k", http=http)

    assert platform.client.time() == 17
    assert requested[0].url.params["app_id"] == "app-1"
    assert platform.client is platform.client
