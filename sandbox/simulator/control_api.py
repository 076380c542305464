"""The simulator's control API: unsigned, for the same machine only, not part of the platform's contract."""

import time
from collections import Counter

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from jiuwu.platform.money import MoneyError, fen
from sandbox.simulator import deliveries, events
from sandbox.simulator.actions import Actions
from sandbox.simulator.control_requests import (
    Cancellation,
    ConfigChange,
    Expiry,
    NotificationRequest,
    Payment,
    ProductChange,
    Quiet,
    RefundBack,
    RefundChange,
)
from sandbox.simulator.events import Event
from sandbox.simulator.faults import Faults
from sandbox.simulator.notifier import Notifier
from sandbox.simulator.orders import NewOrder, Order, place
from sandbox.simulator.origin_guard import OriginGuard
from sandbox.simulator.refusals import Refused
from sandbox.simulator.state import PlatformState

_LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def only_loopback(request: Request) -> None:
    if request.client is None or request.client.host not in _LOOPBACK:
        raise HTTPException(403, "the control buttons answer to this machine only")


def router(state: PlatformState, actions: Actions, notifier: Notifier, origin_guard: OriginGuard) -> APIRouter:
    def only_own_origin(request: Request) -> None:
        if why := origin_guard.refusal(request):
            raise HTTPException(403, why)

    guards = [Depends(only_loopback), Depends(only_own_origin)]
    api = APIRouter(prefix="/_sim", tags=["control"], dependencies=guards)
    _settings(api, state, notifier)
    _buttons(api, state, actions, notifier)
    _products(api, state)
    _reports(api, state, notifier)
    return api


def _settings(api: APIRouter, state: PlatformState, notifier: Notifier) -> None:
    @api.get("/config")
    async def config() -> dict[str, object]:
        return msgspec.structs.asdict(state.config) | {"app_id": state.app.app_id}

    @api.put("/config")
    async def configure(change: ConfigChange) -> dict[str, object]:
        state.config = msgspec.convert(
            msgspec.structs.asdict(state.config) | change.model_dump(exclude_none=True), type(state.config)
        )
        return await config()

    @api.get("/faults")
    async def faults() -> Faults:
        return state.faults

    @api.put("/faults")
    async def inject(wanted: Faults) -> Faults:
        state.faults = wanted
        state.activity.write("control", f"faults by seed {wanted.seed}")
        return wanted

    @api.post("/quiet")
    async def quiet(wanted: Quiet | None = None) -> dict[str, int]:
        state.faults = Faults(seed=state.faults.seed)
        state.activity.write("control", "faults off")
        return {"waiting": notifier.waiting, "released": notifier.release() if wanted and wanted.release else 0}

    @api.post("/tokens/expire")
    async def expire(wanted: Expiry | None = None) -> dict[str, int]:
        expired = state.grants.expire((wanted or Expiry()).fraction, state.faults.seed, state.now())
        state.activity.write("control", f"{expired} access tokens expired")
        return {"expired": expired}


def _buttons(api: APIRouter, state: PlatformState, actions: Actions, notifier: Notifier) -> None:
    @api.post("/orders/{out_order_no}/pay")
    async def pay(out_order_no: str, payment: Payment | None = None) -> dict[str, object]:
        payment = payment or Payment()
        amount = _amount(payment.amount)
        return _shown(state, actions.pay(out_order_no, amount, payment.transaction_id, force=payment.force))

    @api.post("/orders/{out_order_no}/cancel")
    async def cancel(out_order_no: str, wanted: Cancellation | None = None) -> dict[str, object]:
        return _shown(state, actions.cancel(out_order_no, (wanted or Cancellation()).reason))

    @api.post("/orders/{out_order_no}/complete")
    async def complete(out_order_no: str) -> dict[str, object]:
        return _shown(state, actions.complete(out_order_no))

    @api.post("/orders/{out_order_no}/refund")
    async def refund(out_order_no: str, wanted: RefundBack | None = None) -> dict[str, object]:
        wanted = wanted or RefundBack()
        actions.refund(out_order_no, _amount(wanted.amount), wanted.transaction_id)
        return _shown(state, state.orders.get(out_order_no))

    @api.post("/orders/{out_order_no}/refunds/{refund_id}")
    async def refund_becomes(out_order_no: str, refund_id: str, wanted: RefundChange) -> dict[str, object]:
        return _shown(state, actions.refund_becomes(out_order_no, refund_id, wanted.status))

    @api.post("/orders/{out_order_no}/notify")
    async def notify(out_order_no: str, notice: NotificationRequest) -> dict[str, object]:
        sent = [
            notifier.send(event, kind, body, due=due, url=url)
            for event, kind, body, due, url in _copies(state, out_order_no, notice)
        ]
        return {"event_ids": [one.event_id for one in sent], "deliveries": [one.number for one in sent]}


