"""`jiuwu refund`: request a refund of an order, as the merchant's servers do."""

from functools import partial
from itertools import count
from typing import Annotated

import typer

from jiuwu.checkout.refunds import NoSuchOrder, OrderBusy, RefundRefused, RefundResult, Refunds
from jiuwu.effects import queue
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.order import Order
from jiuwu.orders.refund_rules import MAX_REASON_CHARACTERS, MAX_REQUESTS, refundable_fen, request_failed, was_requested
from jiuwu.platform.money import MoneyError, fen, yuan
from jiuwu_cli.deployment import stack
from jiuwu_cli.terminal import options, texts, times
from jiuwu_cli.terminal.confirm import confirm
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_line, print_note

_REFUSED = {
    "nothing_paid": "there is no payment to refund: none was made, or it is already being refunded",
    "nothing_left": "all of it is already refunded or being refunded",
    "refund_exceeds_payment": "the refundable amount is smaller",
    "too_many_refunds": f"{MAX_REQUESTS} refunds were requested, which is the maximum",
    "request_reused": "this request id was used before, for another amount",
}

OrderNo = Annotated[str, typer.Argument(help="Order number.", metavar="ORDER_NO", show_default=False)]
Amount = Annotated[str | None, typer.Option(help="Amount, such as 12.34. Default: all.", metavar="YUAN")]
Reason = Annotated[str, typer.Option(help="Reason, for the platform and your records.")]


def refund(  # noqa: PLR0913 -- one option for each part of a refund
    order_no: OrderNo,
    *,
    amount: Amount = None,
    reason: Reason = "requested by the merchant",
    yes: options.Yes = False,
    request_id: options.RequestId = None,
    stack_name: options.StackName = None,
) -> None:
    """Request a refund of an order, in full or in part.

    It never exceeds the refundable amount, and is made once per request id.

    Examples:

    `jiuwu refund JW2A7… --amount 2.34 --reason "damaged"`

    `jiuwu refund JW2A7… --yes --stack jiuwu-prod`
    """
    requested_fen, reason = _fen(amount), _reason(reason)
    if request_id is not None:
        options.request_id(request_id)
    deployed = stack.find(stack_name)
    with stack.report_aws_errors(deployed):
        order = deployed.store.get(order_no) if is_order_no(order_no) else None
        if order is None:
            raise CommandError(f"there is no order {order_no} in {deployed.name}", "check the number, and --stack")
        _show(order)
        request = request_id or _request(order, requested_fen)
        if not was_requested(order, request):
            _confirm(order, requested_fen, yes=yes)
        enqueue = partial(queue.send, deployed.client("sqs"), deployed.output("EffectQueue"))
        refunds = Refunds(deployed.store, deployed.policy, queue=enqueue)
        _report(_request_refund(refunds, order, request, requested_fen, reason), request)


def _request(order: Order, requested_fen: int | None) -> str:
    """Return the id derived from order and amount; the next one after each request that failed.

    A failed request refunded nothing, and the platform answers its id as before.
    """
    meaning = order.order_no, "all" if requested_fen is None else yuan(requested_fen)
    requests = (options.request_id(None, *meaning, str(number)) for number in count(1))
    return next(one for one in requests if not request_failed(order, one, whole=requested_fen is None))


def _fen(amount: str | None) -> int | None:
    if amount is None:
        return None
    try:
        amount_fen = fen(amount)
    except MoneyError as wrong:
        raise UsageError(f"--amount: {wrong}", 'give yuan, such as "2.34"') from None
    if not amount_fen:
        raise UsageError("--amount is 0", "leave it out to refund all that is refundable")
    return amount_fen


def _reason(given: str) -> str:
    if wrong := texts.text_error(given, maximum=MAX_REASON_CHARACTERS):
        raise UsageError(f"--reason: {wrong}", "give another one, or leave it out")
    return given


def _show(order: Order) -> None:
    paid, left = sum(payment.fen for payment in order.payments), refundable_fen(order)
    print_line(f"{order.order_no}  {order.status}  paid {yuan(paid)}, refundable {yuan(left)}")


def _confirm(order: Order, requested_fen: int | None, *, yes: bool) -> None:
    wanted = requested_fen if requested_fen is not None else refundable_fen(order)
    if not yes:
        confirm(f"Refund {yuan(wanted)} yuan?")


def _request_refund(
    refunds: Refunds, order: Order, request: str, requested_fen: int | None, reason: str
) -> RefundResult:
    try:
        return refunds.request(order.order_no, request, requested_fen, reason)
    except RefundRefused as refused:
        problem = f"{order.order_no} is not refunded: {_REFUSED[refused.reason]}"
        raise CommandError(problem, _left(refused.order)) from None
    except NoSuchOrder:
        raise CommandError(f"the order {order.order_no} is gone", "check --stack") from None
    except OrderBusy:
        raise CommandError(f"{order.order_no} is being changed by other writers", "try again in a moment") from None


def _left(order: Order) -> str:
    if order.points:
        return f"it cost {order.points} points: `jiuwu points {order.member_id} --grant {order.points}` gives them"
    return f"it can give back {yuan(refundable_fen(order))} yuan"


def _report(result: RefundResult, request: str) -> None:
    left = f"what is left: {yuan(refundable_fen(result.order))}"
    if result.repeated:
        at = f" at {times.format_time(result.at)}" if result.at else ""
        print_line(f"already requested {yuan(result.amount_fen)} yuan{at}, nothing new; {left}")
        another = "; for another refund of the same sum give a --request-id of your own"
        print_note(f"request id {request}{another if refundable_fen(result.order) else ''}")
        return
    print_line(f"requested {yuan(result.amount_fen)} yuan; {left}")
    print_note(f"request id {request}; EffectDispatcher sends it to the platform, and order.refunded will confirm it")
