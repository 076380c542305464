import hmac
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.platform import profile
from jiuwu.platform.signed_notifications import Notification, NotificationRefused, receive, sign_notification

# A busy machine is slow, not wrong.
APP_ID, SECRET, NOW = "jw_demo", "s3cr3t-of-the-app", 1_763_800_000
PROFILE = profile.load()
HEADERS = PROFILE.notification.headers
ENVELOPE = {
    "event_id": "evt_1",
    "event_type": "order.paid",
    "occurred_at": NOW - 5,
    "version": 2,
    "data": {"out_order_no": "JW1", "title": "一杯茶"},
}


def send(
    body: str | bytes, *, change: dict[str, Any] | None = None, used: profile.Profile = PROFILE, **signed: Any
) -> Notification:
    """Receives `body`, rightly signed as `signed` says, with headers then changed as `change` says."""
    text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    facts = {"app_id": APP_ID, "secret": SECRET, "event_id": "evt_1", "timestamp": NOW, "nonce": "n-0001", **signed}
    headers = {**sign_notification(used, body=text, **facts), **(change or {})}
    raw = text.encode("utf-8", "surrogateescape")
    return receive(used, app_id=APP_ID, secrets=lambda: (SECRET, "old"), headers=headers, body=raw, now=float(NOW))


def body_with(**changed: Any) -> str:
    return json.dumps({key: value for key, value in {**ENVELOPE, **changed}.items() if value is not ...})


def test_a_rightly_signed_notification_is_taken_in_as_it_came() -> None:
    body = json.dumps(ENVELOPE, ensure_ascii=False, indent=1)
    taken = send(body)
    assert ("evt_1", "order.paid", "order.paid", NOW - 5, 0) == (
        taken.event_id,
        taken.event_type,
        taken.raw_type,
        taken.occurred_at,
        taken.secret_index,
    )
    assert body == taken.body_text


def test_the_headers_are_those_of_the_contract() -> None:
    # the canonical string and its signature are checked with openssl in test_signing
    headers = sign_notification(
        PROFILE, app_id=APP_ID, secret=SECRET, event_id="evt_1", body="{}", timestamp=NOW, nonce="n-0001"
    )
    canonical = "app_id=jw_demo&body={}&event_id=evt_1&nonce=n-0001&timestamp=1763800000"
    expected = {
        "X-Jiuwu-App-Id": APP_ID,
        "X-Jiuwu-Timestamp": str(NOW),
        "X-Jiuwu-Nonce": "n-0001",
        "X-Jiuwu-Event-Id": "evt_1",
        "X-Jiuwu-Signature": hmac.digest(SECRET.encode(), canonical.encode(), "sha256").hex(),
    }
    assert expected == headers


def test_header_names_are_taken_in_any_case() -> None:
    headers = sign_notification(
        PROFILE, app_id=APP_ID, secret=SECRET, event_id="evt_1", body=body_with(), timestamp=NOW, nonce="n"
    )
    for spelled in (str.lower, str.upper):
        mixed = {spelled(name): value for name, value in headers.items()}
        raw = body_with().encode()
        receive(PROFILE, app_id=APP_ID, secrets=lambda: (SECRET,), headers=mixed, body=raw, now=float(NOW))


def test_the_previous_secret_is_good_too_and_counted_as_such() -> None:
    assert send(body_with(), secret="old").secret_index == 1


def test_a_type_the_profile_does_not_list_is_taken_in_as_unknown() -> None:
    taken = send(body_with(event_type="coupon.used"))
    assert ("unknown", "coupon.used") == (taken.event_type, taken.raw_type)


def test_time_and_version_may_be_absent() -> None:
    assert send(body_with(occurred_at=..., version=...)).occurred_at == 0


@pytest.mark.parametrize("ahead", [-300, 300])
def test_the_window_is_closed_at_its_tolerance(ahead: int) -> None:
    assert send(body_with(), timestamp=NOW + ahead).event_id == "evt_1"


@pytest.mark.parametrize("ahead", [-301, 301, -86_400, NOW * 1000 - NOW])
def test_a_time_outside_the_window_is_refused_with_both_times(ahead: int) -> None:
    with pytest.raises(NotificationRefused, match=f"sent at {NOW + ahead}, our clock says {NOW}") as refused:
        send(body_with(), timestamp=NOW + ahead)
    assert (401, "timestamp_outside_window", "X-Jiuwu-Timestamp") == (
        refused.value.status,
        refused.value.reason,
        refused.value.field,
    )


def test_a_time_in_another_unit_is_called_one() -> None:
    with pytest.raises(NotificationRefused, match=r"the unit differs \(factor 1000\): it must be seconds"):
        send(body_with(), timestamp=NOW * 1000)


HOSTILE_HEADERS: list[tuple[str, Any, int, str]] = [
    *((name, "", 401, "header_missing") for _, name in [(n, getattr(HEADERS, n)) for n in HEADERS.__struct_fields__]),
    *((getattr(HEADERS, n), "é", 400, "header_malformed") for n in HEADERS.__struct_fields__),
    *((getattr(HEADERS, n), "a" * 100_000, 400, "header_malformed") for n in HEADERS.__struct_fields__),
    *((getattr(HEADERS, n), ["a", "b"], 400, "header_malformed") for n in HEADERS.__struct_fields__),
    *((getattr(HEADERS, n), None, 400, "header_malformed") for n in HEADERS.__struct_fields__),
    *((getattr(HEADERS, n), "a\nb", 400, "header_malformed") for n in HEADERS.__struct_fields__),
    (HEADERS.app_id, "another_app", 401, "app_id_unknown"),
    (HEADERS.app_id, APP_ID.upper(), 401, "app_id_unknown"),
    *(
        (HEADERS.timestamp, text, 400, "timestamp_malformed")
        for text in ("-1", "+1763800000", "1763800000.5", "1_763_800_000", "0x6921", "1e9", " 1763800000", "now", "1,1")
    ),
    (HEADERS.timestamp, "9" * 20, 400, "timestamp_malformed"),
    (HEADERS.timestamp, str(NOW + 1), 401, "signature_wrong"),
    (HEADERS.nonce, "n-0002", 401, "signature_wrong"),
    (HEADERS.event_id, "evt_2", 401, "signature_wrong"),
    (HEADERS.signature, "0" * 64, 401, "signature_wrong"),
    (HEADERS.signature, "not hex", 401, "signature_wrong"),
    (HEADERS.signature, "%%%", 401, "signature_wrong"),
]


@pytest.mark.parametrize(("name", "value", "status", "reason"), HOSTILE_HEADERS)
def test_a_hostile_header_is_refused_with_its_name(name: str, value: object, status: int, reason: str) -> None:
    with pytest.raises(NotificationRefused) as refused:
        send(body_with(), change={name: value})
    expected_field = HEADERS.signature if reason == "signature_wrong" else name
    assert (status, reason, expected_field) == (refused.value.status, refused.value.reason, refused.value.field)


HOSTILE_BODIES: list[tuple[str | bytes, str, str | None]] = [
    ("", "body_not_json", None),
    ("   ", "body_not_json", None),
    ("null", "body_not_an_object", None),
    ("[]", "body_not_an_object", None),
    ('"text"', "body_not_an_object", None),
    ("5", "body_not_an_object", None),
    ("9" * 10_000, "body_not_an_object", None),
    ("{", "body_not_json", None),
    ("{} {}", "body_not_json", None),
    ("{'event_id': 'evt_1'}", "body_not_json", None),
    (body_with()[:-1] + ',"deep":' + "[" * 50_000 + "]" * 50_000 + "}", "body_not_json", None),
    (body_with()[:-1] + ',"deep":' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}", "body_not_json", None),
    ("<xml></xml>", "body_not_json", None),
    ("event_id=evt_1&event_type=order.paid", "body_not_json", None),
    (b"\xff\xfe\x00", "body_not_json", None),
    (body_with().encode() + b"\xff", "body_not_json", None),
    (b"\x1f\x8b\x08\x00", "body_not_json", None),
    ("\x00" + body_with(), "body_not_json", None),
    (body_with(event_id=...), "field_wrong", "event_id"),
    (body_with(event_id=True), "field_wrong", "event_id"),
    (body_with(event_id=5), "event_id_differs", "event_id"),
    (body_with(event_id=None), "field_wrong", "event_id"),
    (body_with(event_id=["evt_1"]), "field_wrong", "event_id"),
    (body_with(event_id=""), "field_wrong", "event_id"),
    (body_with(event_id="e" * 129), "field_wrong", "event_id"),
    (body_with(event_id="évt"), "field_wrong", "event_id"),
    (body_with(event_id="evt_2"), "event_id_differs", "event_id"),
    (body_with(event_type=...), "field_wrong", "event_type"),
    (body_with(event_type=""), "field_wrong", "event_type"),
    (body_with(event_type={"name": "order.paid"}), "field_wrong", "event_type"),
    (body_with(event_type="订单"), "field_wrong", "event_type"),
    (body_with(event_type="order.paid\n"), "field_wrong", "event_type"),
    (body_with(event_type="t" * 129), "field_wrong", "event_type"),
    (body_with(data=...), "field_wrong", "data"),
    (body_with(data=None), "field_wrong", "data"),
    (body_with(data=[]), "field_wrong", "data"),
    (body_with(data='{"out_order_no":"JW1"}'), "field_wrong", "data"),
]


