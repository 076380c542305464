"""The gateway: a call of the profile's [api] signed, sent, corrected once and retried."""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import msgspec

from jiuwu.platform import signing
from jiuwu.platform.errors import BadParameters, ClockSkew, MalformedPayload, PlatformError, TokenExpired
from jiuwu.platform.profile import lookup
from jiuwu.platform.profile.contract import Profile

from .base_client import HEADERS, BaseClient, Outgoing
from .envelope import Sent, known, open_envelope, parse_server_time
from .retry import call_with_retries
from .transport import HttpReply

# These change nothing, though they are POSTed.
_READS = frozenset({"orders.query"})
_JSON = {"content-type": "application/json; charset=utf-8"}


class TokenSource(Protocol):
    """A member's access token, and how to get a new one."""

    def access_token(self) -> str: ...

    def renew(self, stale: str) -> str:
        """Return a token other than `stale`, which the platform just called expired."""


class GatewayAuth(httpx.Auth):
    """Puts app_id, timestamp, nonce, sign_method, access_token and sign into the query, as the profile names them."""

    requires_request_body = True

    def __init__(self, profile: Profile, *, secret: str, path: str, params: Mapping[str, str]) -> None:
        self._profile, self._secret, self._path, self._params = profile, secret, path, params

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        scheme = self._profile.signing
        params = {**request.url.params, **self._params}
        body = {scheme.body_name: request.content.decode()} if scheme.body_name and request.content else {}
        signature = signing.sign(scheme, params | body, secret=self._secret, path=self._path)
        request.url = request.url.copy_with(params=params | {self._profile.call.sign: signature})
        yield request


@dataclass(frozen=True, slots=True)
class Subject:
    """Which order a write is about, and the id by which the platform dedupes it, where that is not the order's."""

    order_no: str
    effect_id: str = ""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """The end of a write about an order after all its attempts, for the order's log: "ok" or the error's class name,
    and the request id of the last attempt."""

    name: str
    subject: Subject
    outcome: str
    milliseconds: float
    request_id: str


def ignore_write(record: WriteRecord) -> None:
    """Keep nothing."""


@dataclass(kw_only=True)
class Call[T]:
    """A call on its way through its attempts: what it is, and which corrections it has had."""

    name: str
    read: Callable[[Any], T]
    method: str
    path: str
    query: dict[str, str]
    content: bytes
    token: TokenSource | None
    seconds: float
    about: Subject | None = None
    request_id: str = ""
    access_token: str = field(default="", repr=False)
    clock_corrected: bool = False
    token_renewed: bool = False

    @property
    def write(self) -> bool:
        return self.method != "GET" and self.name not in _READS


