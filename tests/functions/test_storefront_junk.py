"""What strangers send to the storefront, and what they get."""

import pytest

from tests.functions.storefront_requests import HOSTILE, NO_EVENTS, Junk
from tests.functions.storefront_rig import Customer


@pytest.mark.parametrize("junk", HOSTILE.values(), ids=HOSTILE.keys())
def test_junk_gets_a_4xx_that_says_what_is_wrong(junk_shop: Customer, junk: Junk) -> None:
    sent, status, reason, field = junk

    answer = junk_shop.ask(**sent)

    assert (status, status) == (answer.status, answer.body["code"])
    assert answer.body["message"]
    assert answer.body["reason"].startswith(reason or "")
    assert answer.body["reason"]
    assert answer.body.get("field", "") == field
    assert (junk_shop.sides.platform.calls, junk_shop.sides.platform.orders) == ([], {})


@pytest.mark.parametrize("event", NO_EVENTS, ids=str)
def test_what_is_no_request_gets_a_400(junk_shop: Customer, event: object) -> None:
    assert junk_shop.send(event).status == 400


def test_a_wrong_method_is_told_the_right_one(junk_shop: Customer) -> None:
    assert junk_shop.ask("DELETE").headers["Allow"] == "GET, POST"


def test_at_least_thirty_kinds_of_junk_are_tried() -> None:
    assert len(HOSTILE) >= 30
