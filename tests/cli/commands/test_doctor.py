"""`jiuwu doctor`: every line of the handshake, good and broken, each failure with its cure."""

import re
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from jiuwu.platform.profile import Profile, load
from jiuwu_cli.doctor import network, platform_api, webhook
from jiuwu_cli.doctor.findings import Finding, failed, ok, run_until_failure
from sandbox.simulator.app import Simulator
from sandbox.simulator.faults import Faults
from tests.cli.conftest import SECRET, Jiuwu, Received, Receiver

PROFILE = load()
ACCOUNT = platform_api.Account("https://openapi.example.com", "my-app", SECRET)
JUNK_REFUSED = (405, {"reason": "method_not_allowed"})


def _marks(output: str) -> dict[str, str]:
    """The line's name → ok, failed or skipped."""
    return {line[8:23].strip(): line.split()[0] for line in output.splitlines()}


def test_all_is_well_with_the_platform_and_our_webhook(
    jiuwu: Jiuwu, platform: tuple[Simulator, str], receiver: Receiver
) -> None:
    receiver.reply = lambda _: JUNK_REFUSED

    result = jiuwu("doctor", "--url", platform[1], "--app-id", "my-app", "--webhook-url", receiver.url)

    good = ("DNS", "TCP", "HTTP", "clock", "signature", "token endpoint", "webhook")
    assert {**dict.fromkeys(good, "ok"), "SAM CLI": "skipped", "TLS": "skipped"} == _marks(result.stdout), result.output
    assert 0 == result.exit_code
    assert ["GET", "POST"] == [request.method for request in receiver.received]


def test_the_running_sandbox_is_looked_at_by_default(
    jiuwu: Jiuwu, platform: tuple[Simulator, str], receiver: Receiver, running_sandbox: Callable[..., None]
) -> None:
    receiver.reply = lambda _: JUNK_REFUSED
    running_sandbox(api_url=receiver.url, simulator_url=platform[1], app_id="my-app")

    result = jiuwu("doctor", secret=None)

    assert "failed" not in result.stdout
    assert "/webhooks/jiuwu" == receiver.received[0].path
    assert 0 == result.exit_code


def test_a_wrong_secret_fails_the_signature_and_the_token_endpoint(
    jiuwu: Jiuwu, platform: tuple[Simulator, str]
) -> None:
    result = jiuwu("doctor", "--url", platform[1], "--app-id", "my-app", secret="wrong")
    marks = _marks(result.stdout)

    assert ("ok", "failed", "failed") == (marks["clock"], marks["signature"], marks["token endpoint"])
    assert "code 20001" in result.stdout
    assert "check AppID and app secret" in result.stdout
    assert "wrong" not in result.stdout
    assert 1 == result.exit_code


def test_an_unknown_app_is_told(jiuwu: Jiuwu, platform: tuple[Simulator, str]) -> None:
    result = jiuwu("doctor", "--url", platform[1], "--app-id", "stranger")

    assert "no such app" in result.stdout
    assert "check --app-id" in result.stdout


def test_a_clock_that_is_off_is_measured_and_the_signature_judged_apart(
    jiuwu: Jiuwu, platform: tuple[Simulator, str]
) -> None:
    simulator, url = platform
    simulator.state.faults = Faults(clock_skew=900)

    result = jiuwu("doctor", "--url", url, "--app-id", "my-app")

    simulator.state.faults = Faults()
    marks = _marks(result.stdout)
    assert ("failed", "ok") == (marks["clock"], marks["signature"])
    assert re.search(
        "our clock is (900|899) s behind; the platform allows 300 s; set this machine's clock", result.stdout
    )
    assert 1 == result.exit_code


class Refusing:
    """A platform whose time call tells `server_time`, and which refuses every other call's timestamp."""

    def __init__(self, server_time: object, reported: object = None) -> None:
        self._server_time, self._reported = server_time, reported

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/time"):
            return httpx.Response(200, json={"code": 0, "data": {"server_time": self._server_time}})
        return httpx.Response(200, json={"code": 20002, "data": {"server_time": self._reported}})


def examined(platform: Refusing, profile: Profile = PROFILE) -> list[Finding]:
    http = httpx.Client(transport=httpx.MockTransport(platform))
    return [look(profile, ACCOUNT, http) for look in (platform_api.clock, platform_api.signature)]


