"""The replies to members, about an order, and to the merchant's servers."""

from collections.abc import Mapping

from aws_lambda_powertools.event_handler import Response

from jiuwu.aws.http.router import json_response
from jiuwu.orders.order import Order, Status

from . import reporting
from .views import receipt, waiting_receipt


def placed(order: Order, *, new: bool) -> Response[str]:
    """Return 201 for a new order, 200 for the one of a repeated request, 202 while the platform does not have it."""
    if order.status is not Status.CREATED:
        return shown("ordered", order, status=201 if new else 200)
    reporting.order_served(202, "ordered", order)
    return json_response(202, waiting_receipt(order), {"Retry-After": "5"})


def shown(outcome: str, order: Order, *, status: int = 200) -> Response[str]:
    """Return the order as it is; `outcome` is what the request did, for the log."""
    reporting.order_served(status, outcome, order)
    return json_response(status, waiting_receipt(order) if order.status is Status.CREATED else receipt(order))


def to_merchant(status: int, outcome: str, content: Mapping[str, object], **fields: object) -> Response[str]:
    """Return the content; `outcome` and the fields are for the log."""
    reporting.merchant_served(status, outcome, **fields)
    return json_response(status, content)