@pytest.mark.parametrize(("body", "reason", "field"), HOSTILE_BODIES)
def test_a_rightly_signed_body_of_the_wrong_form_is_a_400(body: str | bytes, reason: str, field: str | None) -> None:
    with pytest.raises(NotificationRefused) as refused:
        send(body)
    assert (400, reason, field) == (refused.value.status, refused.value.reason, refused.value.field)


@given(body=st.binary(max_size=200), headers=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=8))
def test_junk_of_any_shape_ends_in_one_exception(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(NotificationRefused):
        receive(PROFILE, app_id=APP_ID, secrets=lambda: (SECRET,), headers=headers, body=body, now=float(NOW))


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_signed_junk_of_any_shape_ends_in_one_exception(body: bytes) -> None:
    with pytest.raises(NotificationRefused):
        send(body)


_FIELDS = ("body", "event_id", "nonce", "timestamp")
_JOINS = st.sampled_from(["&event_id=", "&nonce=", "&timestamp=", "x", "1", "=", "&", str(NOW)])
_TEXTS = st.lists(_JOINS, min_size=1, max_size=5).map("".join)


def resplit(canonical: str) -> list[dict[str, str]]:
    """Every way to read a canonical string as the four fields that a sender may choose."""
    rest = canonical.removeprefix(f"app_id={APP_ID}&body=")
    ways = []
    for event in re.finditer("&event_id=", rest):
        for nonce in re.compile("&nonce=").finditer(rest, event.end()):
            for time in re.compile("&timestamp=").finditer(rest, nonce.end()):
                cuts = (rest[: event.start()], rest[event.end() : nonce.start()], rest[nonce.end() : time.start()])
                ways.append(dict(zip(_FIELDS, (*cuts, rest[time.end() :]), strict=True)))
    return ways


@given(reason=_TEXTS, event_id=_TEXTS, nonce=_TEXTS)
def test_one_signature_is_good_for_one_notification_only(reason: str, event_id: str, nonce: str) -> None:
    body = json.dumps({"event_id": event_id, "event_type": "order.cancelled", "data": {"reason": reason}})
    headers = sign_notification(
        PROFILE, app_id=APP_ID, secret=SECRET, event_id=event_id, body=body, timestamp=NOW, nonce=nonce
    )
    names, taken = PROFILE.notification.headers, set()
    for way in resplit(f"app_id={APP_ID}&body={body}&event_id={event_id}&nonce={nonce}&timestamp={NOW}"):
        forged = headers | {getattr(names, ours): way[ours] for ours in _FIELDS[1:]}
        with suppress(NotificationRefused):
            found = receive(
                PROFILE, app_id=APP_ID, secrets=lambda: [SECRET], headers=forged, body=way["body"].encode(), now=NOW
            )
            taken.add((found.event_id, found.body_text, forged[names.timestamp]))

    assert taken == {(event_id, body, str(NOW))}


def test_nothing_shown_of_a_notification_holds_its_body() -> None:
    assert repr(send(body_with())) == "Notification(evt_1, order.paid)"


def test_names_times_and_places_come_from_the_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[signing]\ntimestamp_format = "%Y-%m-%d %H:%M:%S"\n'
        '[notification.headers]\nevent_id = "X-Event"\n'
        '[notification.signed]\nevent_id = ""\n'
        '[notification.fields]\nevent_id = "head.id"\nevent_type = "head.type"\noccurred_at = "head.time"\ndata = ""\n'
        '[notification.event_types]\n"order.paid" = "TRADE_PAID"\n'
    )
    mine = profile.load("mine", directory=tmp_path)
    body = json.dumps({"head": {"id": "evt_1", "type": "TRADE_PAID", "time": "2025-11-22 16:26:40"}, "order": "JW1"})
    taken = send(body, used=mine)
    assert ("evt_1", "order.paid", "TRADE_PAID", NOW) == (
        taken.event_id,
        taken.event_type,
        taken.raw_type,
        taken.occurred_at,
    )
    with pytest.raises(NotificationRefused, match="timestamp_malformed"):
        send(body, used=mine, change={"X-Jiuwu-Timestamp": str(NOW)})


def test_the_longest_names_are_taken() -> None:
    longest = "e" * 128
    assert send(body_with(event_id=longest), event_id=longest).event_id == longest
