"""What the platform shows is acted upon only where it can be true."""

import pytest

from jiuwu.orders.order import Order
from jiuwu.platform.models import RemoteOrder
from jiuwu.reconciliation.contradictions import another_order, contradiction
from tests.orders.lives import CREATED, PAID, PLACED
from tests.reconciliation.sides import payment, refund, remote

PAY = [payment()]
CONTRADICTIONS: list[tuple[Order | None, RemoteOrder, str]] = [
    (PLACED, remote("paid"), "paid there, without any payment"),
    (None, remote("shipped"), "shipped there, without any payment"),
    (PLACED, remote("created", PAY), "created there, with 1234 fen paid and 0 fen refunded"),
    (PLACED, remote("cancelled", PAY), "cancelled there, with 1234 fen paid and 0 fen refunded"),
    (
        PLACED,
        remote("cancelled", [payment(fen=1334)], [refund(fen=100)]),
        "cancelled there, with 1334 fen paid and 100 fen refunded",
    ),
    (PAID, remote("refunded", PAY), "refunded there, without any refund"),
    (
        PAID,
        remote("refunded", PAY, [refund(status="failed")]),
        "refunded there, without any refund that did not fail",
    ),
    (PLACED, remote(open_id="ou_2"), "the platform has it as another member's order"),
    (PLACED, remote(platform_order_no="P2"), "placed as P1, there it is P2"),
]
CREDIBLE: list[tuple[Order | None, RemoteOrder]] = [
    (None, remote()),
    (CREATED, remote()),
    (PLACED, remote()),
    (PLACED, remote(open_id="")),
    (PLACED, remote("paid", PAY)),
    (PAID, remote("completed")),  # we hold the payment
    (PLACED, remote("created", [payment(fen=1233)])),
    (PLACED, remote("cancelled", PAY, [refund(fen=1)])),
    (PLACED, remote("cancelled", PAY, [refund()])),
    (PLACED, remote("cancelled", [], [refund()])),
    (PAID, remote("refunded", PAY, [refund(status="processing")])),
]


@pytest.mark.parametrize(("local", "there", "why"), CONTRADICTIONS, ids=[why for *_, why in CONTRADICTIONS])
def test_what_cannot_be_true_says_why(local: Order | None, there: RemoteOrder, why: str) -> None:
    assert why == contradiction(local, there)


@pytest.mark.parametrize(("local", "there"), CREDIBLE)
def test_what_can_be_true_is_no_contradiction(local: Order | None, there: RemoteOrder) -> None:
    assert "" == contradiction(local, there)
    assert local is None or "" == another_order(local, there)
