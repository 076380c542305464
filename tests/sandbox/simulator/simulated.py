"""A merchant and its receiver beside a simulator in this process."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from jiuwu.platform import profile, signed_notifications, signing
from jiuwu.platform.profile import Profile
from sandbox.simulator.app import Simulator
from sandbox.simulator.grants import challenge_of
from sandbox.simulator.state import App

APP = App("app1", "the-secret", "the-previous")
CALLBACK = "https://shop.example/oauth/callback"
WEBHOOK = "https://shop.example/webhooks/jiuwu"
VERIFIER = "v" * 43
ITEM = {"product_id": "tea", "title": "龙井", "quantity": 2, "price": "6.17"}


class Merchant:
    """Signs its calls, checks its notifications and answers them as `answers` says, in turn; then with success."""

    def __init__(self, platform: Profile) -> None:
        self.platform = platform
        self.answers: list[httpx.Response | Exception] = []
        self.received: list[tuple[str, dict[str, Any]]] = []  # (nonce, body) of those that verified
        self.refused: list[str] = []
        self.requested: list[str] = []  # the addresses at which notifications came
        self.http: httpx.AsyncClient
        self.simulator: Simulator
        self._nonces = 0

    def query(
        self, params: dict[str, str], body: str = "", *, path: str = "", secret: str = APP.secret
    ) -> dict[str, str]:
        names, self._nonces = self.platform.call, self._nonces + 1
        whole = {
            names.app_id: APP.app_id,
            names.timestamp: signing.format_timestamp(self.platform.signing, time.time()),
            names.nonce: f"nonce-{self._nonces}",
            names.sign_method: names.sign_method_value,
        } | params
        signed = whole | ({self.platform.signing.body_name: body} if body else {})
        return whole | {names.sign: signing.sign(self.platform.signing, signed, secret=secret, path=path)}

    async def call(self, name: str, token: str = "", body: object = None, **params: str) -> dict[str, Any]:
        """The envelope of a signed call; `params` fill the path, the rest is the query."""
        reply = await self.send(name, token, body, **params)
        found: dict[str, Any] = reply.json()
        return found

    async def send(self, name: str, token: str = "", body: object = None, **params: str) -> httpx.Response:
        method, template = self.platform.endpoint(name)
        path = template.format(**params)
        query = {key: text for key, text in params.items() if "{" + key + "}" not in template}
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        signed = self.query(query | ({self.platform.call.access_token: token} if token else {}), text)
        return await self.http.request(method, path, params=signed, content=text.encode())

    async def control(self, method: str, path: str, **body: object) -> dict[str, Any]:
        reply = await self.http.request(method, f"/_sim/{path}", json=body or None)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    async def authorize(self, member: str = "ou_lan", **changes: str) -> httpx.Response:
        requested = {
            "response_type": "code",
            "client_id": APP.app_id,
            "redirect_uri": CALLBACK,
            "scope": "profile orders",
            "state": "state-1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "member": member,
            "decision": "allow",
        }
        return await self.http.post("/oauth/authorize", data=requested | changes)

    async def code(self, member: str = "ou_lan", **changes: str) -> str:
        return parse_qs(urlsplit((await self.authorize(member, **changes)).headers["location"]).query)["code"][0]

    async def token(self, **fields: str) -> httpx.Response:
        client = {"client_id": APP.app_id, "client_secret": APP.secret}
        return await self.http.post("/oauth/token", data=client | fields)

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.token(**(fields | changes))

    async def renew(self, refresh_token: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token)

    async def log_in(self, member: str = "ou_lan") -> dict[str, Any]:
        tokens: dict[str, Any] = (await self.exchange(await self.code(member))).json()
        return tokens

    async def place(self, number: str = "JW1", token: str = "", **changes: object) -> dict[str, Any]:
        token = token or (await self.log_in())["access_token"]
        order = {"out_order_no": number, "amount": "12.34", "items": [ITEM]}
        return await self.call("orders.create", token, order | changes)

    async def paid(self, number: str = "JW1") -> None:
        """Places an order and pays it."""
        await self.place(number)
        await self.control("POST", f"orders/{number}/pay")

    async def settled(self) -> dict[str, Any]:
        """The stats once no notification waits or is on its way."""

        async def stats() -> dict[str, Any]:
            return await self.control("GET", "stats")

        found: dict[str, Any] = await self.until(stats, lambda now: now["waiting"] == now["in_flight"] == 0)
        return found

    async def attempts(self, count: int) -> list[dict[str, Any]]:
        """The notification log as soon as it has that many entries."""
        found: list[dict[str, Any]] = await self.until(self._log, lambda log: len(log) >= count)
        return found

    async def until(self, look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + 10
        while not wanted(found := await look()):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.005)
        return found

    def take(self, request: httpx.Request) -> httpx.Response:
        """The receiving side, with the product's own check."""
        self.requested.append(str(request.url))
        try:
            taken = signed_notifications.receive(
                self.platform,
                app_id=APP.app_id,
                secrets=lambda: [APP.secret],
                headers=dict(request.headers),
                body=request.content,
                now=time.time(),
            )
        except signed_notifications.NotificationRefused as refused:
            self.refused.append(refused.reason)
            return httpx.Response(refused.status)
        nonce = request.headers[self.platform.notification.headers.nonce]
        self.received.append((nonce, json.loads(taken.body_text)))
        answer = self.answers.pop(0) if self.answers else self.success()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def success(self) -> httpx.Response:
        return httpx.Response(self.platform.notification.success_status, text=self.platform.notification.success_body)

    async def _log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("GET", "notifications"))["notifications"]
        return found


@contextlib.asynccontextmanager
async def merchant(platform: Profile | None = None) -> AsyncIterator[Merchant]:
    """Beside a running simulator whose notification schedule passes in no time."""
    platform = platform or profile.load()
    one = Merchant(platform)
    one.simulator = Simulator(APP, platform, host="platform", transport=httpx.MockTransport(one.take))
    transport = httpx.ASGITransport(one.simulator.asgi)
    async with one.simulator.running(), httpx.AsyncClient(transport=transport, base_url="http://platform") as one.http:
        await one.control("PUT", "config", webhook_url=WEBHOOK, redirect_uris=[CALLBACK], speed=100_000)
        yield one
