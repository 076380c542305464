"""Send copies of a notification, each with its own signature, as the platform does."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import msgspec

from jiuwu.platform.profile.contract import NotificationContract, Profile
from jiuwu.platform.signed_notifications import sign_notification

# The platform waits 5 s. The command waits longer, to show a slow reply.
PLATFORM_SECONDS = 5.0
SECONDS = 15.0
_JSON = {"content-type": "application/json"}


class Notification(msgspec.Struct, frozen=True):
    """A notification to sign and send; `age` is the age of its timestamp in seconds."""

    app_id: str
    secret: str
    event_id: str
    body: str
    age: float = 0

    def __repr__(self) -> str:
        return f"Notification({self.event_id})"


class DeliveryResult(msgspec.Struct, frozen=True):
    """The reply to one copy, or `error` if there was none; `timed_out` says that it took too long."""

    milliseconds: int
    status: int = 0
    reply: str = ""
    error: str = ""
    timed_out: bool = False


def deliver(
    http: httpx.Client, url: httpx.URL, profile: Profile, notification: Notification, *, seconds: float = SECONDS
) -> DeliveryResult:
    """Sign and send one copy."""
    headers = sign_notification(
        profile,
        app_id=notification.app_id,
        secret=notification.secret,
        event_id=notification.event_id,
        body=notification.body,
        timestamp=int(time.time() - notification.age),
        nonce=secrets.token_hex(12),
    )
    started = time.perf_counter()
    try:
        reply = http.post(
            url, content=notification.body.encode("utf-8", "surrogateescape"), headers=_JSON | headers, timeout=seconds
        )
    except httpx.TimeoutException:
        return DeliveryResult(_milliseconds_since(started), error=f"no reply within {seconds:.0f} s", timed_out=True)
    except httpx.HTTPError as failure:
        return DeliveryResult(_milliseconds_since(started), error=str(failure) or type(failure).__name__)
    return DeliveryResult(_milliseconds_since(started), status=reply.status_code, reply=reply.text)


def _milliseconds_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def send_copies(send: Callable[[], DeliveryResult], count: int, *, simultaneous: bool) -> list[DeliveryResult]:
    """Send `count` copies, one after the other or all at the same time."""
    if not simultaneous:
        return [send() for _ in range(count)]
    ready = Barrier(count)

    def together(_: int) -> DeliveryResult:
        ready.wait()
        return send()

    with ThreadPoolExecutor(max_workers=count) as senders:
        return list(senders.map(together, range(count)))


def is_accepted(contract: NotificationContract, result: DeliveryResult) -> bool:
    """Return whether the platform counts the reply as success; the JSON may be formatted in any way."""
    if result.status != contract.success_status:
        return False
    try:
        return bool(msgspec.json.decode(result.reply) == msgspec.json.decode(contract.success_body))
    except msgspec.DecodeError:
        return result.reply.strip() == contract.success_body.strip()
