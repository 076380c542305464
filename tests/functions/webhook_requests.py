"""Notifications as API Gateway hands them over: a right one, and every way we could think of to spoil it."""

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jiuwu.aws.secrets import AppSecrets
from jiuwu.platform import profile
from jiuwu.platform.signed_notifications import sign_notification

ROOT = Path(__file__).parents[2]
NOW, APP_ID = 1_763_800_000, "sandbox-app"
SECRETS = AppSecrets(current="app-secret-current", previous="app-secret-previous")
ENVIRONMENT = {
    "JIUWU_PROFILE": "jiuwu",
    "PLATFORM_URL": "http://127.0.0.1:9",
    "APP_ID": APP_ID,
    "APP_SECRET_NAME": "jiuwu/app-secret",
    "ORDER_QUEUE_URL": "http://sqs.test/orders",
    "COMMUNITY_QUEUE_URL": "http://sqs.test/community",
    "QUARANTINE_QUEUE_URL": "http://sqs.test/quarantine",
}
EVENT: dict[str, Any] = json.loads((ROOT / "events" / "webhook_intake.json").read_text("utf-8"))
ENVELOPE = json.loads(EVENT["body"])
TOO_LARGE = 262_145

Change = Callable[[dict[str, Any]], object]


def signed(body: str | bytes = EVENT["body"], *, secret: str = SECRETS.current, **facts: Any) -> dict[str, Any]:
    """The event of events/webhook_intake.json with `body` in it, as API Gateway hands it over, rightly signed."""
    text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    facts = {"event_id": ENVELOPE["event_id"], "timestamp": NOW, "nonce": "n-0001", **facts}
    headers = sign_notification(profile.load(), app_id=APP_ID, secret=secret, body=text, **facts)
    event = copy.deepcopy(EVENT)
    event["headers"] |= {name.lower(): value for name, value in headers.items()}
    event["body"] = text
    if isinstance(body, bytes):
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event


def body_with(**changed: Any) -> str:
    return json.dumps({key: value for key, value in {**ENVELOPE, **changed}.items() if value is not ...})


def without(*names: str) -> Change:
    return lambda event: [event["headers"].pop(name) for name in names]


def header(name: str, value: object) -> Change:
    return lambda event: event["headers"].update({name: value})


def method(name: object) -> Change:
    return lambda event: event["requestContext"]["http"].update({"method": name})


def body_as(body: object, *, encoded: object = False) -> Change:
    return lambda event: event.update({"body": body, "isBase64Encoded": encoded})