def test_another_unit_of_time_is_named_instead_of_the_clock(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[signing]\ntimestamp_format = "milliseconds"')
    now = int(time.time())
    for reported, profile, unit in (
        (now * 1000, PROFILE, "milliseconds"),
        (str(now * 1000), PROFILE, "milliseconds"),
        (now, load("mine", directory=tmp_path), "seconds"),
    ):
        clock, signature = examined(Refusing(reported, reported), profile)
        assert clock.passed is False
        assert "factor 1000" in clock.detail
        assert f'timestamp_format = "{unit}"' in clock.hint
        assert "NTP" not in clock.hint + signature.hint
        assert "factor 1000" in signature.hint


def test_clocks_that_agree_are_not_sent_to_ntp() -> None:
    now = int(time.time())
    clock, signature = examined(Refusing(now, now))
    assert (True, False) == (clock.passed, signature.passed)
    assert "the clocks agree" in signature.hint


def test_a_clock_that_is_wrong_is_still_told_to_be_set() -> None:
    wrong = int(time.time()) - 5000
    clock, signature = examined(Refusing(wrong, wrong))
    assert "NTP" in clock.hint
    assert "NTP" in signature.hint


def test_the_secret_is_not_sent_to_a_stranger(jiuwu: Jiuwu, receiver: Receiver) -> None:
    receiver.reply = lambda _: (200, b"<h1>hello</h1>")

    result = jiuwu("doctor", "--url", receiver.url, "--app-id", "my-app")

    assert ("failed", "skipped") == (_marks(result.stdout)["signature"], _marks(result.stdout)["token endpoint"])
    assert not any(SECRET.encode() in request.body for request in receiver.received)
    assert 1 == result.exit_code


def test_without_an_app_id_the_network_alone_is_looked_at(jiuwu: Jiuwu, platform: tuple[Simulator, str]) -> None:
    result = jiuwu("doctor", "--url", platform[1], secret=None)
    marks = _marks(result.stdout)

    assert ("ok", "skipped", "skipped") == (marks["HTTP"], marks["signature"], marks["webhook"])
    assert 0 == result.exit_code


def test_a_dead_gateway_fails_once_and_skips_the_rest(jiuwu: Jiuwu) -> None:
    result = jiuwu("doctor", "--url", "http://127.0.0.1:9", "--app-id", "my-app")
    marks = _marks(result.stdout)

    assert "failed" == marks["TCP"]
    assert {"skipped"} == {marks[name] for name in ("TLS", "HTTP", "clock", "signature", "token endpoint")}
    assert 1 == result.exit_code


def test_a_host_that_does_not_exist_is_told(jiuwu: Jiuwu) -> None:
    result = jiuwu("doctor", "--url", "https://nobody.invalid", "--app-id", "my-app")

    assert "failed" == _marks(result.stdout)["DNS"]
    assert "check the host in --url" in result.stdout


def test_the_secret_is_never_sent_in_clear_text_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("nothing may be sent"))

    finding = network.check_tls(httpx.URL("http://openapi.example.com"))

    assert finding.passed is False
    assert "https://" in finding.hint


def test_a_port_that_speaks_no_tls_is_told(receiver: Receiver) -> None:
    finding = network.check_tls(httpx.URL(receiver.url.replace("http:", "https:")))

    assert (False, "the server does not speak TLS") == (finding.passed, finding.detail)


def test_a_redirect_is_told_with_where_to(receiver: Receiver) -> None:
    receiver.reply = lambda _: (301, b"")
    receiver.headers = {"location": "https://openapi.example.com/v2"}

    finding = network.check_http(httpx.URL(receiver.url))

    assert (False, "redirects to https://openapi.example.com/v2") == (finding.passed, finding.detail)


def test_a_chain_stops_at_its_first_failure() -> None:
    ran: list[str] = []

    def check(name: str, finding: Finding) -> tuple[str, Callable[[], Finding]]:
        return name, lambda: (ran.append(name), finding)[1]  # type: ignore[func-returns-value]

    found = list(run_until_failure([check("a", ok("a", "")), check("b", failed("b", "", "")), check("c", ok("c", ""))]))

    assert ["a", "b"] == ran
    assert [True, False, None] == [finding.passed for finding in found]


