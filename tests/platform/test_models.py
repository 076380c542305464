"""Our values of what crosses the border: frozen, strict, and silent about what they hold when wrong."""

import pytest
from pydantic import ValidationError

from jiuwu.platform.models import RemotePayment, TokenReply


def test_a_value_does_not_change() -> None:
    payment = RemotePayment(transaction_id="T1", amount_fen=1, paid_at=1)
    with pytest.raises(ValidationError, match="frozen"):
        payment.amount_fen = 2


@pytest.mark.parametrize("amount", [True, 1.0, "1", -1, 10**13])
def test_money_is_a_whole_number_of_fen_that_can_be(amount: object) -> None:
    with pytest.raises(ValidationError, match="amount_fen"):
        RemotePayment.model_validate({"transaction_id": "T1", "amount_fen": amount, "paid_at": 1})


def test_a_refused_value_is_not_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        TokenReply.model_validate({"access_token": ["AT-secret"], "expires_in": 1, "refresh_expires_in": 1})
    assert "AT-secret" not in str(caught.value)
