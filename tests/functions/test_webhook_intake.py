import base64
import copy
import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from jiuwu.aws import telemetry
from jiuwu.aws.secrets import AppSecrets, SecretMalformed
from jiuwu.aws.settings import SettingsError
from jiuwu.intake import parser
from jiuwu.platform import profile
from jiuwu.runtime import Runtime
from jiuwu.webhook.queues import NotificationQueues
from tests.functions.webhook_requests import (
    APP_ID,
    ENVELOPE,
    ENVIRONMENT,
    EVENT,
    HOSTILE,
    NOW,
    ROOT,
    SECRETS,
    SIGNED_JUNK,
    TOO_LARGE,
    Change,
    body_with,
    change_nothing,
    header,
    method,
    signed,
)


class Queue:
    """SQS as far as the intake uses it, with SQS's own rule about characters."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.fault: Exception | None = None

    def send_message(self, **message: Any) -> dict[str, str]:
        if self.fault:
            raise self.fault
        assert not any(char in message["MessageBody"] for char in "\ufffe\uffff"), "SQS: InvalidMessageContents"
        self.sent.append(message)
        return {"MessageId": "m-1"}


@pytest.fixture(scope="module")
def app() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.webhook_intake.app", None)
        yield import_module("functions.webhook_intake.app")


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def post(app: ModuleType, queue: Queue) -> Callable[..., dict[str, Any]]:
    """post(event) is the function's reply, with `queue` in the place of SQS."""

    def call(event: object, *, secrets: Callable[[], AppSecrets] = lambda: SECRETS) -> dict[str, Any]:
        settings = app.Settings(**{name.lower(): value for name, value in ENVIRONMENT.items()})
        runtime = Runtime(clock=lambda: NOW + 0.25)
        queues = NotificationQueues(
            queue,
            orders=settings.order_queue_url,
            community=settings.community_queue_url,
            quarantine=settings.quarantine_queue_url,
        )
        dependencies = app.Dependencies(settings, profile.load(), queues, secrets, runtime)
        reply: dict[str, Any] = app.handle(dependencies, event)
        return reply

    return call


def problem(reply: dict[str, Any]) -> tuple[int, str]:
    content = json.loads(reply["body"])
    assert content["code"] == reply["statusCode"]
    assert content["message"]
    assert reply["headers"]["content-type"] == "application/json"
    return reply["statusCode"], content["reason"]


def test_a_notification_is_acknowledged_after_the_queue_took_it(post: Callable[..., Any], queue: Queue) -> None:
    reply = post(signed())
    assert (200, '{"code":0,"msg":"success"}') == (reply["statusCode"], reply["body"])
    attributes = {
        "event_id": ENVELOPE["event_id"],
        "received_at": f"{NOW}.250",
        "delivery_id": "n-0001",
        "headers": json.dumps(HEADERS, separators=(",", ":")),
        "event_type": "order.paid",
    }
    expected = {
        "QueueUrl": "http://sqs.test/orders",
        "MessageBody": EVENT["body"],
        "MessageAttributes": {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()},
    }
    assert [expected] == queue.sent


@pytest.mark.parametrize(
    ("event_type", "url"),
    [
        ("order.paid", "orders"),
        ("order.cancelled", "orders"),
        ("order.completed", "orders"),
        ("order.refunded", "orders"),
        ("user.updated", "community"),
        ("platform.notice", "community"),
        ("coupon.used", "community"),
        ("order.something_new", "community"),
    ],
)
def test_trade_events_have_a_queue_of_their_own(
    post: Callable[..., Any], queue: Queue, event_type: str, url: str
) -> None:
    assert post(signed(body_with(event_type=event_type)))["statusCode"] == 200
    assert queue.sent[0]["QueueUrl"] == f"http://sqs.test/{url}"


def test_a_body_that_the_gateway_encoded_is_taken_in_as_sent(post: Callable[..., Any], queue: Queue) -> None:
    body = body_with(data={"title": "一杯茶 🍵"})
    assert post(signed(body.encode()))["statusCode"] == 200
    assert body == queue.sent[0]["MessageBody"]