HOSTILE: list[tuple[str, Change, int, str]] = [
    ("GET", method("GET"), 405, "method_not_allowed"),
    ("HEAD", method("HEAD"), 405, "method_not_allowed"),
    ("PUT", method("PUT"), 405, "method_not_allowed"),
    ("DELETE", method("DELETE"), 405, "method_not_allowed"),
    ("OPTIONS", method("OPTIONS"), 405, "method_not_allowed"),
    ("a method in lower case", method("post"), 405, "method_not_allowed"),
    ("no method", method(None), 405, "method_not_allowed"),
    ("not an HTTP event", lambda event: event.clear(), 405, "method_not_allowed"),
    ("no content type", without("content-type"), 415, "not_json_content"),
    ("an empty content type", header("content-type", ""), 415, "not_json_content"),
    ("a form", header("content-type", "application/x-www-form-urlencoded"), 415, "not_json_content"),
    ("text", header("content-type", "text/plain; charset=utf-8"), 415, "not_json_content"),
    ("XML", header("content-type", "application/xml"), 415, "not_json_content"),
    ("almost JSON", header("content-type", "application/json-seq"), 415, "not_json_content"),
    ("a list as content type", header("content-type", ["application/json"]), 415, "not_json_content"),
    ("no headers", lambda event: event.update({"headers": {}}), 415, "not_json_content"),
    ("headers null", lambda event: event.update({"headers": None}), 415, "not_json_content"),
    ("Base64 that is none", body_as("%%%", encoded=True), 400, "body_unreadable"),
    ("Base64 cut off", body_as("e30", encoded=True), 400, "body_unreadable"),
    ("Base64 with a newline", body_as("e30\n=", encoded=True), 400, "body_unreadable"),
    ("Base64 not ASCII", body_as("é30=", encoded=True), 400, "body_unreadable"),
    ("a number as Base64", body_as(5, encoded=True), 400, "body_unreadable"),
    ("a number as body", body_as(5), 400, "body_unreadable"),
    ("an object as body", body_as({"event_id": "evt_1"}), 400, "body_unreadable"),
    ("half a character as body", body_as("\ud800"), 400, "body_unreadable"),
    ("a body above the limit", body_as("x" * TOO_LARGE), 413, "body_too_large"),
    ("above the limit in bytes only", body_as("茶" * (TOO_LARGE // 3 + 1)), 413, "body_too_large"),
    ("above the limit when decoded", body_as("eHh4" * (TOO_LARGE // 3 + 1), encoded=True), 413, "body_too_large"),
    ("ten megabytes", body_as("x" * 10_000_000), 413, "body_too_large"),
    ("no app id", without("x-jiuwu-app-id"), 401, "header_missing"),
    ("no timestamp", without("x-jiuwu-timestamp"), 401, "header_missing"),
    ("no nonce", without("x-jiuwu-nonce"), 401, "header_missing"),
    ("no event id", without("x-jiuwu-event-id"), 401, "header_missing"),
    ("no signature", without("x-jiuwu-signature"), 401, "header_missing"),
    ("an empty signature", header("x-jiuwu-signature", ""), 401, "header_missing"),
    ("an app id that is not ours", header("x-jiuwu-app-id", "another"), 401, "app_id_unknown"),
    ("an app id sent twice", header("x-jiuwu-app-id", f"{APP_ID},{APP_ID}"), 401, "app_id_unknown"),
    ("a timestamp sent twice", header("x-jiuwu-timestamp", f"{NOW},{NOW}"), 400, "timestamp_malformed"),
    ("a timestamp in words", header("x-jiuwu-timestamp", "now"), 400, "timestamp_malformed"),
    ("a negative timestamp", header("x-jiuwu-timestamp", "-1"), 400, "timestamp_malformed"),
    ("a timestamp with a fraction", header("x-jiuwu-timestamp", f"{NOW}.5"), 400, "timestamp_malformed"),
    ("a timestamp of 5000 digits", header("x-jiuwu-timestamp", "9" * 5000), 400, "header_malformed"),
    ("a full-width timestamp", header("x-jiuwu-timestamp", "１７６３８０００００"), 400, "header_malformed"),
    ("a timestamp in milliseconds", header("x-jiuwu-timestamp", f"{NOW}000"), 401, "timestamp_outside_window"),
    ("an old timestamp", header("x-jiuwu-timestamp", str(NOW - 301)), 401, "timestamp_outside_window"),
    ("a future timestamp", header("x-jiuwu-timestamp", str(NOW + 302)), 401, "timestamp_outside_window"),
    ("another timestamp", header("x-jiuwu-timestamp", str(NOW + 1)), 401, "signature_wrong"),
    ("another nonce", header("x-jiuwu-nonce", "n-0002"), 401, "signature_wrong"),
    ("another event id", header("x-jiuwu-event-id", "evt_2"), 401, "signature_wrong"),
    ("a header not ASCII", header("x-jiuwu-signature", "签名"), 400, "header_malformed"),
    ("a header with a line break", header("x-jiuwu-nonce", "n\r\nx: y"), 400, "header_malformed"),
    ("a header with a NUL", header("x-jiuwu-event-id", "evt\x00"), 400, "header_malformed"),
    ("a huge header", header("x-jiuwu-signature", "a" * 1_000_000), 400, "header_malformed"),
    ("a list as header", header("x-jiuwu-signature", ["a", "b"]), 400, "header_malformed"),
    ("a number as header", header("x-jiuwu-nonce", 5), 400, "header_malformed"),
    ("a signature in upper case", lambda e: e["headers"].update({"x-jiuwu-signature": "ABCD"}), 401, "signature_wrong"),
    ("a signature of zeros", header("x-jiuwu-signature", "0" * 64), 401, "signature_wrong"),
    ("a signature in Base64", header("x-jiuwu-signature", "q83vASNFZ4k="), 401, "signature_wrong"),
    ("another body", body_as(body_with(event_type="order.refunded")), 401, "signature_wrong"),
    ("the same body with a newline", lambda event: event.update(body=event["body"] + "\n"), 401, "signature_wrong"),
    ("an empty body", body_as(""), 401, "signature_wrong"),
    ("no body", lambda event: event.pop("body"), 401, "signature_wrong"),
    ("bytes that are no UTF-8", body_as("//79", encoded=True), 401, "signature_wrong"),
]


def change_nothing(_event: dict[str, Any]) -> None:
    return None


SIGNED_JUNK: list[tuple[str | bytes, str, str | None]] = [
    ("", "body_not_json", None),
    ("[]", "body_not_an_object", None),
    ("{", "body_not_json", None),
    ("[" * 100_000, "body_not_json", None),
    ('{"a":' * 40_000 + "1" + "}" * 40_000, "body_not_json", None),
    (b"\xff\xfe", "body_not_json", None),
    ("{\x00\x1b\uffff", "body_not_json", None),
    ("half a body \ufffe", "body_not_json", None),
    (body_with(event_id=...), "field_wrong", "event_id"),
    (body_with(event_id=7), "event_id_differs", "event_id"),
    (body_with(event_id="evt_of_another"), "event_id_differs", "event_id"),
    (body_with(event_type=None), "field_wrong", "event_type"),
    (body_with(event_type="订单.支付"), "field_wrong", "event_type"),
    (body_with(data="JW1"), "field_wrong", "data"),
]
