"""The people of a world: members at their phones, and the merchant's own servers."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from jiuwu.aws.dynamodb import Table
from sandbox.shop import products
from sandbox.simulation.world.platform import URL
from sandbox.simulation.world.world import MERCHANT_KEY, World

RETURN_TO = "https://shop.example/"


class Refused(Exception):
    """An answer other than success; carries its HTTP status."""

    def __init__(self, what: str, reply: dict[str, Any]) -> None:
        super().__init__(f"{what}: {reply['statusCode']} {str(reply.get('body', ''))[:200]}")
        self.status = int(reply["statusCode"])


def add_products(world: World) -> None:
    """Put the demo shop's products into the table, each also for points: one point for ten fen."""
    table = Table(world.account.client("dynamodb"), "ProductsTable")
    for product in products.ALL:
        table.put(product.as_item() | {"price_points": 1 + product.price_fen // 10})


class Callback(NamedTuple):
    """A request of /oauth/callback, as a browser makes it."""

    path: str
    query: str
    cookie: str


@dataclass(slots=True)
class Member:
    """One member; `session` once logged in."""

    world: World
    open_id: str
    session: str = ""
    answers: dict[int, int] = field(default_factory=dict)

    def log_in(self) -> None:
        """Log in by /oauth/login, the consent, the callback and the ticket; raise Refused at the step that fails."""
        self.finish_login(self.consent())

    def consent(self) -> Callback:
        """Give consent at the platform; return the callback that the browser is sent to. Raise Refused."""
        start = self._request("GET", "/oauth/login", query=urlencode({"return_to": RETURN_TO}), expected=302)
        parameters = dict(parse_qsl(urlsplit(_location(start)).query))
        path = self.world.platform.state.profile.oauth.authorize_path
        consent = parameters | {"member": self.open_id, "decision": "allow"}
        back = urlsplit(self.world.platform.http().post(URL + path, data=consent).headers["location"])
        return Callback(back.path, back.query, start["cookies"][0].split(";")[0])

    def finish_login(self, callback: Callback) -> None:
        """Request the callback, and open a session with its ticket; raise Refused."""
        home = self._request("GET", callback.path, {"cookie": callback.cookie}, query=callback.query, expected=302)
        ticket = parse_qs(urlsplit(_location(home)).query).get("ticket", [""])[0]
        if not ticket:
            raise Refused("callback", home)
        self.session = json.loads(self._request("POST", "/oauth/session", body={"ticket": ticket})["body"])[
            "session_token"
        ]

    def place(self, key: str, items: list[dict[str, object]], **more: object) -> str:
        """Place an order and return its number; raise Refused."""
        reply = self._request(
            "POST", "/orders", self._session_headers() | {"idempotency-key": key}, body={"items": items} | more
        )
        order_no: str = json.loads(reply["body"])["order_no"]
        return order_no

    def get_order(self, order_no: str) -> dict[str, Any]:
        """Return the order as the storefront shows it; raise Refused."""
        shown: dict[str, Any] = json.loads(self._request("GET", f"/orders/{order_no}", self._session_headers())["body"])
        return shown

    def cancel(self, order_no: str) -> None:
        """Request cancellation; raise Refused."""
        self._request("POST", f"/orders/{order_no}/cancel", self._session_headers())

    def unlink(self) -> None:
        """End the grant; raise Refused."""
        self._request("POST", "/oauth/unlink", self._session_headers())

    def _session_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.session}"}

    def _request(  # noqa: PLR0913 -- what a request has
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        expected: int = 200,
        body: object = None,
        query: str = "",
    ) -> dict[str, Any]:
        reply = self.world.http(method, path, body=body, query=query, **(headers or {}))
        status = int(reply["statusCode"])
        self.answers[status] = self.answers.get(status, 0) + 1
        if status // 100 != expected // 100:
            raise Refused(path, reply)
        return reply


@dataclass(frozen=True, slots=True)
class Merchant:
    """The merchant's own servers."""

    world: World

    def grant_points(self, key: str, member_id: str, points: int) -> None:
        """Grant points; raise Refused."""
        self._post(f"/merchant/members/{member_id}/points", key, {"points": points, "reason": "欢迎"})

    def refund(self, key: str, order_no: str, amount_fen: int | None = None) -> None:
        """Refund this amount, by default all that is refundable; raise Refused."""
        expected = {} if amount_fen is None else {"amount_fen": amount_fen}
        self._post(f"/merchant/orders/{order_no}/refunds", key, {"reason": "商品破损", **expected})

    def refund_status(self, order_no: str, refund_id: str) -> str:
        """Return this refund's status in our order, empty if the order does not show it; raise Refused."""
        order = self._request("GET", f"/merchant/orders/{order_no}")
        return next((str(one["status"]) for one in order["refunds"] if one["refund_id"] == refund_id), "")

    def _post(self, path: str, key: str, body: object) -> None:
        self._request("POST", path, body, **{"idempotency-key": key})

    def _request(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        reply = self.world.http(method, path, body=body, authorization=f"Bearer {MERCHANT_KEY}", **headers)
        if int(reply["statusCode"]) // 100 != 2:
            raise Refused(path, reply)
        answer: dict[str, Any] = json.loads(reply["body"])
        return answer


def _location(reply: dict[str, Any]) -> str:
    return {name.lower(): str(value) for name, value in reply["headers"].items()}["location"]
