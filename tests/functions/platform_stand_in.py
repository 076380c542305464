"""The platform on the wire, in this process: the sandbox's order rules behind the default profile's calls.

A call can be made to fail as networks do: `fail("orders.create", lost, lost, down)` spends one fault per attempt.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx

from jiuwu.platform.money import fen, yuan
from sandbox.simulator import orders
from sandbox.simulator.orders import Order
from sandbox.simulator.refusals import Refused

Serve = Callable[[], object]
Fault = Callable[[Serve], object]

_CODES = {"order_unknown": 50001, "order_conflict": 50002, "transition_refused": 50003}
_CALLS = [
    ("orders.create", "POST", r"/orders"),
    ("orders.query", "POST", r"/orders/query"),
    ("orders.changed", "GET", r"/orders"),
    ("orders.get", "GET", r"/orders/([^/]+)"),
    ("orders.push_status", "POST", r"/orders/([^/]+)/status"),
    ("refunds.create", "POST", r"/refunds"),
]


class Code(Exception):
    """The platform refuses with this code."""


def down(_: Serve) -> object:
    """No connection: certainly nothing was done."""
    raise httpx.ConnectError("refused")


def lost(serve: Serve) -> object:
    """Done, and the reply is lost."""
    serve()
    raise httpx.ReadTimeout("no reply")


def unheard(_: Serve) -> object:
    """Sent, not done, and no reply."""
    raise httpx.ReadTimeout("no reply")


def refuses(code: int) -> Fault:
    """Answers with this code, nothing done."""

    def fault(_: Serve) -> object:
        raise Code(code)

    return fault


def garbled(_: Serve) -> object:
    """An answer that is none of the contract's."""
    return {"orders": [{"out_order_no": 7}]}


class StandIn:
    """A platform; `tokens` are the access tokens it takes and whose they are."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.orders: dict[str, Order] = {}
        self.calls: list[str] = []
        self.tokens: dict[str, str] = {}
        self.page_size = 100
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._always: dict[str, Fault] = {}
        self._clock = clock

    @property
    def now(self) -> int:
        return int(self._clock())

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def fail(self, call: str, *faults: Fault) -> None:
        """The next attempts of this call meet these faults, one each."""
        self._faults[call] += faults

    def fail_always(self, call: str, fault: Fault) -> None:
        """Every attempt of this call meets this fault."""
        self._always[call] = fault

    def heal(self) -> None:
        """No call fails any more."""
        self._faults.clear()
        self._always.clear()

    def count(self, call: str) -> int:
        """How many attempts of this call came."""
        return self.calls.count(call)

    # ---- what happens over there, by itself

    def change(self, number: str, step: Callable[..., Order], *details: object) -> None:
        """change("JW…", orders.pay, 1234, "t1"): a step of the sandbox's rules."""
        order = self.orders[number]
        now = (self.now,) if step is orders.pay else (self.now, "member")
        # changed orders move to the end, as in the platform's own list
        self.orders.pop(number)
        self.orders[number] = step(order, *details, *now)

    def pay(self, number: str, amount: int = 1234, transaction: str = "t1") -> None:
        self.change(number, orders.pay, amount, transaction)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        name, match = next(
            (name, match)
            for name, method, path in _CALLS
            if method == request.method and (match := re.fullmatch(path, request.url.path))
        )
        self.calls.append(name)
        body = json.loads(request.content) if request.content else {}
        try:
            data = self._fault(name)(lambda: self._serve(name, match.groups(), body, request.url.params))
        except Refused as refused:
            return _reply(_CODES[refused.meaning], {})
        except Code as code:
            return _reply(code.args[0], {})
        return _reply(0, data)

    def _fault(self, name: str) -> Fault:
        if self._faults[name]:
            return self._faults[name].pop(0)
        return self._always.get(name, lambda serve: serve())

    def _serve(self, name: str, numbers: tuple[str, ...], body: dict[str, Any], query: httpx.QueryParams) -> object:
        match name:
            case "orders.create":
                return self._create(body, query)
            case "orders.query":
                return {"orders": [_shown(self.orders[n]) for n in body["out_order_nos"] if n in self.orders]}
            case "orders.changed":
                return self._changed(int(query["updated_after"]), int(query.get("cursor", "0")))
            case "orders.get":
                return _shown(self._find(numbers[0]))
            case "orders.push_status":
                order = orders.push(self._find(numbers[0]), body["status"], body["request_no"], self.now)
                self.orders[numbers[0]] = order
                return _shown(order)
        raise AssertionError(name)

    def _create(self, body: dict[str, Any], query: httpx.QueryParams) -> object:
        open_id = self.tokens.get(query.get("access_token", ""))
        if open_id is None:
            raise Code(30001)
        items = tuple(
            orders.Item(item["product_id"], item["title"], item["quantity"], fen(item["price"]))
            for item in body["items"]
        )
        requested = orders.NewOrder(body["out_order_no"], fen(body["amount"]), items)
        known = self.orders.get(requested.out_order_no)
        order = orders.repeat_order(known, requested, open_id) if known else orders.place(requested, open_id, self.now)
        self.orders[order.number] = order
        if not known and not requested.amount_fen:
            self.pay(order.number, 0, "free")
        return _shown(self.orders[order.number])

    def _changed(self, after: int, start: int) -> object:
        changed = [order for order in self.orders.values() if order.updated_at >= after]
        end = start + self.page_size
        more = str(end) if end < len(changed) else ""
        return {"orders": [_shown(order) for order in changed[start:end]], "next_cursor": more}

    def _find(self, number: str) -> Order:
        if number not in self.orders:
            raise Refused("order_unknown", number)
        return self.orders[number]


def _reply(code: int, data: object) -> httpx.Response:
    return httpx.Response(200, json={"code": code, "msg": "", "request_id": "req-1", "data": data})


def _shown(order: Order) -> dict[str, Any]:
    return {
        "platform_order_no": order.platform_order_no,
        "out_order_no": order.number,
        "open_id": order.open_id,
        "status": order.status,
        "amount": yuan(order.request.amount_fen),
        "paid_amount": yuan(order.paid_fen),
        "items": [
            {"product_id": i.product_id, "title": i.title, "quantity": i.quantity, "price": yuan(i.price_fen)}
            for i in order.request.items
        ],
        "pay_url": f"https://pay.example/{order.number}",
        "payments": [
            {"transaction_id": p.transaction_id, "amount": yuan(p.amount_fen), "paid_at": p.paid_at}
            for p in order.payments
        ],
        "refunds": [
            {
                "refund_id": r.refund_id,
                "out_refund_no": r.out_refund_no,
                "transaction_id": r.transaction_id,
                "amount": yuan(r.amount_fen),
                "refunded_at": r.refunded_at,
            }
            for r in order.refunds
        ],
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }
