"""One attempt of a call: sent, timed, counted, and ended in a value or a PlatformError."""

import secrets as randomness
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from jiuwu.platform.errors import MalformedPayload, PlatformError, PlatformUnreachable, UnknownOutcome
from jiuwu.platform.profile.contract import Profile
from jiuwu.runtime import SYSTEM, Runtime

from .envelope import Sent, malformed
from .permit import PermitSource, acquire_permit, report_outcome, unlimited
from .transport import HttpReply, NotSent, ReplyLost, fetch, http_client

HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "jiuwu-connect"}


class Secrets(Protocol):
    """The app's secrets, as far as calls need them: the one to sign with. A source that cannot give them raises
    AppSecretUnavailable."""

    @property
    def current(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt, for metrics: the call's name, "ok" or the error's class name, the platform's code if it sent one."""

    name: str
    outcome: str
    code: int | str | None
    milliseconds: float


def ignore_attempt(record: CallRecord) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An attempt about to be sent."""

    sent: Sent
    request: httpx.Request = field(repr=False)  # its URL holds the token
    auth: httpx.Auth | None
    write: bool
    seconds: float


class Sender:
    """Sends attempts to one platform, for calls and OAuth alike."""

    def __init__(
        self,
        profile: Profile,
        base_url: str,
        http: httpx.Client | None,
        on_attempt: Callable[[CallRecord], None],
        permits: PermitSource = unlimited,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
            raise ValueError("the platform's base URL must be http(s)://host, without user, query or fragment")
        self.base_url = base_url.rstrip("/")
        self._profile, self._http, self._on_attempt, self._permits = profile, http, on_attempt, permits

    @property
    def http(self) -> httpx.Client:
        return self._http or http_client()

    def attempt[T](
        self, name: str, seconds: float, build: Callable[[str], Outgoing], read: Callable[[Sent, HttpReply], T]
    ) -> T:
        """Acquire a permit, send what `build` makes for a base URL, and return what `read` makes of the reply.

        A MalformedPayload of `read` becomes a BadReply. Raise OwnLimitReached or CircuitOpen where there is no permit.
        """
        permit = acquire_permit(self._permits, name, min(seconds, self._profile.limits.max_wait_seconds))
        # built after the wait, so that its timestamp is fresh
        outgoing = build(self._profile.gateway.fallback_url.rstrip("/") if permit.fallback else self.base_url)
        started = time.perf_counter()
        outcome, code = "ok", None
        try:
            found = self._send(outgoing, read)
        except PlatformError as error:
            outcome, code = type(error).__name__, error.code
            report_outcome(permit, error)
            raise
        finally:
            self._on_attempt(CallRecord(name, outcome, code, (time.perf_counter() - started) * 1000))
        report_outcome(permit, None)
        return found

    def _send[T](self, outgoing: Outgoing, read: Callable[[Sent, HttpReply], T]) -> T:
        sent = outgoing.sent
        try:
            reply = fetch(self.http, outgoing.request, outgoing.auth, outgoing.seconds)
        except NotSent as error:
            raise PlatformUnreachable(sent.name, request_id=sent.nonce) from error
        except ReplyLost as error:
            if outgoing.write:
                raise UnknownOutcome(sent.name, reason=str(error), request_id=sent.nonce) from error
            raise PlatformUnreachable(sent.name, request_id=sent.nonce) from error
        try:
            return read(sent, reply)
        except MalformedPayload as problem:
            raise malformed(self._profile, sent, reply, problem) from None


class BaseClient:
    """The base of the platform's clients: the app, its secrets and how to reach the platform; the rest is for tests."""

    def __init__(  # noqa: PLR0913 -- everything that a test or a function decides for itself
        self,
        profile: Profile,
        *,
        base_url: str,
        app_id: str,
        secrets: Callable[[], Secrets],
        http: httpx.Client | None = None,
        runtime: Runtime = SYSTEM,
        nonce: Callable[[], str] = lambda: randomness.token_hex(16),
        on_attempt: Callable[[CallRecord], None] = ignore_attempt,
        permits: PermitSource = unlimited,
    ) -> None:
        self._sender = Sender(profile, base_url, http, on_attempt, permits)
        self.profile, self._app_id, self._secrets = profile, app_id, secrets
        self._clock, self._nonce, self._runtime = runtime.clock, nonce, runtime
