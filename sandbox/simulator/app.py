"""The simulator: one state, one notifier, and the routes that the profile names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jiuwu.platform.profile import Profile
from sandbox.simulator import control_api
from sandbox.simulator.actions import Actions
from sandbox.simulator.endpoints import Endpoints
from sandbox.simulator.gateway import Gateway
from sandbox.simulator.member_pages import MemberPages
from sandbox.simulator.notifier import Notifier
from sandbox.simulator.oauth import OAuth
from sandbox.simulator.origin_guard import OriginGuard
from sandbox.simulator.refusals import Refused
from sandbox.simulator.state import App, PlatformState, write_private

_SAVE_SECONDS = 5.0
_CONTROL_STATUS = {"order_unknown": 404, "product_unknown": 404, "bad_parameters": 422}


class Simulator:
    """The simulator, for tests and the command line. `host` is its name besides loopback names."""

    def __init__(
        self,
        app: App,
        profile: Profile,
        *,
        host: str = "127.0.0.1",
        state_file: Path | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._state_file, self._origin_guard = state_file, OriginGuard(host)
        self.state = PlatformState(app, profile)
        self.notifier = Notifier(self.state, transport)
        self.actions = Actions(self.state, self.notifier)
        self.gateway = Gateway(self.state)
        if state_file and state_file.exists():
            self.notifier.restore(self.state.restore(state_file.read_bytes()))
        self.asgi = self._wire_up()

    @contextlib.asynccontextmanager
    async def running(self, _asgi: FastAPI | None = None) -> AsyncIterator[None]:
        """Send notifications and save the state until the context ends."""
        tasks = [asyncio.create_task(self.notifier.run()), asyncio.create_task(self._save_now_and_then())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._state_file:
                write_private(self._state_file, self._dump())

    def _wire_up(self) -> FastAPI:
        profile, gateway = self.state.profile, self.gateway
        oauth = OAuth(self.state, gateway)
        routes = [
            Route(profile.endpoint("time")[1], gateway.server_time),
            Route(profile.oauth.authorize_path, oauth.consent),
            Route(profile.oauth.authorize_path, self._origin_guard.only(oauth.decide), methods=["POST"]),
            Route(profile.oauth.token_path, oauth.token, methods=["POST"]),
            Route(profile.oauth.revoke_path, oauth.revoke, methods=["POST"]),
        ]
        for name, (handler, subject) in Endpoints(self.state, self.actions).table().items():
            method, path = profile.endpoint(name)
            routes.append(Route(path, gateway.endpoint(name, handler, subject), methods=[method]))
        routes += MemberPages(self.state, self.actions, self.notifier).routes(self._origin_guard)
        # taken over as they are: include_router would build each of them a second time
        buttons = control_api.router(self.state, self.actions, self.notifier, self._origin_guard).routes
        asgi = FastAPI(
            title="玖伍社区模拟平台：控制接口",
            lifespan=self.running,
            routes=[*routes, *buttons],
            docs_url=None,  # FastAPI's own pages load their scripts from the internet
            redoc_url=None,
        )
        asgi.add_exception_handler(404, self._no_such_call)
        asgi.add_exception_handler(405, self._no_such_call)
        asgi.add_exception_handler(Refused, _control_refused)
        return asgi

    def _no_such_call(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self.gateway.envelopes.refusal(
            Refused("bad_parameters", f"there is no call {request.method} {request.url.path}", status=status)
        )

    def _dump(self) -> bytes:
        return self.state.save(self.notifier.dump())

    async def _save_now_and_then(self) -> None:
        saved = 0
        while self._state_file:
            await asyncio.sleep(_SAVE_SECONDS)
            if self.state.activity.newest != saved:
                saved = self.state.activity.newest
                await asyncio.to_thread(write_private, self._state_file, self._dump())


def _control_refused(_request: Request, error: Exception) -> Response:
    """Answer a refusal of the control API; calls of the platform's API answer in their envelope."""
    if not isinstance(error, Refused):
        raise error
    return JSONResponse({"reason": error.meaning, "detail": error.msg}, _CONTROL_STATUS.get(error.meaning, 409))
