"""`jiuwu trigger` sends what the platform would send: the receiving side's own code takes it, or refuses it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import httpx
import pytest

from jiuwu.platform.models import OrderPaid
from jiuwu.platform.payloads import parse_notification
from jiuwu.platform.profile import load
from jiuwu.platform.signed_notifications import NotificationQuarantined, NotificationRefused, receive
from jiuwu_cli.notifications.delivery import Notification, deliver
from sandbox.simulator.app import Simulator
from sandbox.simulator.orders import Item, NewOrder
from tests.cli.conftest import SECRET, Jiuwu, Received, Receiver, complaint

PROFILE = load()
ORDERS = [name for name in PROFILE.notification.event_types if name.startswith("order.")]


@pytest.fixture
def intake(receiver: Receiver) -> Receiver:
    """A webhook that verifies as WebhookIntake does."""

    def reply(request: Received) -> tuple[int, Any]:
        try:
            receive(
                PROFILE,
                app_id="my-app",
                secrets=lambda: [SECRET],
                headers=request.headers,
                body=request.body,
                now=time.time(),
            )
        except NotificationQuarantined:
            return 200, {"code": 0, "msg": "success"}
        except NotificationRefused as refused:
            return refused.status, {"reason": refused.reason}
        return 200, {"code": 0, "msg": "success"}

    receiver.reply = reply
    return receiver


def _trigger(jiuwu: Jiuwu, intake: Receiver, event: str, *more: str) -> Any:
    return jiuwu("trigger", event, "--url", intake.url, "--app-id", "my-app", *more)


@pytest.mark.parametrize("event", PROFILE.notification.event_types)
def test_every_event_is_accepted_by_the_receiving_sides_own_check(jiuwu: Jiuwu, intake: Receiver, event: str) -> None:
    result = _trigger(jiuwu, intake, event)

    assert 0 == result.exit_code, result.output
    assert event == json.loads(intake.received[0].body)["event_type"]
    assert "/webhooks/jiuwu" == intake.received[0].path


@pytest.mark.parametrize("event", ORDERS)
def test_the_sample_of_an_order_event_has_all_that_the_processor_reads(
    jiuwu: Jiuwu, intake: Receiver, event: str
) -> None:
    _trigger(jiuwu, intake, event, "--order", "JW1")

    assert "JW1" == parse_notification(PROFILE, event, intake.received[0].body).event.out_order_no


def test_status_reply_and_event_id_are_printed(jiuwu: Jiuwu, intake: Receiver) -> None:
    result = _trigger(jiuwu, intake, "order.paid")

    assert intake.received[0].headers["x-jiuwu-event-id"] in result.stdout
    assert '200 {"code": 0, "msg": "success"}' in result.stdout


SETTINGS = {
    "amount=0.01": ("data", "amount", "0.01"),
    "data.amount=0.01": ("data", "amount", "0.01"),
    "paid_at=7": ("data", "paid_at", 7),
    "paid_at=noon": ("data", "paid_at", "noon"),
    "amount:=12.34": ("data", "amount", 12.34),
    "buyer.name=玖": ("data", "buyer", {"name": "玖"}),
    "amount:=null": ("data", "amount", None),
    "amount=a=b": ("data", "amount", "a=b"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_changes_the_signed_body(jiuwu: Jiuwu, intake: Receiver, setting: str) -> None:
    result = _trigger(jiuwu, intake, "order.paid", "--set", setting)
    at, name, expected = SETTINGS[setting]

    assert expected == json.loads(intake.received[0].body)[at][name]
    assert 0 == result.exit_code


def test_a_setting_of_the_event_id_holds_for_the_header_too(jiuwu: Jiuwu, intake: Receiver) -> None:
    result = _trigger(jiuwu, intake, "order.paid", "--set", "event_id=ev_again")

    assert "ev_again" == intake.received[0].headers["x-jiuwu-event-id"]
    assert 0 == result.exit_code


def test_what_no_header_can_carry_goes_into_the_body_alone(jiuwu: Jiuwu, intake: Receiver) -> None:
    result = _trigger(jiuwu, intake, "order.paid", "--set", "event_id=龙井")

    assert "龙井" == json.loads(intake.received[0].body)["event_id"]
    assert 0 == result.exit_code  # quarantined, and acknowledged


@pytest.mark.parametrize("body", [b"no json", b'{"a": 1}\n', b"\xff\xfe", b""])
def test_any_body_is_sent_as_it_is_and_rightly_signed(
    jiuwu: Jiuwu, intake: Receiver, tmp_path: Path, body: bytes
) -> None:
    (tmp_path / "body").write_bytes(body)

    result = _trigger(jiuwu, intake, "order.paid", "--body", "@body")

    assert (body, 0) == (intake.received[0].body, result.exit_code)


def test_a_body_of_ones_own_takes_no_settings(jiuwu: Jiuwu, intake: Receiver) -> None:
    result = _trigger(jiuwu, intake, "order.paid", "--body", "{}", "--set", "amount=1.00")

    assert (2, []) == (result.exit_code, intake.received)
    assert "--body replaces the sample" in complaint(result)


def test_copies_are_one_event_signed_afresh_each_time(jiuwu: Jiuwu, intake: Receiver) -> None:
    _trigger(jiuwu, intake, "order.paid", "--copies", "3")

    assert 1 == len({request.headers["x-jiuwu-event-id"] for request in intake.received})
    assert 3 == len({request.headers["x-jiuwu-signature"] for request in intake.received})


def test_simultaneous_copies_overlap(jiuwu: Jiuwu, receiver: Receiver) -> None:
    all_inside = Barrier(8)

    def reply(_: Received) -> tuple[int, Any]:
        all_inside.wait(timeout=10)
        return 200, {"code": 0, "msg": "success"}

    receiver.reply = reply

    result = _trigger(jiuwu, receiver, "order.paid", "--copies", "8", "--simultaneous")

    assert 0 == result.exit_code, result.output


@pytest.mark.parametrize(
    ("forgery", "reason"), [("--wrong-secret", "signature_wrong"), ("--old-timestamp", "timestamp_outside_window")]
)
def test_a_forgery_is_well_made_and_its_refusal_is_the_success(
    jiuwu: Jiuwu, intake: Receiver, forgery: str, reason: str
) -> None:
    result = _trigger(jiuwu, intake, "order.paid", forgery)

    assert f'401 {{"reason": "{reason}"}}' in result.stdout
    assert 0 == result.exit_code


def test_a_forgery_that_is_accepted_is_a_failure(jiuwu: Jiuwu, receiver: Receiver) -> None:
    result = _trigger(jiuwu, receiver, "order.paid", "--wrong-secret")

    assert "1 forged copies were accepted" in complaint(result)
    assert 1 == result.exit_code


@pytest.mark.parametrize(
    ("status", "content", "hint"),
    [
        (200, {"message": "hello"}, "read the log"),
        (401, {"reason": "signature_wrong"}, "another AppID, secret or clock"),
        (404, {"message": "Not Found"}, "the URL must end in /webhooks/jiuwu"),
        (503, {"reason": "try_again_later"}, "read the log of WebhookIntake"),
    ],
)
def test_whatever_is_no_success_ends_in_its_cure(
    jiuwu: Jiuwu, receiver: Receiver, status: int, content: object, hint: str
) -> None:
    receiver.reply = lambda _: (status, content)

    result = _trigger(jiuwu, receiver, "order.paid")

    assert hint in complaint(result)
    assert 1 == result.exit_code


def test_nobody_there_is_told_with_what_to_do(jiuwu: Jiuwu) -> None:
    result = jiuwu("trigger", "order.paid", "--url", "http://127.0.0.1:9/webhooks/jiuwu", "--app-id", "my-app")

    assert "there is no server: check --url, or start one with `make up`" in complaint(result)


def test_a_receiver_that_is_too_slow_is_not_called_absent(receiver: Receiver) -> None:
    answer = Event()

    def reply(_: Received) -> tuple[int, Any]:
        answer.wait(timeout=10)
        return 200, {}

    receiver.reply = reply
    notice = Notification("my-app", SECRET, "ev_1", "{}")

    with httpx.Client() as http:
        outcome = deliver(http, httpx.URL(receiver.url), PROFILE, notice, seconds=0.2)
    answer.set()

    assert (True, "no reply within 0 s") == (outcome.timed_out, outcome.error)


def test_a_reply_cannot_touch_the_terminal(jiuwu: Jiuwu, receiver: Receiver) -> None:
    receiver.reply = lambda _: (500, b"\x1b[2J\x1b]0;owned\x07 line one\nok      DNS" + b"x" * 5000)

    result = _trigger(jiuwu, receiver, "order.paid")

    assert "\x1b" not in result.output
    assert 2 == len(result.stdout.splitlines())
    assert len(result.stdout) < 1000


def test_the_sandbox_is_the_default_and_lends_its_secret_and_order(
    jiuwu: Jiuwu, intake: Receiver, platform: tuple[Simulator, str], running_sandbox: Callable[..., None]
) -> None:
    simulator, simulator_url = platform
    running_sandbox(api_url=intake.url, simulator_url=simulator_url, app_id="my-app")
    simulator.actions.place(NewOrder("JW1", 8880, (Item("tea", "龙井", 1, 8880),)), "ou_7")
    payment = simulator.actions.pay("JW1").payments[0]

    result = jiuwu("trigger", "order.paid", "--order", "JW1", secret=None)

    notification = parse_notification(PROFILE, "order.paid", intake.received[0].body)
    expected = OrderPaid(
        out_order_no="JW1",
        platform_order_no=simulator.state.orders.get("JW1").platform_order_no,
        open_id="ou_7",
        transaction_id=payment.transaction_id,
        amount_fen=8880,
        paid_at=notification.occurred_at,
    )
    assert (expected, 2) == (notification.event, notification.version)
    assert ("/webhooks/jiuwu", 0) == (intake.received[0].path, result.exit_code)


def test_an_order_that_the_sandbox_does_not_know_is_made_up(
    jiuwu: Jiuwu, receiver: Receiver, running_sandbox: Callable[..., None]
) -> None:
    running_sandbox(api_url=receiver.url, simulator_url=receiver.url)
    success = {"code": 0, "msg": "success"}
    receiver.reply = lambda request: (404, {"reason": "x"}) if request.method == "GET" else (200, success)

    result = jiuwu("trigger", "order.paid", "--order", "JW1/../x")

    assert "/_sim/orders/JW1%2F..%2Fx" == receiver.received[0].path
    assert "has no order" in result.stderr
    assert 0 == result.exit_code


def test_the_sandboxs_secret_never_leaves_for_another_address(
    jiuwu: Jiuwu, receiver: Receiver, running_sandbox: Callable[..., None]
) -> None:
    running_sandbox()

    result = jiuwu("trigger", "order.paid", "--url", receiver.url, "--app-id", "my-app", secret=None)

    assert "no app secret" in complaint(result)
    assert [] == receiver.received


def test_no_sandbox_is_told_with_how_to_start_one(jiuwu: Jiuwu) -> None:
    result = jiuwu("trigger", "order.paid")

    assert "no sandbox is running; start one with `make up`, or give --url" in complaint(result)
    assert 1 == result.exit_code
