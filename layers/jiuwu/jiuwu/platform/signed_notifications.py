"""Notifications of the platform: taken in from raw bytes and headers, or refused with a reason.

Sans I/O, and light: no pydantic, because the function in front of the platform starts with this.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import astuple

from jiuwu.platform import decoding, signing
from jiuwu.platform.profile import Profile, lookup
from jiuwu.platform.times import read_time

# What an event type that the profile does not list is called by us; the platform may add types.
UNKNOWN_TYPE = "unknown"
_MAX_CHARACTERS, _MAX_DIGITS = 128, 19


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A verified notification. `body_text` is the body as signed, as far as it is text; `occurred_at` is in Unix
    seconds, 0 where the platform does not say.

    `headers` are the platform's own, under its names and without the signature; `delivery_id` is the nonce among them,
    a new one each time that the platform sends.
    """

    event_id: str
    event_type: str
    raw_type: str
    occurred_at: int
    body_text: str
    secret_index: int
    delivery_id: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Notification({self.event_id}, {self.event_type})"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every notification around its data. `occurred_at` is in Unix seconds; it and `version` are 0 where
    the platform does not say, or says nothing that can be one: they decide nothing."""

    event_id: str
    raw_type: str
    occurred_at: int
    version: int
    data: Mapping[str, Any]


class NotificationRefused(Exception):
    """Not taken in: the HTTP `status`, a `reason` for programs, a `message` for people, the `field` at fault."""

    def __init__(self, status: int, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.status, self.reason, self.message, self.field = status, reason, message, field


class NotificationQuarantined(NotificationRefused):
    """The signature fits, so the platform sent it, but it is not as the profile describes: to be kept, not sent again.

    `event_id`, `delivery_id` and `headers` are those of a Notification, by the signed headers.
    """

    event_id = ""
    delivery_id = ""
    secret_index = 0

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(400, reason, message, field)
        self.headers: dict[str, str] = {}


def receive(  # noqa: PLR0913 -- keyword-only, each a fact of its own
    profile: Profile,
    *,
    app_id: str,
    secrets: Callable[[], Sequence[str]],
    headers: Mapping[str, Any],
    body: bytes,
    now: float,
) -> Notification:
    """Return the notification in a request; raise NotificationRefused for what a stranger may have sent, and
    NotificationQuarantined for what the platform sent and we cannot read.

    Cheap checks come first, `secrets` is called only when those have passed, and nothing of the body is looked at
    before the signature fits. A time outside the window is refused with both times, which tells its sender the cure.
    """
    given, names = read_headers(profile, headers), profile.notification.headers
    if given["app_id"] != app_id:
        raise NotificationRefused(401, "app_id_unknown", "this app id is not ours", names.app_id)
    _check_window(profile, given["timestamp"], now)
    index = _check_signature(profile, given, body, secrets())
    named_headers = {name: given[ours] for ours, name in zip(names.__struct_fields__, astuple(names), strict=True)}
    del named_headers[names.signature]
    try:
        return _read(profile, body, given, named_headers, index)
    except NotificationQuarantined as unreadable:
        unreadable.event_id, unreadable.delivery_id = given["event_id"], given["nonce"]
        unreadable.headers, unreadable.secret_index = named_headers, index
        raise


def reread(profile: Profile, body: bytes, *, event_id: str) -> Notification:
    """Return the notification in a body that was verified before, under the event id of its header.

    Raise NotificationQuarantined when it still is not as the profile describes.
    """
    return _read(profile, body, {"event_id": event_id, "nonce": ""}, {}, 0)


def sign_notification(  # noqa: PLR0913 -- as receive
    profile: Profile, *, app_id: str, secret: str, event_id: str, body: str, timestamp: int, nonce: str
) -> dict[str, str]:
    """Return the headers with which the platform sends `body`; `timestamp` in Unix seconds."""
    names, when = profile.notification.headers, signing.format_timestamp(profile.signing, timestamp)
    values = {"app_id": app_id, "timestamp": when, "nonce": nonce, "event_id": event_id}
    signature = signing.sign(profile.signing, signed_params(profile, values, body), secret=secret)
    return {getattr(names, ours): value for ours, value in {**values, "signature": signature}.items()}


def read_headers(profile: Profile, headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the five headers by our names; raise NotificationRefused for one that is missing or cannot be stored."""
    names, found = profile.notification.headers, {name.lower(): value for name, value in headers.items()}
    return {ours: _header(found, getattr(names, ours)) for ours in names.__struct_fields__}


def _header(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name.lower(), "")
    if value == "":
        raise NotificationRefused(401, "header_missing", f"the header {name} is missing", name)
    if not _is_name(value):
        message = f"the header {name} is not 1 to {_MAX_CHARACTERS} printable ASCII characters"
        raise NotificationRefused(400, "header_malformed", message, name)
    return str(value)


