"""Pages other than OAuth: payment, avatars, signature debugger, overview, health check."""

import asyncio
import time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from jiuwu.platform import money
from sandbox.simulator.actions import Actions
from sandbox.simulator.members import OPEN_ID, member
from sandbox.simulator.notifier import Notifier
from sandbox.simulator.origin_guard import OriginGuard
from sandbox.simulator.refusals import Refused
from sandbox.simulator.rendering import form, page
from sandbox.simulator.signature_debugger import EMPTY, UnreadableInput, explanation
from sandbox.simulator.state import PlatformState

_NEWEST = 20
_COLOURS = ("#4f7a6b", "#7a5f4f", "#4f5f7a", "#75507b", "#8a6d3b")


class MemberPages:
    def __init__(self, state: PlatformState, actions: Actions, notifier: Notifier) -> None:
        self._state = state
        self._actions = actions
        self._notifier = notifier

    def routes(self, origin_guard: OriginGuard) -> list[Route]:
        return [
            Route("/", self.overview),
            Route("/healthz", self.health),
            Route("/pay/{platform_order_no}", self.pay_page),
            Route("/pay/{platform_order_no}", origin_guard.only(self.pay), methods=["POST"]),
            Route("/avatars/{open_id}.svg", self.avatar),
            Route("/debug/signature", self.signature),
            Route("/debug/signature", origin_guard.only(self.explain), methods=["POST"]),
        ]

    async def overview(self, _request: Request) -> Response:
        newest = list(self._state.orders)[-_NEWEST:][::-1]
        return page("overview.html", orders=newest, config=self._state.config, app_id=self._state.app.app_id)

    async def health(self, _request: Request) -> Response:
        if self._notifier.failed:
            return PlainTextResponse("the notifier has failed; see the log", 500)
        return PlainTextResponse("ok")

    async def pay_page(self, request: Request) -> Response:
        return self._pay_page(request)

    async def pay(self, request: Request) -> Response:
        """Pay all or a part, or cancel; then redirect to the order, so that reloading does nothing."""
        given = await form(request)
        wanted = given.get("decision")
        try:
            order = self._state.orders.at_platform(request.path_params["platform_order_no"])
            if wanted == "cancel":
                self._actions.cancel(order.number, "member")
            else:
                part = money.fen(text) if (text := given.get("amount", "").strip()) else None
                self._actions.pay(order.number, min(part, order.missing_fen) if part else None)
        except (Refused, money.MoneyError):
            return self._pay_page(request, 409)
        query = {"return_to": back} if (back := _return_to(request)) else {}
        return RedirectResponse(f"{request.url.path}?{urlencode(query)}", 303)

    async def avatar(self, request: Request) -> Response:
        open_id = request.path_params["open_id"]
        if not OPEN_ID.fullmatch(open_id):
            return PlainTextResponse("not an open_id", 404)
        name = (self._state.members.get(open_id) or member(open_id, 0)).nickname
        colour = _COLOURS[sum(open_id.encode()) % len(_COLOURS)]
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80">'
            f'<rect width="80" height="80" fill="{colour}"/><text x="40" y="52" font-size="34" fill="#fff" '
            f'font-family="sans-serif" text-anchor="middle">{name[0]}</text></svg>'
        )
        return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    async def signature(self, _request: Request) -> Response:
        return page("signature.html", fields=EMPTY, found=None, wrong="")

    async def explain(self, request: Request) -> Response:
        given = await form(request)
        fields = EMPTY | {name: given[name] for name in EMPTY if name in given}
        try:
            # tries many variations: in a thread, so that a long body does not block the event loop
            found = await asyncio.to_thread(explanation, self._state.profile, self._state.app, fields, time.time())
        except UnreadableInput as unreadable:
            return page("signature.html", 400, fields=fields, found=None, wrong=str(unreadable))
        return page("signature.html", fields=fields, found=found, wrong="")

    def _pay_page(self, request: Request, status: int = 200) -> Response:
        try:
            order = self._state.orders.at_platform(request.path_params["platform_order_no"])
        except Refused:
            return page("problem.html", 404, title="没有这个订单", problem="请检查链接，或回到商家重新下单。")
        return page("pay.html", status, order=order, return_to=_return_to(request), refused=status != 200)


def _return_to(request: Request) -> str:
    """Return the link back to the merchant; only to the web, never to javascript:."""
    address = request.query_params.get("return_to", "")
    return address if address.startswith(("http://", "https://")) else ""
