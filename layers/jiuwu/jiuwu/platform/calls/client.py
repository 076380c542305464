"""The platform's calls, typed. Every one ends in its value or in a PlatformError.

A write that may have been done ends in UnknownOutcome: look before trying again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jiuwu.platform import payloads
from jiuwu.platform.errors import BadParameters, MalformedPayload
from jiuwu.platform.models import NewOrder, NewProduct, Page, RefundReply, RemoteOrder, RemoteProduct, UserProfile
from jiuwu.platform.money import yuan
from jiuwu.platform.profile.contract import OrderStatus

from .base_client import CallRecord, Secrets
from .gateway import Gateway, GatewayAuth, Subject, TokenSource, WriteRecord

__all__ = ["CallRecord", "GatewayAuth", "PlatformClient", "Secrets", "TokenSource", "WriteRecord"]


class PlatformClient(Gateway):
    """The calls of one app. Share one per process: it keeps its connections and what it learnt of the clocks.

    `secrets` is called at each attempt, so that a rotation needs no restart; `on_attempt` receives each attempt.
    """

    def time(self, *, timeout: float | None = None) -> int:
        """Return the platform's clock in Unix seconds."""
        return self.run(self.prepare("time", self.server_time, timeout=timeout))

    def me(self, token: TokenSource, *, timeout: float | None = None) -> UserProfile:
        return self.run(self.prepare("users.me", self._user, token=token, timeout=timeout))

    def user(self, open_id: str, *, timeout: float | None = None) -> UserProfile:
        path_args = {"open_id": open_id}
        return self.run(self.prepare("users.get", self._user, path_args=path_args, timeout=timeout))

    def upsert_product(self, product: NewProduct, *, timeout: float | None = None) -> RemoteProduct:
        """Create the product, or change it to this; return the platform's view of it. Idempotent by product_id.

        Raise ProductRefused, BadParameters or ContentRefused for a product that the platform does not take.
        """
        path_args, read = {"product_id": product.product_id}, self._product(product.product_id)
        json = payloads.render_product(self.profile, product)
        call = self.prepare("products.upsert", read, path_args=path_args, json=json, timeout=timeout)
        return self.run(call, repeatable=True)

    def get_product(self, product_id: str, *, timeout: float | None = None) -> RemoteProduct:
        """Return the product as the platform shows it; raise ProductUnknown."""
        path_args, read = {"product_id": product_id}, self._product(product_id)
        return self.run(self.prepare("products.get", read, path_args=path_args, timeout=timeout))

    def create_order(self, order: NewOrder, token: TokenSource, *, timeout: float | None = None) -> RemoteOrder:
        """Create the order, or find it with the same content; return it. Idempotent by out_order_no."""
        json, read = payloads.render_order(self.profile, order), self._order(order.out_order_no)
        about = Subject(order.out_order_no)
        return self.run(
            self.prepare("orders.create", read, json=json, token=token, about=about, timeout=timeout), repeatable=True
        )

    def get_order(self, out_order_no: str, *, timeout: float | None = None) -> RemoteOrder:
        path_args, read = {"out_order_no": out_order_no}, self._order(out_order_no)
        return self.run(self.prepare("orders.get", read, path_args=path_args, timeout=timeout))

    def query_orders(self, out_order_nos: Sequence[str], *, timeout: float | None = None) -> list[RemoteOrder]:
        """Return those of up to 100 orders that the platform has, in no promised order."""
        if len(out_order_nos) > 100:
            raise BadParameters("orders.query", msg="more than 100 orders")
        if not out_order_nos:
            return []
        json = payloads.nested({self.profile.fields.request.out_order_nos: list(out_order_nos)})
        orders = self.run(self.prepare("orders.query", self._orders, json=json, timeout=timeout))
        return [order for order in orders if order.out_order_no in out_order_nos]

    def changed_orders(
        self, updated_after: int, cursor: str = "", *, limit: int = 100, timeout: float | None = None
    ) -> Page:
        """Return a page of the orders changed after a time (Unix seconds), oldest change first."""
        names = self.profile.fields.request
        query = {names.updated_after: str(updated_after), names.cursor: cursor, names.limit: str(limit)}
        return self.run(self.prepare("orders.changed", self._page, query=query, timeout=timeout))

    def push_status(
        self, out_order_no: str, status: OrderStatus, effect_id: str, *, timeout: float | None = None
    ) -> RemoteOrder:
        """Tell the platform our state of an order; return its view of the order. Idempotent by effect_id."""
        names = self.profile.fields.request
        json = payloads.nested({names.status: self.profile.their_status(status), names.request_no: effect_id})
        path_args, read = {"out_order_no": out_order_no}, self._order(out_order_no)
        call = self.prepare(
            "orders.push_status",
            read,
            path_args=path_args,
            json=json,
            about=Subject(out_order_no, effect_id),
            timeout=timeout,
        )
        return self.run(call, repeatable=True)

    def refund(  # noqa: PLR0913 -- what a refund is
        self,
        out_order_no: str,
        out_refund_no: str,
        transaction_id: str,
        amount_fen: int,
        *,
        reason: str = "",
        timeout: float | None = None,
    ) -> RefundReply:
        """Give back part or all of a payment (fen). Idempotent by out_refund_no."""
        names = self.profile.fields
        values = {
            names.order.out_order_no: out_order_no,
            names.refund.out_refund_no: out_refund_no,
            names.refund.transaction_id: transaction_id,
            names.refund.amount: yuan(amount_fen),
            names.request.reason: reason,
        }
        about = Subject(out_order_no, out_refund_no)
        call = self.prepare("refunds.create", self._refund, json=payloads.nested(values), about=about, timeout=timeout)
        return self.run(call, repeatable=True)

    def call(  # noqa: PLR0913 -- the generic door
        self,
        name: str,
        *,
        path_args: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json: Any = None,  # noqa: ANN401 -- JSON
        token: TokenSource | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Any:  # noqa: ANN401 -- JSON
        """Make a call of the profile's [api]; return the data of its reply.

        A read is retried; a write only with `idempotency_key`, which says that the call carries such a key.
        `timeout` is seconds for one attempt in total.
        """
        call = self.prepare(
            name, lambda data: data, path_args=path_args, query=query, json=json, token=token, timeout=timeout
        )
        return self.run(call, repeatable=idempotency_key is not None)

    def _user(self, data: object) -> UserProfile:
        return payloads.parse_user(self.profile, data)

    def _order(self, requested: str) -> Callable[[object], RemoteOrder]:
        def read(data: object) -> RemoteOrder:
            order = payloads.parse_order(self.profile, data)
            if order.out_order_no != requested:
                raise MalformedPayload(self.profile.fields.order.out_order_no, "not the requested order")
            return order

        return read

    def _product(self, requested: str) -> Callable[[object], RemoteProduct]:
        def read(data: object) -> RemoteProduct:
            product = payloads.parse_product(self.profile, data)
            if product.product_id != requested:
                raise MalformedPayload(self.profile.fields.product.product_id, "not the requested product")
            return product

        return read

    def _orders(self, data: object) -> tuple[RemoteOrder, ...]:
        return payloads.parse_orders(self.profile, data)

    def _page(self, data: object) -> Page:
        return payloads.parse_page(self.profile, data)

    def _refund(self, data: object) -> RefundReply:
        return payloads.parse_refund(self.profile, data)
