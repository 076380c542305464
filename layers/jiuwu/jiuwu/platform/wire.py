"""One attempt of a call: sent, timed, counted, and ended in a value or a PlatformError."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from jiuwu.platform.contract import Profile
from jiuwu.platform.envelope import Sent, malformed
from jiuwu.platform.errors import MalformedPayload, PlatformError, PlatformUnreachable, UnknownOutcome
from jiuwu.platform.transport import NotSent, Reply, ReplyLost, fetch, http_client


class Secrets(Protocol):
    """The app's secrets, as far as calls need them: the one to sign with."""

    @property
    def current(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt, for metrics: the call's name, "ok" or the error's class name, the platform's code if it sent one."""

    name: str
    outcome: str
    code: int | str | None
    milliseconds: float


def unobserved(record: CallRecord) -> None:
    """Where nobody counts."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An attempt about to be sent."""

    sent: Sent
    request: httpx.Request = field(repr=False)  # its URL holds the token
    auth: httpx.Auth | None
    write: bool
    seconds: float


class Wire:
    """The way to one platform, for calls and OAuth alike."""

    def __init__(
        self, profile: Profile, base_url: str, http: httpx.Client | None, observe: Callable[[CallRecord], None]
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
            raise ValueError("the platform's base URL must be http(s)://host, without user, query or fragment")
        self.base_url = base_url.rstrip("/")
        self._profile, self._http, self._observe = profile, http, observe

    @property
    def http(self) -> httpx.Client:
        return self._http or http_client()

    def attempt[T](self, outgoing: Outgoing, read: Callable[[Reply], T]) -> T:
        """What `read` makes of the reply; its MalformedPayload becomes a BadReply."""
        started = time.perf_counter()
        outcome, code = "ok", None
        try:
            return self._attempt(outgoing, read)
        except PlatformError as error:
            outcome, code = type(error).__name__, error.code
            raise
        finally:
            self._observe(CallRecord(outgoing.sent.name, outcome, code, (time.perf_counter() - started) * 1000))

    def _attempt[T](self, outgoing: Outgoing, read: Callable[[Reply], T]) -> T:
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
            return read(reply)
        except MalformedPayload as problem:
            raise malformed(self._profile, sent, reply, problem) from None
