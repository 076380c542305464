"""What accountants read of a statement is Chinese, whatever the evidence."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundPart
from jiuwu.orders.order import Effect, Order, Status
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.models import RemoteOrder
from jiuwu.reconciliation.drift import Drift
from jiuwu.statements.totals import ABSENT, IN_FLIGHT, of_pair
from jiuwu.statements.wording import class_word, remark, state_word
from tests.orders.lives import CANCELLED, CREATED, NOW, PAID, PLACED, REFUNDED
from tests.reconciliation.sides import payment, refund, remote

_STATES_THERE = ("created", "paid", "shipped", "completed", "cancelled", "refunded")
# Ids of these lives; all other words that a person reads have to be Chinese.
_IDS = re.compile(r"JW[A-Z2-7]{22}|\b(?:t\d|r\d|P\d)\b|#\w+")


def ours() -> Iterator[Order | None]:
    yield None
    for order in (CREATED, PLACED, PAID, CANCELLED, REFUNDED):
        yield order
        yield from (replace(order, status=status) for status in Status)
        yield replace(
            order, effects=(*order.effects, (PushStatus("shipped"), Effect()), (RefundPart("t2", "REQ"), Effect(fen=1)))
        )
        yield replace(order, amount_fen=1)
    yield replace(PAID, platform_order_no="P9")


def theirs() -> Iterator[RemoteOrder | None]:
    yield None
    for status in _STATES_THERE:
        for money in ((), (payment(),), (payment(fen=1),), (payment(), payment("t2"))):
            for back in ((), (refund(),), (refund(fen=1), refund("r2", fen=2))):
                yield remote(status, money, back)
        yield remote(status, (payment(),), open_id="ou_another")
        yield remote(status, (payment(),), out_order_no="another")
        yield remote(status, (payment(),), amount_fen=99)
        yield remote(status, amount_fen=0)


@pytest.mark.parametrize("fresh_seconds", [0, 10**6])
def test_no_english_word_is_left_in_a_remark(fresh_seconds: int) -> None:
    pairs = ((here, there) for here in ours() for there in theirs() if here or there)
    left = set[str]()
    for here, there in pairs:
        totals = of_pair(here, there, now=NOW + 200, policy=Policy(expiry_seconds=100), fresh_seconds=fresh_seconds)
        said = [remark(row.evidence) for row in (*totals.differences, *totals.in_flight)]
        left |= {text for text in said if re.search(r"[A-Za-z]", _IDS.sub("", text))}

    assert set() == left


def test_every_state_and_class_has_its_word() -> None:
    words = [state_word(status) for status in (*Status, *_STATES_THERE, ABSENT)]
    words += [class_word(class_) for class_ in (*Drift, IN_FLIGHT)]

    assert [] == [word for word in words if re.search(r"[a-z]", word)]


def test_words_that_nobody_wrote_down_stay_what_they_are() -> None:
    assert ("odd", "odd", "a: b; c") == (state_word("odd"), class_word("odd"), remark("a: b; c").replace("；", "; "))
