"""Serve each signed call: rate, signature, token, faults, handler, envelope."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sandbox.simulator import faults
from sandbox.simulator.authentication import Authentication, single_values
from sandbox.simulator.grants import Grant
from sandbox.simulator.refusals import Refused
from sandbox.simulator.replies import CutOff, Envelopes, bad_gateway, odd_reply
from sandbox.simulator.serialization import RequestBody
from sandbox.simulator.state import PlatformState

CALLS_PER_SECOND = 200.0
# which scope a call on behalf of a member needs
_SCOPES = {"users.me": "profile", "orders.create": "orders"}


class Call(NamedTuple):
    """An authenticated call as its handler sees it."""

    query: Mapping[str, str]
    path: Mapping[str, str]
    body: bytes
    base_url: str
    grant: Grant | None

    @property
    def json(self) -> RequestBody:
        return RequestBody.read(self.body)

    @property
    def member(self) -> str:
        if self.grant is None:
            raise Refused("bad_parameters", "this call is on behalf of a member; access_token is missing in the query")
        return self.grant.open_id


type Handler = Callable[[Call], Mapping[str, object]]
type Subject = Callable[[Call], str]


class Gateway:
    def __init__(self, state: PlatformState) -> None:
        self._state = state
        self._bucket = TokenBucket(CALLS_PER_SECOND)
        self._seen: Counter[tuple[str, str]] = Counter()
        self.envelopes = Envelopes(state.profile)
        self.authentication = Authentication(state.app, state.serializer)

    def endpoint(self, name: str, handler: Handler, subject: Subject) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            about = ""
            try:
                self._bucket.take(time.monotonic())
                call = await self._authenticated(name, request)
                about = subject(call)
                reply, outcome = await self._answer(name, about, lambda: handler(call))
            except Refused as refused:
                reply, outcome = self.envelopes.refusal(refused), f"{refused.meaning}: {refused.msg}"
            self.note(name, about, outcome)
            return reply

        return serve

    def clock(self) -> float:
        return time.time() + self._state.faults.clock_skew

    async def server_time(self, _request: Request) -> Response:
        """Return the server time; unsigned, so that a client whose clock is off can learn it."""
        return self.envelopes.success(
            {self._state.profile.reply.server_time: self._state.serializer.time(int(self.clock()))}
        )

    def note(self, name: str, about: str, outcome: str) -> None:
        for group in ("calls", f"call {name}"):
            self._state.activity.count(group, outcome.partition(":")[0])
        self._state.activity.write("call", f"{name} {about} → {outcome}")

    def fault(self, name: str, about: str) -> tuple[str, str]:
        """Return the fault of this call and its form, or two empty texts."""
        self._seen[name, about] += 1
        return faults.call_fault(self._state.faults, name, about, self._seen[name, about]) or ("", "")

    async def hold(self) -> None:
        await asyncio.sleep(self._state.faults.calls.hold_seconds)

    async def lose(self, form: str, reply: Response) -> Response:
        """Return no or a broken reply to a call that took effect."""
        if form == "cut_off":
            return CutOff()
        if form == "garbage":
            return bad_gateway(200)
        await self.hold()
        return reply

    async def _authenticated(self, name: str, request: Request) -> Call:
        body = await request.body()
        params = single_values(request.query_params.multi_items())
        # surrogateescape, as the signature is over the very bytes
        self.authentication.check(params, body.decode("utf-8", "surrogateescape"), request.url.path, self.clock())
        base_url = str(request.base_url).rstrip("/")
        return Call(params, request.path_params, body, base_url, self._grant(name, params))

    def _grant(self, name: str, params: Mapping[str, str]) -> Grant | None:
        token = params.get(self._state.profile.call.access_token)
        if not token:
            return None
        grants, now = self._state.grants, self._state.now()
        grant = grants.holder(token, now)
        access = grants.access[token]
        if access.from_code and access.used and faults.grant_expires(self._state.faults, grant.open_id, grant.grant_id):
            access.expires_at = now - 1
            self._state.activity.count("tokens", "expired early")
            grants.holder(token, now)
        access.used = True
        scope = _SCOPES.get(name, "")
        if scope in self._state.profile.oauth.scopes and scope not in grant.scope.split(
            self._state.profile.oauth.scope_joiner
        ):
            raise Refused("scope_missing", f"the member has not granted the scope {scope}")
        return grant

    async def _answer(self, name: str, about: str, handle: Callable[[], Mapping[str, object]]) -> tuple[Response, str]:
        fault, form = self.fault(name, about)
        if fault in {"rate_limited", "server_error"}:
            return self._turned_away(form), f"injected {fault}: {form}"
        if fault == "timeout":
            await self.hold()
            if form == "never_done":
                return bad_gateway(504), "injected timeout: never done"
        reply, outcome = self._done(handle)
        if fault == "lost_reply":
            reply = await self.lose(form, reply)
        if fault == "odd_reply":
            reply = odd_reply(reply, form)
        return reply, f"injected {fault}: {form} ({outcome})" if fault else outcome

    def _done(self, handle: Callable[[], Mapping[str, object]]) -> tuple[Response, str]:
        try:
            return self.envelopes.success(handle()), "ok"
        except Refused as refused:
            return self.envelopes.refusal(refused), f"{refused.meaning}: {refused.msg}"

    def _turned_away(self, form: str) -> Response:
        match form:
            case "http_429":
                return self.envelopes.refusal(Refused("rate_limited", "too many calls", status=429, retry_after=1))
            case "code_in_200":
                return self.envelopes.refusal(Refused("rate_limited", "too many calls", retry_after=1))
            case "http_500":
                return bad_gateway(500)
            case "http_503":
                return self.envelopes.refusal(Refused("busy", "the platform is busy", status=503))
            case "internal_in_200":
                return self.envelopes.refusal(Refused("internal", "internal error"))
        return self.envelopes.refusal(Refused("busy", "the platform is busy"))


class TokenBucket:
    """`rate` calls a second, and as many at once after a pause."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = rate
        self._at = 0.0

    def take(self, now: float) -> None:
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            raise Refused("rate_limited", f"more than {self._rate:.0f} calls a second", status=429, retry_after=1)
        self._left -= 1