def _platform(reply: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(reply))


def _envelope(code: int, msg: str = "", **content: object) -> httpx.Response:
    return httpx.Response(200, json={"code": code, "msg": msg, "request_id": "rq_1", "data": content})


@pytest.mark.parametrize(
    ("reply", "good", "words"),
    [
        (_envelope(0, orders=[]), True, "a signed call passed"),
        (_envelope(50001), True, "a signed call passed"),
        (_envelope(20001, "sign mismatch"), False, "jiuwu verify --explain"),
        (_envelope(10003, "app_id: no such app"), False, "app_id: no such app"),
        (_envelope(40001, retry_after=0), False, "RateLimited"),
        (_envelope(77777), False, "add it to the profile's [codes]"),
        (httpx.Response(200, html="<h1>hello</h1>"), False, "check that --url is the gateway"),
        (httpx.Response(404, json={"detail": "Not Found"}), False, "check that --url is the gateway"),
    ],
)
def test_the_signature_line_says_what_the_platform_said(reply: httpx.Response, good: bool, words: str) -> None:
    finding = platform_api.signature(PROFILE, ACCOUNT, _platform(lambda _: reply))

    assert good is finding.passed
    assert words in f"{finding.detail} {finding.hint}"


@pytest.mark.parametrize(
    ("reply", "good", "words"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), True, "invalid_grant"),
        (httpx.Response(401, json={"error": "invalid_client"}), False, "check AppID and app secret"),
        (httpx.Response(404, html="<h1>404</h1>"), False, "token_path"),
        (httpx.Response(200, json={"access_token": "a", "token_type": "Bearer"}), False, "not the platform"),
    ],
)
def test_the_token_line_wants_the_refusal_of_rfc_6749(reply: httpx.Response, good: bool, words: str) -> None:
    finding = platform_api.token_endpoint(PROFILE, ACCOUNT, _platform(lambda _: reply))

    assert good is finding.passed
    assert words in f"{finding.detail} {finding.hint}"


def test_the_clock_is_read_from_the_date_header_when_the_time_call_fails() -> None:
    headers = {"date": formatdate(time.time() + 500, usegmt=True)}
    finding = platform_api.clock(PROFILE, ACCOUNT, _platform(lambda _: httpx.Response(404, headers=headers)))

    assert finding.passed is False
    assert "s behind" in finding.detail


def test_a_platform_without_a_clock_is_told() -> None:
    finding = platform_api.clock(PROFILE, ACCOUNT, _platform(lambda _: httpx.Response(404)))

    assert "does not report its time" in finding.detail


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (59, True), (-59, True), (62, False), (-62, False)])
def test_a_clock_is_right_within_a_fifth_of_the_window(seconds: int, good: bool) -> None:
    http = _platform(lambda _: _envelope(0, server_time=1_763_800_000))
    finding = platform_api.clock(PROFILE, ACCOUNT, http, now=lambda: 1_763_800_000.0 + seconds)

    assert good is finding.passed


@pytest.mark.parametrize(
    ("status", "content", "hint"),
    [
        (200, {"code": 0}, "another service answers there"),
        (302, {}, "another service answers there"),
        (404, {"message": "Not Found"}, "the stack is deployed"),
        (400, {"message": "Bad Request"}, "check the proxy or firewall"),
        (400, b"\xff<html>", "check the proxy or firewall"),
        (500, {"message": "Internal Server Error"}, "look at the log of WebhookIntake"),
        (503, {"reason": "try_again_later"}, "look at the log of WebhookIntake"),
    ],
)
def test_a_webhook_that_is_not_ours_is_told(receiver: Receiver, status: int, content: object, hint: str) -> None:
    receiver.reply = lambda _: (status, content)
    with httpx.Client() as http:
        finding = webhook.check(httpx.URL(receiver.url), http)

    assert finding.passed is False
    assert hint in finding.hint


def test_a_webhook_that_takes_junk_by_post_is_told(receiver: Receiver) -> None:
    def reply(request: Received) -> tuple[int, object]:
        return JUNK_REFUSED if request.method == "GET" else (200, {"code": 0})

    receiver.reply = reply
    with httpx.Client() as http:
        finding = webhook.check(httpx.URL(receiver.url), http)

    assert "POST: junk gets status 200" == finding.detail
