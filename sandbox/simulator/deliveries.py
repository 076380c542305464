"""One copy of a notification: its body, its signature, and when it is retried. Pure except for the random nonce."""

import json
import secrets
from collections.abc import Mapping

import msgspec

from jiuwu.platform.profile import Profile
from jiuwu.platform.profile.contract import NotificationContract
from jiuwu.platform.signed_notifications import sign_notification
from sandbox.simulator.events import Event
from sandbox.simulator.orders import derived
from sandbox.simulator.serialization import Serializer
from sandbox.simulator.state import App, Delivery

# Seconds after which the platform tries again, one after the other; part of its contract.
RETRIES = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
FORGERIES = frozenset({"forged_secret", "forged_timestamp"})
OLD_SECONDS = 3600
# what a platform adds one day without telling, half an emoji with it: receivers have to pass it over
_SURPRISES = {"x_trace": {"zone": "east-2", "hops": [1, 2]}, "x_beta": None}


def under_new_id(event: Event, copy: object = 0) -> Event:
    """Return the same fact as another event."""
    return msgspec.structs.replace(event, event_id=derived("evt_", event.event_id, "again", copy))


def forged(event: Event) -> Event:
    """Return an attacker's event: a payment that never happened."""
    lies = {
        name: derived("66", event.event_id, name) for name in ("transaction_id", "refund_id") if name in event.facts
    }
    return msgspec.structs.replace(event, event_id=derived("evt_", event.event_id, "forged"), facts=event.facts | lies)


def compose(
    serializer: Serializer, event: Event, extra: Mapping[str, object] | None = None, *, surprises: bool = False
) -> str:
    """Return the body as it is signed and sent."""
    more = _SURPRISES if surprises else {}
    content = serializer.notification(event, {**more, **(extra or {})}) | more
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    text = text.encode("utf-8", "replace").decode()  # what one overrides may be no text that can be sent
    return text.replace("{", '{"x_cut":"\\ud83d",', 1) if surprises else text


def headers(profile: Profile, app: App, delivery: Delivery, now: int) -> dict[str, str]:
    """Sign for this attempt; a forgery uses a wrong secret or a time an hour ago."""
    secret = "attacker-" + secrets.token_hex(16) if delivery.kind == "forged_secret" else app.secret
    timestamp = now - OLD_SECONDS if delivery.kind == "forged_timestamp" else now
    signed = sign_notification(
        profile,
        app_id=app.app_id,
        secret=secret,
        event_id=delivery.event_id,
        body=delivery.body,
        timestamp=timestamp,
        nonce=secrets.token_hex(12),
    )
    return signed | {"Content-Type": "application/json; charset=utf-8", "User-Agent": "jiuwu-platform-simulator"}


def received(contract: NotificationContract, status: int, body: str) -> bool:
    """Return whether the merchant's reply is the success that the profile names; JSON may be written in any way."""
    if status != contract.success_status:
        return False
    try:
        return bool(json.loads(body) == json.loads(contract.success_body))
    except ValueError:
        return body.strip() == contract.success_body.strip()


def retry_after(delivery: Delivery) -> int | None:
    """Return seconds of platform time until the next attempt; None when there is none."""
    if delivery.kind in FORGERIES or delivery.attempts > len(RETRIES):
        return None
    return RETRIES[delivery.attempts - 1]
