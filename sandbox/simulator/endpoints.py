"""The endpoints of the platform's API, by our names for them."""

from collections.abc import Mapping
from functools import partial

from sandbox.simulator import product_rules
from sandbox.simulator.actions import Actions
from sandbox.simulator.gateway import Call, Handler, Subject
from sandbox.simulator.members import Product
from sandbox.simulator.orders import Item, NewOrder, Order
from sandbox.simulator.refusals import Refused
from sandbox.simulator.serialization import RequestBody, nested
from sandbox.simulator.state import PlatformState

MAX_ORDERS = 100
MAX_NUMBER_CHARACTERS = 64
type Reply = Mapping[str, object]


class Endpoints:
    def __init__(self, state: PlatformState, actions: Actions) -> None:
        self._state = state
        self._actions = actions
        self._serializer = state.serializer
        self._names = state.profile.fields

    def table(self) -> dict[str, tuple[Handler, Subject]]:
        """Return each endpoint with its subject, for which faults are drawn."""
        order_no = partial(_from_path, "out_order_no")
        return {
            "users.me": (self.users_me, _about_member),
            "users.get": (self.users_get, partial(_from_path, "open_id")),
            "products.upsert": (self.products_upsert, partial(_from_path, "product_id")),
            "products.get": (self.products_get, partial(_from_path, "product_id")),
            "orders.create": (self.orders_create, self._about_order),
            "orders.get": (self.orders_get, order_no),
            "orders.query": (self.orders_query, _about_nothing),
            "orders.changed": (self.orders_changed, _about_nothing),
            "orders.push_status": (self.orders_push_status, order_no),
            "refunds.create": (self.refunds_create, self._about_order),
        }

    def users_me(self, call: Call) -> Reply:
        return self._serializer.member(self._state.member(call.member), call.base_url)

    def users_get(self, call: Call) -> Reply:
        open_id = call.path["open_id"]
        if open_id not in self._state.members:
            raise Refused("bad_parameters", f"open_id: no member {open_id} has authorized this app")
        return self._serializer.member(self._state.members[open_id], call.base_url)

    def products_upsert(self, call: Call) -> Reply:
        names, body = self._names.product, call.json
        product = Product(
            product_id=call.path["product_id"],
            title=body.text(names.title),
            price_fen=body.amount(names.price, minimum=0),
            on_shelf=body.flag(names.on_shelf),
            updated_at=self._state.now(),
        )
        if refusal := product_rules.refusal(product):
            reason, msg = refusal
            raise Refused("product_refused", msg, data=nested({self._state.profile.reply.refusal_reason: reason}))
        self._state.products[product.product_id] = product
        return self._serializer.product(product)

    def products_get(self, call: Call) -> Reply:
        product = self._state.products.get(call.path["product_id"])
        if product is None:
            raise Refused("product_unknown", f"no product {call.path['product_id']}")
        return self._serializer.product(product)

    def orders_create(self, call: Call) -> Reply:
        names, body = self._names.order, call.json
        request = NewOrder(
            out_order_no=body.text(names.out_order_no, longest=MAX_NUMBER_CHARACTERS),
            amount_fen=body.amount(names.amount, minimum=0),
            items=tuple(self._item(item) for item in body.each(names.items)),
            notify_url=body.text(self._names.request.notify_url, default=""),
        )
        return self._order(self._actions.place(request, call.member), call)

    def orders_get(self, call: Call) -> Reply:
        return self._order(self._state.orders.get(call.path["out_order_no"]), call)

    def orders_query(self, call: Call) -> Reply:
        name = self._names.request.out_order_nos
        numbers = call.json.texts(name)
        if len(numbers) > MAX_ORDERS:
            raise Refused("bad_parameters", f"{name}: {len(numbers)} given, at most {MAX_ORDERS} allowed")
        found = [order for number in numbers if (order := self._state.orders.find(number))]
        return self._serializer.page([self._order(order, call) for order in found])

    def orders_changed(self, call: Call) -> Reply:
        names = self._names.request
        limit = _number(call, names.limit, MAX_ORDERS)
        if not 1 <= limit <= MAX_ORDERS:
            raise Refused("bad_parameters", f"{names.limit}: expected 1 to {MAX_ORDERS}")
        updated_after, cursor = _number(call, names.updated_after, 0), _number(call, names.cursor, 0)
        orders, following = self._state.orders.changed(updated_after, cursor, limit)
        return self._serializer.page([self._order(order, call) for order in orders], str(following or ""))

    def orders_push_status(self, call: Call) -> Reply:
        names, body = self._names.request, call.json
        theirs, request_no = body.text(names.status), body.text(names.request_no)
        ours = self._state.profile.order_status.get(theirs)
        if ours is None:
            raise Refused("bad_parameters", f"{names.status}: no such status")
        return self._order(self._actions.push(call.path["out_order_no"], ours, request_no), call)

    def refunds_create(self, call: Call) -> Reply:
        names, body = self._names.refund, call.json
        body.text(self._names.request.reason, default="")
        refund = self._actions.refund_as(
            body.text(self._names.order.out_order_no),
            body.text(names.out_refund_no, longest=MAX_NUMBER_CHARACTERS),
            body.text(names.transaction_id),
            body.amount(names.amount),
        )
        return self._serializer.refund(refund)

    def _order(self, order: Order, call: Call) -> dict[str, object]:
        return self._serializer.order(order, call.base_url)

    def _item(self, body: RequestBody) -> Item:
        names = self._names.item
        return Item(
            product_id=body.text(names.product_id),
            title=body.text(names.title),
            quantity=body.whole(names.quantity),
            price_fen=body.amount(names.price, minimum=0),
        )

    def _about_order(self, call: Call) -> str:
        return call.json.text(self._names.order.out_order_no)


def _from_path(name: str, call: Call) -> str:
    return call.path[name]


def _about_member(call: Call) -> str:
    return call.member


def _about_nothing(_call: Call) -> str:
    return ""


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Refused("bad_parameters", f"{name}: expected a whole number")
    return int(text) if text else default