def test_characters_that_sqs_refuses_travel_as_their_escapes(post: Callable[..., Any], queue: Queue) -> None:
    body = json.dumps({**ENVELOPE, "data": {"title": "\ufffe茶\uffff\\"}}, ensure_ascii=False)
    assert post(signed(body))["statusCode"] == 200
    assert json.loads(body) == json.loads(queue.sent[0]["MessageBody"])


def test_the_largest_body_is_taken_in(post: Callable[..., Any], queue: Queue) -> None:
    body = body_with(data={"filler": ""})
    body = body.replace('""', f'"{"x" * (TOO_LARGE - 1 - len(body))}"')
    assert len(body) == TOO_LARGE - 1
    assert post(signed(body))["statusCode"] == 200


def test_the_event_file_goes_stale_and_is_then_refused_with_both_times(app: ModuleType) -> None:
    reply = app.handler(EVENT, None)
    assert problem(reply) == (401, "timestamp_outside_window")
    assert str(NOW) in reply["body"]
    assert str(int(time.time()))[:-3] in reply["body"]


@pytest.mark.parametrize(("change", "status", "reason"), [case[1:] for case in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_a_hostile_request_gets_a_4xx_with_a_reason_and_leaves_nothing(
    post: Callable[..., Any], queue: Queue, change: Change, status: int, reason: str
) -> None:
    event = signed()
    change(event)
    assert (status, reason) == problem(post(event))
    assert [] == queue.sent


HEADERS = {
    "X-Jiuwu-App-Id": APP_ID,
    "X-Jiuwu-Timestamp": str(NOW),
    "X-Jiuwu-Nonce": "n-0001",
    "X-Jiuwu-Event-Id": ENVELOPE["event_id"],
}


@pytest.mark.parametrize(("body", "reason", "field"), SIGNED_JUNK)
def test_signed_junk_is_kept_byte_by_byte_with_its_reason_and_then_acknowledged(
    post: Callable[..., Any], queue: Queue, body: str | bytes, reason: str, field: str | None
) -> None:
    reply = post(signed(body))

    assert (200, '{"code":0,"msg":"success"}') == (reply["statusCode"], reply["body"])
    (message,) = queue.sent
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert "http://sqs.test/quarantine" == message["QueueUrl"]
    sent = "" if message["MessageBody"] == "=" else message["MessageBody"]
    assert (body if isinstance(body, bytes) else body.encode()) == base64.b64decode(sent, validate=True)
    assert f"{reason}: " == attributes.pop("reason")[: len(reason) + 2]
    assert HEADERS == json.loads(attributes.pop("headers"))
    assert {
        "kind": "quarantined",
        "function": "WebhookIntake",
        "encoding": "base64",
        "event_id": ENVELOPE["event_id"],
        "delivery_id": "n-0001",
        "received_at": f"{NOW}.250",
    } == attributes


PAID = {
    "out_order_no": "JW1",
    "platform_order_no": "P1",
    "transaction_id": "T1",
    "amount": "12.34",
    "paid_at": NOW,
    "title": "MARK",
}
MARKED = body_with(event_type="order.paid", data=PAID)
TAKEN = {
    "half an emoji": MARKED.replace("MARK", "\\ud83d").encode(),
    "no UTF-8": MARKED.encode().replace(b"MARK", b"\xff\xfe"),
    "a surrogate as bytes": MARKED.encode().replace(b"MARK", b"\xed\xa0\xbd"),
    "control characters": MARKED.encode().replace(b"MARK", b"\x00\x01\x1f\n\t"),
    "no character": MARKED.encode().replace(b"MARK", "\ufffe\uffff".encode()),
    "a byte order mark": b"\xef\xbb\xbf" + MARKED.encode(),
    "beyond all numbers": MARKED.encode().replace(b'"MARK"', b"1e400"),
    "5,000 digits": MARKED.encode().replace(b'"MARK"', b"9" * 5000),
    "NaN": MARKED.encode().replace(b'"MARK"', b"NaN"),
    "no time": body_with(event_type="order.paid", data=PAID, occurred_at=...).encode(),
    "a version beyond all": body_with(event_type="order.paid", data=PAID, version=2**63).encode(),
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=list(TAKEN))
def test_an_odd_value_in_a_signed_notification_costs_itself_only(
    post: Callable[..., Any], queue: Queue, body: bytes
) -> None:
    assert 200 == post(signed(body))["statusCode"]

    (message,) = queue.sent
    text = message["MessageBody"]
    assert "http://sqs.test/orders" == message["QueueUrl"]
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    assert all(char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" for char in text)
    assert "JW1" == parser.read(profile.load(), text, {"event_type": "order.paid"}, now=NOW).order_no


def test_a_notification_of_odd_values_alone_still_fits_the_queue(post: Callable[..., Any], queue: Queue) -> None:
    room = TOO_LARGE - 1 - len(MARKED.encode()) + len("MARK")
    body = MARKED.encode().replace(b"MARK", b"\xff" * room)

    assert 200 == post(signed(body))["statusCode"]
    assert len(queue.sent[0]["MessageBody"].encode()) < 1_000_000


def test_quarantined_without_its_queue_is_not_acknowledged(post: Callable[..., Any], queue: Queue) -> None:
    queue.fault = EndpointConnectionError(endpoint_url="http://sqs.test")
    assert problem(post(signed("{"))) == (503, "try_again_later")


def test_a_quarantined_notification_is_logged_without_its_body(post: Callable[..., Any], log: io.StringIO) -> None:
    post(signed(body_with(data="JW1 ou_demo_0001")))
    line = json.loads(log.getvalue())
    assert ("ERROR", "quarantined", "field_wrong", "data") == tuple(
        line[name] for name in ("level", "outcome", "reason", "field")
    )
    assert "ou_demo_0001" not in log.getvalue()


@pytest.mark.parametrize("event", [None, [], "event", 5, {"requestContext": None}, {"requestContext": {"http": []}}])
def test_what_is_no_event_at_all_is_a_405(post: Callable[..., Any], event: object) -> None:
    assert problem(post(event)) == (405, "method_not_allowed")


def test_a_405_names_the_method_that_is_allowed(post: Callable[..., Any]) -> None:
    event = signed()
    method("GET")(event)
    assert post(event)["headers"]["allow"] == "POST"


FAULTS = [
    ClientError({"Error": {"Code": "ThrottlingException", "Message": "secret words"}}, "Operation"),
    EndpointConnectionError(endpoint_url="http://sqs.test"),
    ConnectTimeoutError(endpoint_url="http://sqs.test"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_without_the_queue_nothing_is_acknowledged(post: Callable[..., Any], queue: Queue, fault: Exception) -> None:
    queue.fault = fault
    assert problem(post(signed())) == (503, "try_again_later")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_without_the_secret_nothing_is_acknowledged(post: Callable[..., Any], queue: Queue, fault: Exception) -> None:
    def refuse() -> AppSecrets:
        raise fault

    assert problem(post(signed(), secrets=refuse)) == (503, "try_again_later")
    assert [] == queue.sent


def test_without_any_good_secret_the_platform_is_asked_to_come_again(post: Callable[..., Any], queue: Queue) -> None:
    def malformed() -> AppSecrets:
        raise SecretMalformed("secret jiuwu/app-secret: field current is empty")

    assert problem(post(signed(), secrets=malformed)) == (503, "secret_unavailable")
    assert [] == queue.sent


def test_junk_is_refused_without_asking_for_the_secret(post: Callable[..., Any]) -> None:
    def requested() -> AppSecrets:
        raise AssertionError("a stranger made us read the secret")

    event = signed()
    header("x-jiuwu-app-id", "another")(event)
    assert problem(post(event, secrets=requested)) == (401, "app_id_unknown")


def counted(printed: str) -> list[tuple[str, str]]:
    """(metric, its first dimension's value) of each line of the embedded metric format."""
    lines = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    metrics = [(line, line["_aws"]["CloudWatchMetrics"][0]) for line in lines]
    return [
        (metric["Name"], next((line[d] for d in spec["Dimensions"][0] if d != "service"), ""))
        for line, spec in metrics
        for metric in spec["Metrics"]
    ]


@pytest.mark.parametrize(
    ("event", "change", "expected"),
    [
        (signed(), change_nothing, [("Notifications", "accepted"), ("SecretMatchedCurrent", "accepted")]),
        (
            signed(secret="app-secret-previous"),
            change_nothing,
            [("Notifications", "accepted"), ("SecretMatchedPrevious", "accepted")],
        ),
        (
            signed(body_with(event_type="coupon.used")),
            change_nothing,
            [("Notifications", "accepted"), ("SecretMatchedCurrent", "accepted"), ("UnknownEventTypes", "")],
        ),
        (
            signed(),
            header("x-jiuwu-signature", "0"),
            [("Notifications", "refused"), ("SignatureFailures", "signature_wrong")],
        ),
        (signed(), method("GET"), [("Notifications", "refused")]),
        (signed("{"), change_nothing, [("Notifications", "quarantined"), ("SecretMatchedCurrent", "quarantined")]),
    ],
)
def test_every_outcome_is_counted(
    post: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    event: dict[str, Any],
    change: Change,
    expected: list[tuple[str, str]],
) -> None:
    changed = copy.deepcopy(event)
    change(changed)
    post(changed)
    assert expected == counted(capsys.readouterr().out)


@pytest.fixture
def log(app: ModuleType) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = telemetry.logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before or sys.stdout)


def test_one_log_line_tells_the_event_and_nothing_of_the_request(post: Callable[..., Any], log: io.StringIO) -> None:
    post(signed())
    line = json.loads(log.getvalue())
    assert (ENVELOPE["event_id"], "order.paid", "accepted") == (line["event_id"], line["event_type"], line["outcome"])
    for private in ("ou_demo_0001", "12.34", SECRETS.current, signed()["headers"]["x-jiuwu-signature"], "203.0.113.7"):
        assert private not in log.getvalue()


def test_a_failure_is_logged_by_its_code_without_its_message(
    post: Callable[..., Any], queue: Queue, log: io.StringIO
) -> None:
    queue.fault = FAULTS[0]
    post(signed())
    line = json.loads(log.getvalue())
    assert ("unavailable", "Operation", "ThrottlingException") == (line["outcome"], line["failed"], line["code"])
    assert "secret words" not in log.getvalue()


def test_starting_loads_neither_pydantic_nor_httpx_nor_a_tracing_sdk() -> None:
    heavy = ("pydantic", "httpx", "aws_xray_sdk", "jiuwu.orders.", "jiuwu.intake.", "jiuwu.members.")
    script = f"import sys, functions.webhook_intake.app; print([m for m in sys.modules if m.startswith({heavy!r})])"
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "jiuwu")])
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("missing", ["ORDER_QUEUE_URL", "APP_SECRET_NAME", "JIUWU_PROFILE"])
def test_a_missing_variable_stops_the_start_with_its_name(app: ModuleType, missing: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(missing)
        patch.delitem(sys.modules, app.__name__)
        with pytest.raises(SettingsError, match=missing):
            import_module(app.__name__)


def test_the_real_queue_takes_every_body_we_acknowledge(
    load_function: Callable[..., ModuleType],
    aws: Callable[[str], Any],
    order_queue: str,
    community_queue: str,
    app_secret: str,
) -> None:
    queues = {"ORDER_QUEUE_URL": order_queue, "COMMUNITY_QUEUE_URL": community_queue, "QUARANTINE_QUEUE_URL": "unused"}
    function = load_function("webhook_intake", **{**ENVIRONMENT, **queues, "APP_SECRET_NAME": app_secret})
    small = json.dumps({**ENVELOPE, "data": {"title": "\ufffe茶 \u0085\u2028\U0001f375"}}, ensure_ascii=False)
    filler = "茶" * ((TOO_LARGE - 1 - len(body_with(data={"x": ""}))) // 3)
    large = json.dumps({**ENVELOPE, "data": {"x": filler}}, ensure_ascii=False)
    for body in (small, large):
        reply = function.handler(signed(body, timestamp=int(time.time())), None)
        assert reply["statusCode"] == 200
        taken = aws("sqs").receive_message(QueueUrl=order_queue, MessageAttributeNames=["All"], WaitTimeSeconds=1)
        message = taken["Messages"][0]
        assert json.loads(body) == json.loads(message["Body"])
        assert message["MessageAttributes"]["event_type"]["StringValue"] == "order.paid"
        aws("sqs").delete_message(QueueUrl=order_queue, ReceiptHandle=message["ReceiptHandle"])