def _products(api: APIRouter, state: PlatformState) -> None:
    @api.get("/products")
    async def products() -> dict[str, object]:
        return {"products": [state.serializer.product(product) for product in state.products.values()]}

    @api.put("/products/{product_id}")
    async def change(product_id: str, wanted: ProductChange) -> dict[str, object]:
        """Change a product at the platform's console; the merchant is not notified."""
        if product_id not in state.products:
            raise Refused("product_unknown", f"no product {product_id}")
        changes = wanted.model_dump(exclude_none=True, exclude={"price"})
        changes |= {"price_fen": amount} if (amount := _amount(wanted.price)) is not None else {}
        changed = msgspec.structs.replace(state.products[product_id], **changes, updated_at=state.now())
        state.products[product_id] = changed
        return state.serializer.product(changed)


def _reports(api: APIRouter, state: PlatformState, notifier: Notifier) -> None:
    @api.get("/orders")
    async def orders() -> Response:
        return _json({"orders": [_shown(state, order) for order in state.orders]})

    @api.get("/orders/{out_order_no}")
    async def order(out_order_no: str) -> Response:
        return _json(_shown(state, state.orders.get(out_order_no)))

    @api.get("/notifications")
    async def notifications(after: int = 0, order_no: str = "", delivery: int = 0) -> Response:
        """Return one entry per attempt, in the order in which they ended; those never sent have the outcome dropped."""
        found = [
            attempt
            for attempt in notifier.log[max(after, 0) :]
            if order_no in {"", attempt.order_no} and delivery in {0, attempt.delivery}
        ]
        return _json({"notifications": found, "next": len(notifier.log)})

    @api.get("/stats")
    async def stats() -> Response:
        return _json(
            {
                "counts": {group: dict(counter) for group, counter in sorted(state.activity.counts.items())},
                "orders": dict(Counter(order.status for order in state.orders)),
                "paid_fen": sum(order.paid_fen for order in state.orders),
                "refunded_fen": sum(order.refunded_fen for order in state.orders),
                "members": len(state.members),
                "waiting": notifier.waiting,
                "in_flight": notifier.in_flight,
            }
        )

    @api.get("/log")
    async def log(after: int = 0) -> Response:
        lines = state.activity.after(after)
        return _json({"lines": lines, "next": lines[-1]["n"] if lines else after})


def _json(content: object) -> Response:
    """Encode a report; reports are long and read often, and FastAPI's own encoding would block the event loop."""
    return Response(msgspec.json.encode(content), media_type="application/json")


def _copies(
    state: PlatformState, out_order_no: str, notice: NotificationRequest
) -> list[tuple[Event, str, str, float, str]]:
    """Return event, kind, body, due time and address of each copy that a notice asks for."""
    order = state.orders.find(out_order_no) or _unknown_order(out_order_no, state.now())
    event = events.of_type(order, notice.event_type, state.now())
    event = msgspec.structs.replace(event, event_id=notice.event_id or event.event_id)
    kind = _kind(notice)
    first = time.time() + notice.delay
    copies = []
    for number in range(notice.copies):
        sent_event = deliveries.under_new_id(event, number) if notice.new_event_id else event
        body = deliveries.compose(state.serializer, sent_event, notice.data, surprises=notice.unknown_fields)
        due = first if notice.simultaneous else first + number * 15 / state.config.speed
        copies.append((sent_event, kind, body, due, order.request.notify_url))
    return copies


def _kind(notice: NotificationRequest) -> str:
    flags = {
        "dropped": notice.drop,
        "forged_secret": notice.wrong_secret,
        "forged_timestamp": notice.old_timestamp,
        "new_event_id": notice.new_event_id,
        "simultaneous": notice.simultaneous,
        "delayed": notice.delay > 0,
    }
    return next((kind for kind, wanted in flags.items() if wanted), "original")


def _unknown_order(out_order_no: str, now: int) -> Order:
    """Return an order that nobody placed, to see what a notification about it does."""
    return place(NewOrder(out_order_no, 1, ()), "ou_stranger", now)


def _shown(state: PlatformState, order: Order) -> dict[str, object]:
    """Return the order as the API shows it, with what only the simulator shows: fen, version, history."""
    return state.serializer.order(order, "") | {
        "amount_fen": order.request.amount_fen,
        "paid_fen": order.paid_fen,
        "refunded_fen": order.refunded_fen,
        "version": order.version,
        "history": [msgspec.structs.asdict(change) for change in order.history],
        "pushes": [{"request_no": number, "status": status} for number, status in order.pushes],
    }


def _amount(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        amount = fen(text)
    except MoneyError as error:
        raise HTTPException(422, f"amount: {error}") from None
    if amount <= 0:
        raise HTTPException(422, "amount: expected more than zero")
    return amount