class Gateway(BaseClient):
    """One app's way through the platform's gateway. Safe to share between threads; remembers the clock's offset."""

    # called with the end of each write about an order; the client's maker may set it
    on_write: Callable[[WriteRecord], None] = staticmethod(ignore_write)
    clock_offset = 0.0  # seconds by which the platform's clock is ahead of ours, once it has said so

    def prepare[T](  # noqa: PLR0913 -- what a call may have
        self,
        name: str,
        read: Callable[[Any], T],
        *,
        path_args: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 -- JSON
        token: TokenSource | None = None,
        about: Subject | None = None,
        timeout: float | None = None,
    ) -> Call[T]:
        """Return a call of the profile's [api] whose data `read` takes; raise BadParameters for what cannot be sent."""
        method, path = self.profile.endpoint(name)
        try:
            return Call(
                name=name,
                read=read,
                method=method,
                path=path.format(**{key: _segment(name, value) for key, value in (path_args or {}).items()}),
                query={key: value for key, value in (query or {}).items() if value},
                content=b"" if json is None else msgspec.json.encode(json),
                token=token,
                about=about,
                seconds=timeout or self.profile.gateway.timeout_seconds,
            )
        except UnicodeEncodeError:
            raise BadParameters(name, msg="a text is not valid Unicode") from None

    def run[T](self, call: Call[T], *, repeatable: bool = False) -> T:
        """Return what the call reads; retry a read, and a write that may be repeated."""
        if call.about is None:
            return self._run(call, repeatable)
        started, outcome = time.perf_counter(), "ok"
        try:
            return self._run(call, repeatable)
        except PlatformError as error:
            outcome = type(error).__name__
            call.request_id = error.request_id or call.request_id
            raise
        finally:
            lasted = (time.perf_counter() - started) * 1000
            self.on_write(WriteRecord(call.name, call.about, outcome, lasted, call.request_id))

    def _run[T](self, call: Call[T], repeatable: bool) -> T:  # noqa: FBT001
        if call.token is not None:
            call.access_token = call.token.access_token()
        repeatable = repeatable or not call.write
        return call_with_retries(
            lambda: self._corrected(call), write=call.write, repeatable=repeatable, runtime=self._runtime
        )

    def server_time(self, data: object) -> int:
        """Return the clock in a reply's data."""
        name = self.profile.reply.server_time
        found = parse_server_time(self.profile, lookup(data, name))
        if found is None:
            raise MalformedPayload(name, "missing, or no time as signing.timestamp_format has it")
        return found

    def _corrected[T](self, call: Call[T]) -> T:
        """Make an attempt; repeat it once after each of the two things that the platform can tell us to mend."""
        try:
            return self._send(call)
        except ClockSkew as error:
            if call.clock_corrected:
                raise
            call.clock_corrected = True
            self.clock_offset = self._learn(call, error) - self._clock()
        except TokenExpired:
            if call.token is None or call.token_renewed:
                raise
            call.token_renewed = True
            call.access_token = call.token.renew(call.access_token)
        return self._corrected(call)

    def _learn[T](self, call: Call[T], error: ClockSkew) -> int:
        """Learn the platform's clock from its refusal or from the time call; raise the refusal when neither tells."""
        if error.server_time is not None:
            return error.server_time
        if call.name != "time":
            try:
                return self._send(self.prepare("time", self.server_time))
            except ClockSkew as again:
                if again.server_time is not None:
                    return again.server_time
            except PlatformError:
                pass
        raise error

    def _send[T](self, call: Call[T]) -> T:
        build = partial(self._outgoing, call)
        return self._sender.attempt(call.name, call.seconds, build, partial(self._read, call))

    def _outgoing[T](self, call: Call[T], base_url: str) -> Outgoing:
        secret, nonce, now = self._secrets().current, self._nonce(), self._clock() + self.clock_offset
        sent = Sent(name=call.name, nonce=nonce, now=now, confidential=(call.access_token, secret))
        auth = GatewayAuth(
            self.profile, secret=secret, path=call.path, params=self._signed_params(nonce, now, call.access_token)
        )
        request = self._sender.http.build_request(
            call.method,
            base_url + call.path,
            params=call.query,
            content=call.content or None,
            headers=HEADERS | (_JSON if call.content else {}),
        )
        return Outgoing(sent, request, auth, call.write, call.seconds)

    def _signed_params(self, nonce: str, now: float, access_token: str) -> dict[str, str]:
        names = self.profile.call
        params = {
            names.app_id: self._app_id,
            names.timestamp: signing.format_timestamp(self.profile.signing, now),
            names.nonce: nonce,
            names.sign_method: names.sign_method_value,
            names.access_token: access_token,
        }
        return {name: value for name, value in params.items() if value}

    def _read[T](self, call: Call[T], sent: Sent, reply: HttpReply) -> T:
        if call.about is not None:
            call.request_id = known(self.profile, sent, reply)["request_id"] or ""
        data = open_envelope(self.profile, sent, reply)
        try:
            return call.read(data)
        except MalformedPayload as error:
            at = self.profile.reply.data
            inside = error.field not in ("", at) and at
            raise MalformedPayload(f"{at}.{error.field}" if inside else error.field, error.problem) from None


def _segment(name: str, value: str) -> str:
    """Return a value as one segment of a path; dots alone would lead out of it."""
    if value in ("", ".", ".."):
        raise BadParameters(name, msg="a path argument is empty or only dots")
    return quote(value, safe="")