def _is_name(value: object) -> bool:
    # Printable ASCII: what every log line and SQS message attribute can hold.
    return isinstance(value, str) and 1 <= len(value) <= _MAX_CHARACTERS and value.isascii() and value.isprintable()


def _check_window(profile: Profile, timestamp: str, now: float) -> None:
    scheme, name = profile.signing, profile.notification.headers.timestamp
    try:
        sent = signing.parse_timestamp(scheme, timestamp)
    except ValueError:
        message = f"the header {name} is not a time in the form {scheme.timestamp_format}"
        raise NotificationRefused(400, "timestamp_malformed", message, name) from None
    if abs(now - sent) > scheme.tolerance_seconds:
        message = (
            f"sent at {sent:.0f}, our clock says {now:.0f} (Unix seconds); "
            f"they may be {scheme.tolerance_seconds} s apart and are {abs(now - sent):.0f} s"
        )
        if any(abs(sent * factor - now) <= scheme.tolerance_seconds for factor in (1000, 0.001)):
            message += f"; the unit differs (factor 1000): it must be {scheme.timestamp_format}"
        raise NotificationRefused(401, "timestamp_outside_window", message, name)


def _check_signature(profile: Profile, given: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> int:
    # surrogateescape keeps bytes that are no UTF-8, so that the signature is over what came
    params = signed_params(profile, given, body.decode("utf-8", "surrogateescape"))
    try:
        return signing.verify(profile.signing, params, given["signature"], secrets=secrets)
    except signing.BadSignature:
        message = "the signature does not fit the headers and the raw body; `jiuwu verify --explain` tells why"
        raise NotificationRefused(401, "signature_wrong", message, profile.notification.headers.signature) from None


def of_notifications(profile: Profile) -> signing.Scheme:
    """Return the scheme, with the name under which a notification's body is signed."""
    return msgspec.structs.replace(profile.signing, body_name=profile.notification.signed.body)


def signed_params(profile: Profile, values: Mapping[str, str], body: str) -> dict[str, str]:
    """Return what is signed of a notification; `values` as read_headers gives them."""
    names = profile.notification.signed
    params = {getattr(names, ours): values.get(ours, body) for ours in names.__struct_fields__}
    params.pop("", None)  # "" in the profile leaves one out
    return params


def read_envelope(profile: Profile, found: object) -> Envelope:
    """Return the envelope of a decoded body; raise NotificationQuarantined.

    The one reader: what it takes at the door (WebhookIntake) it takes inside (OrderProcessor).
    """
    fields = profile.notification.fields
    if not isinstance(found, dict):
        raise NotificationQuarantined("body_not_an_object", "the body is JSON but not an object")
    event_id, raw_type = _name(found, fields.event_id), _name(found, fields.event_type)
    data = lookup(found, fields.data)
    if not isinstance(data, dict):
        raise _wrong(fields.data, "an object")
    return Envelope(
        event_id=event_id,
        raw_type=raw_type,
        occurred_at=_time(profile, lookup(found, fields.occurred_at)),
        version=_version(lookup(found, fields.version)),
        data=data,
    )


def _read(profile: Profile, body: bytes, given: Mapping[str, str], headers: dict[str, str], index: int) -> Notification:
    text, found = _decode(body)
    envelope = read_envelope(profile, found)
    if envelope.event_id != given["event_id"]:
        message = f"differs from the header {profile.notification.headers.event_id}"
        raise NotificationQuarantined("event_id_differs", message, profile.notification.fields.event_id)
    return Notification(
        event_id=envelope.event_id,
        event_type=profile.notification.our_type(envelope.raw_type) or UNKNOWN_TYPE,
        raw_type=envelope.raw_type,
        occurred_at=envelope.occurred_at,
        body_text=text,
        secret_index=index,
        delivery_id=given["nonce"],
        headers=headers,
    )


def _decode(body: bytes) -> tuple[str, object]:
    """Return the body as text that a queue takes, and its content. What is UTF-8 and holds no stray control character
    goes on as it came, but for its byte order mark."""
    with suppress(ValueError, RecursionError):
        return body.decode(), msgspec.json.decode(body)
    text = decoding.readable(body)
    try:
        return text, decoding.decode(text)
    except ValueError:
        raise NotificationQuarantined("body_not_json", "the body is not JSON that can be read") from None


def _name(envelope: object, field: str) -> str:
    text = decoding.as_word(lookup(envelope, field))
    if not _is_name(text):
        raise _wrong(field, f"text of 1 to {_MAX_CHARACTERS} printable ASCII characters")
    return str(text)


def _time(profile: Profile, value: object) -> int:
    try:
        return read_time(profile.signing, value)
    except ValueError:
        return 0


def _version(value: object) -> int:
    """Return a version, "2" and 2.0 included; 0 for what sorts no notifications."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        value = int(value)
    return decoding.as_count(value) or 0


def _wrong(field: str, expected: str) -> NotificationQuarantined:
    return NotificationQuarantined("field_wrong", f"the field {field} must be there and be {expected}", field)
