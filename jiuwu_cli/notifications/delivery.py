"""Sends copies of a notification, each signed afresh as the platform signs its attempts."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import msgspec

from jiuwu.platform.notifications import sign_notification
from jiuwu.platform.profile.contract import NotificationContract, Profile

# The platform gives up after 5 s; a person wants to see the slow reply too.
PLATFORM_SECONDS = 5.0
SECONDS = 15.0
_JSON = {"content-type": "application/json"}


class Notification(msgspec.Struct, frozen=True):
    """A notification ready to be signed; `age` is how many seconds ago it claims to be sent."""

    app_id: str
    secret: str
    event_id: str
    body: str
    age: float = 0

    def __repr__(self) -> str:
        return f"Notice({self.event_id})"


class Outcome(msgspec.Struct, frozen=True):
    """What became of one copy: a reply, or `trouble` when none came; `late` when it only took too long."""

    milliseconds: int
    status: int = 0
    reply: str = ""
    trouble: str = ""
    late: bool = False


def deliver(
    http: httpx.Client, url: httpx.URL, profile: Profile, notice: Notification, *, seconds: float = SECONDS
) -> Outcome:
    """One copy, sent now."""
    headers = sign_notification(
        profile,
        app_id=notice.app_id,
        secret=notice.secret,
        event_id=notice.event_id,
        body=notice.body,
        timestamp=int(time.time() - notice.age),
        nonce=secrets.token_hex(12),
    )
    started = time.perf_counter()
    try:
        reply = http.post(
            url, content=notice.body.encode("utf-8", "surrogateescape"), headers=_JSON | headers, timeout=seconds
        )
    except httpx.TimeoutException:
        return Outcome(_since(started), trouble=f"no reply within {seconds:.0f} s", late=True)
    except httpx.HTTPError as error:
        return Outcome(_since(started), trouble=str(error) or type(error).__name__)
    return Outcome(_since(started), status=reply.status_code, reply=reply.text)


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


def send_copies(send: Callable[[], Outcome], count: int, *, simultaneous: bool) -> list[Outcome]:
    """The outcomes of `count` copies, one after the other or all at the same instant."""
    if not simultaneous:
        return [send() for _ in range(count)]
    ready = Barrier(count)

    def together(_: int) -> Outcome:
        ready.wait()
        return send()

    with ThreadPoolExecutor(max_workers=count) as senders:
        return list(senders.map(together, range(count)))


def is_accepted(contract: NotificationContract, outcome: Outcome) -> bool:
    """Whether the platform would take this for "received"; JSON may be written in any way."""
    if outcome.status != contract.success_status:
        return False
    try:
        return bool(msgspec.json.decode(outcome.reply) == msgspec.json.decode(contract.success_body))
    except msgspec.DecodeError:
        return outcome.reply.strip() == contract.success_body.strip()
