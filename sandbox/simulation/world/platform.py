"""The simulated platform in this process: its rules behind our HTTP client, its notifications on virtual time."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import Response

from jiuwu.platform.profile import Profile
from sandbox.simulation.aws.calls import Calls
from sandbox.simulation.world.clock import Clock
from sandbox.simulator.actions import Actions
from sandbox.simulator.deliveries import headers, received
from sandbox.simulator.endpoints import Endpoints
from sandbox.simulator.gateway import Gateway
from sandbox.simulator.notifier import TIMEOUT_SECONDS, Notifier
from sandbox.simulator.oauth import OAuth
from sandbox.simulator.replies import CutOff
from sandbox.simulator.state import App, Config, Delivery, PlatformState

URL = "http://platform.example"
CALLBACK = "https://api.example/oauth/callback"
type Endpoint = Callable[[Any], Awaitable[Response]]
# Sends a notification to the merchant: (headers, body) → (HTTP status, body), or None when no reply came.
type Post = Callable[[dict[str, str], str], tuple[int, str] | None]


class SimulatedRequest:
    """A request as the simulator's endpoints read it."""

    def __init__(self, request: httpx.Request, path: dict[str, str]) -> None:
        self._body, self.url, self.base_url, self.path_params = request.content, request.url, URL, path
        self.query_params = ImmutableMultiDict(parse_qsl(request.url.query.decode(), keep_blank_values=True))

    async def body(self) -> bytes:
        return self._body


class VirtualGateway(Gateway):
    """A gateway that holds a call on virtual time."""

    def __init__(self, state: PlatformState, clock: Clock) -> None:
        super().__init__(state)
        self._virtual = clock

    async def hold(self) -> None:
        self._virtual.sleep(self._state.faults.calls.hold_seconds)


class VirtualNotifier(Notifier):
    """The platform's notifier, of which each attempt is planned on the clock."""

    def __init__(self, state: PlatformState, clock: Clock, post: Post) -> None:
        super().__init__(state)
        self._clock, self._send = clock, post
        self.under_way = 0

    @property
    def waiting(self) -> int:
        return self.under_way

    def _push(self, delivery: Delivery) -> None:
        self.under_way += 1
        self._clock.at(delivery.due, lambda: self._attempt_now(delivery))

    def _attempt_now(self, delivery: Delivery) -> None:
        self.under_way -= 1
        self._count_overtaken(delivery)
        run(self._attempt(delivery))

    async def _post(self, delivery: Delivery) -> tuple[int | None, str]:
        signed = headers(self._state.profile, self._state.app, delivery, self._state.now())
        began = self._clock.now
        reply = self._send(signed, delivery.body)
        if reply is None or self._clock.now - began > TIMEOUT_SECONDS:
            return None, "timeout"
        success = received(self._state.profile.notification, *reply)
        return reply[0], "accepted" if success else "refused"


class Platform:
    """The platform, and `http`, the client by which our functions reach it."""

    def __init__(self, app: App, profile: Profile, *, clock: Clock, calls: Calls, post: Post) -> None:
        self.state = PlatformState(app, profile)
        # the schedule of notifications in real seconds: virtual ones cost nothing
        self.state.config = Config(
            webhook_url="https://api.example/webhooks/jiuwu", redirect_uris=(CALLBACK,), speed=1.0
        )
        self.notifier = VirtualNotifier(self.state, clock, post)
        self.actions = Actions(self.state, self.notifier)
        self._clock, self._calls = clock, calls
        self.restart()
        self._client = httpx.Client(transport=_Transport(self._serve))

    def restart(self) -> None:
        """Reset its rate limit and nonces, and drop notifications under way; keep its state."""
        self._gateway = VirtualGateway(self.state, self._clock)
        self._routes = self._wired(self.state.profile)
        self.notifier.under_way = 0

    def http(self) -> httpx.Client:
        """Return the client, in place of jiuwu.platform.calls.transport.http_client."""
        return self._client

    def _wired(self, profile: Profile) -> list[tuple[str, re.Pattern[str], str, Endpoint]]:
        oauth = OAuth(self.state, self._gateway)
        found: list[tuple[str, str, str, Endpoint]] = [
            ("GET", profile.endpoint("time")[1], "time", self._gateway.server_time),
            ("POST", profile.oauth.authorize_path, "oauth.authorize", oauth.decide),
            ("POST", profile.oauth.token_path, "oauth.token", oauth.token),
            ("POST", profile.oauth.revoke_path, "oauth.revoke", oauth.revoke),
        ]
        for name, (handler, subject) in Endpoints(self.state, self.actions).table().items():
            method, path = profile.endpoint(name)
            found.append((method, path, name, self._gateway.endpoint(name, handler, subject)))
        return [(method, _pattern(path), name, endpoint) for method, path, name, endpoint in found]

    def _serve(self, request: httpx.Request) -> httpx.Response:
        """Serve one request; the hook sees it like a call to AWS."""
        name, endpoint, path = self._find(request)
        began, timeout = self._clock.now, request.extensions.get("timeout", {}).get("read") or float("inf")
        reply: Response | None = None

        def act() -> dict[str, Any]:
            nonlocal reply
            reply = run(endpoint(SimulatedRequest(request, path)))
            return {}

        self._calls.once("platform", name, act, {"path": request.url.path})
        if self._clock.now - began > timeout:
            raise httpx.ReadTimeout("no reply in time", request=request)
        if isinstance(reply, CutOff) or reply is None:
            raise httpx.RemoteProtocolError("cut off", request=request)
        return httpx.Response(reply.status_code, headers=dict(reply.headers), content=bytes(reply.body))

    def _find(self, request: httpx.Request) -> tuple[str, Endpoint, dict[str, str]]:
        for method, path, name, endpoint in self._routes:
            if method == request.method and (found := path.fullmatch(request.url.path)):
                return name, endpoint, found.groupdict()
        raise httpx.UnsupportedProtocol(f"no call {request.method} {request.url.path}", request=request)


class _Transport(httpx.BaseTransport):
    def __init__(self, serve: Callable[[httpx.Request], httpx.Response]) -> None:
        self._serve = serve

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._serve(request)


def run[T](awaitable: Awaitable[T]) -> T:
    """Run a coroutine that never waits, and return its result."""
    coroutine = cast("Coroutine[Any, Any, T]", awaitable)
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise AssertionError("the coroutine waits for something that virtual time does not know")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
