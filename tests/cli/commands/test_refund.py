"""`jiuwu refund` and `jiuwu points`, on the tables of a deployment in the local AWS."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from jiuwu.orders.order import Effect, Failure, Order
from jiuwu_cli.terminal import times
from tests.cli.commands.conftest import TEMPLATE
from tests.cli.conftest import Jiuwu, complaint
from tests.orders.lives import PAID


@pytest.fixture
def order(shop: SimpleNamespace) -> Order:
    """An order of 12.34 yuan, paid."""
    number = "JW" + uuid4().hex[:22].upper().translate(str.maketrans("0189", "WXYZ"))
    made: Order = shop.store.create(replace(PAID, order_no=number))
    return made


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_part_is_requested_back_and_the_effect_is_queued(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    result = jiuwu("refund", order.order_no, "--amount", "2.34", "--yes", "--stack", shop.name)

    assert 0 == result.exit_code, result.output
    assert "requested 2.34 yuan; what is left: 10.00" in result.stdout
    assert [order.order_no] == shop.queued()
    assert 234 == shop.store.get(order.order_no).effects[-1][1].fen


def test_the_reason_is_kept_with_the_refund(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    jiuwu("refund", order.order_no, "--reason", "damaged", "-y", "--stack", shop.name)

    kept = shop.store.get(order.order_no)
    assert "damaged" == kept.reason(kept.effects[-1][0])


@pytest.mark.parametrize("reason", ["破损\u3000退货", "退货 🏴\U000e0067\U000e007f \U0001fae9", "茶" * 200], ids=ascii)
def test_a_reason_is_whatever_people_write(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, reason: str) -> None:
    jiuwu("refund", order.order_no, "--reason", reason, "-y", "--stack", shop.name)
    kept = shop.store.get(order.order_no)

    assert reason == kept.reason(kept.effects[-1][0])


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "expected 1 to 200 characters"),
        ("\u3000 ", "expected 1 to 200 characters"),
        ("x" * 201, "expected 1 to 200 characters, not 201"),
        ("two\nlines", "U+000A at character 4"),
        ("\x1b[2J", "U+001B at character 1"),
        ("\udcff", "U+DCFF at character 1"),
        ("龙\u202e井", "U+202E at character 2"),
    ],
    ids=ascii,
)
def test_a_reason_that_no_book_would_take_is_refused(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, reason: str, said: str
) -> None:
    result = jiuwu("refund", order.order_no, "--reason", reason, "-y", "--stack", shop.name)

    assert (2, 1234) == (result.exit_code, shop.store.get(order.order_no).refundable_fen("t1"))
    assert f"--reason: {said}" in complaint(result)


@pytest.mark.parametrize("again", ["2.00", "2", "2.0"])
def test_the_same_request_in_other_words_is_one_refund_and_says_when_it_was_requested(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, again: str
) -> None:
    jiuwu("refund", order.order_no, "--amount", "2", "--reason", "damaged", "-y", "--stack", shop.name)
    result = jiuwu("refund", order.order_no, "--amount", again, "--reason", "scratched", "--stack", shop.name)

    at = times.format_time(shop.store.get(order.order_no).history[-1].at)
    assert 0 == result.exit_code, result.output
    assert f"already requested 2.00 yuan at {at}, nothing new; what is left: 10.34" in result.stdout
    assert "for another refund of the same sum give a --request-id of your own" in result.stderr
    assert 1034 == shop.store.get(order.order_no).refundable_fen("t1")


@pytest.mark.parametrize("amount", [("--amount", "2"), ()], ids=["a part", "all"])
def test_a_refund_that_failed_is_requested_again_by_the_same_command_under_another_number(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, amount: tuple[str, ...]
) -> None:
    jiuwu("refund", order.order_no, *amount, "-y", "--stack", shop.name)
    requested = shop.store.get(order.order_no)
    (first,) = requested.requested_parts("t1")
    lost = requested.with_effect(
        first, Effect(1, fen=requested.effect(first).fen, failure=Failure("poison", "BadParameters"))
    )
    shop.store.save_many([(requested, lost)])

    results = [jiuwu("refund", order.order_no, *amount, "-y", "--stack", shop.name) for _ in range(2)]

    assert ["requested", "already requested"] == [
        one.stdout.splitlines()[1].partition(" 2")[0].partition(" 1")[0] for one in results
    ]
    (second,) = shop.store.get(order.order_no).requested_parts("t1").keys() - {first}
    assert shop.store.get(order.order_no).effect(second).pending


def test_another_request_id_is_another_refund(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    for request_id in ("r1", "r2"):
        jiuwu("refund", order.order_no, "--amount", "2", "-y", "--request-id", request_id, "--stack", shop.name)

    assert 834 == shop.store.get(order.order_no).refundable_fen("t1")


def test_without_an_amount_all_goes_back_once_it_is_confirmed(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, terminal: None
) -> None:
    declined = jiuwu("refund", order.order_no, "--stack", shop.name, stdin="n\n")
    before = shop.store.get(order.order_no)
    agreed = jiuwu("refund", order.order_no, "--stack", shop.name, stdin="y\n")

    assert (130, 0) == (declined.exit_code, agreed.exit_code)
    assert (1234, 0) == (before.refundable_fen("t1"), shop.store.get(order.order_no).refundable_fen("t1"))


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_without_a_terminal_nothing_goes_back_but_by_yes(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, stdin: str
) -> None:
    result = jiuwu("refund", order.order_no, "--stack", shop.name, stdin=stdin)

    assert "nothing was changed: there is no terminal to ask for confirmation; give --yes" in complaint(result)
    assert (1, 1234) == (result.exit_code, shop.store.get(order.order_no).refundable_fen("t1"))


def test_more_than_was_paid_is_refused_with_what_there_is(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    result = jiuwu("refund", order.order_no, "--amount", "12.35", "-y", "--stack", shop.name)

    assert "the refundable amount is smaller; it can give back 12.34 yuan" in complaint(result)
    assert 1 == result.exit_code


@pytest.mark.parametrize("amount", [(), ("--amount", "0.01")], ids=["all", "a part"])
def test_a_refund_when_nothing_is_left_says_so_and_blames_no_amount(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order, amount: tuple[str, ...]
) -> None:
    jiuwu("refund", order.order_no, "--amount", "12.34", "-y", "--stack", shop.name)

    result = jiuwu("refund", order.order_no, *amount, "-y", "--stack", shop.name)

    said = " ".join(complaint(result).split())
    assert "all of it is already refunded or being refunded; it can give back 0.00 yuan" in said
    assert 1 == result.exit_code


def test_where_nothing_is_left_a_repeated_refund_offers_no_other_one(
    jiuwu: Jiuwu, shop: SimpleNamespace, order: Order
) -> None:
    _, repeated = [jiuwu("refund", order.order_no, "-y", "--stack", shop.name) for _ in range(2)]

    assert "already requested 12.34 yuan" in repeated.stdout
    assert "for another refund" not in repeated.stderr


def test_a_repeated_refund_request_is_not_announced_again(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    requested = [jiuwu("refund", order.order_no, "-y", "--stack", shop.name) for _ in range(2)]

    assert [True, False] == ["will confirm it" in result.stderr for result in requested]


def test_an_order_paid_with_points_says_how_these_go_back(jiuwu: Jiuwu, shop: SimpleNamespace, order: Order) -> None:
    number = order.order_no[:-1] + ("A" if order.order_no[-1] != "A" else "B")
    shop.store.create(replace(order, order_no=number, amount_fen=0, points=100, ledger=(), version=0))

    result = jiuwu("refund", number, "-y", "--stack", shop.name)

    assert f"`jiuwu points {order.member_id} --grant 100`" in complaint(result)


@pytest.mark.parametrize("number", ["JW" + "A" * 22, "nothing", "../x", "订单"])
def test_an_order_that_is_not_there_is_said_so(jiuwu: Jiuwu, shop: SimpleNamespace, number: str) -> None:
    assert "there is no order" in complaint(jiuwu("refund", number, "-y", "--stack", shop.name))


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1.234", "x", "１"])
def test_an_amount_that_is_none_is_a_misuse(jiuwu: Jiuwu, shop: SimpleNamespace, amount: str) -> None:
    result = jiuwu("refund", "JW" + "A" * 22, "--amount", amount, "--stack", shop.name)

    assert (2, True) == (result.exit_code, "--amount" in complaint(result))


def test_a_table_that_aws_does_not_show_is_one_line(
    jiuwu: Jiuwu, shop: SimpleNamespace, aws: Callable[[str], Any]
) -> None:
    name = f"gone-{uuid4().hex[:8]}"
    body = TEMPLATE + "  OrdersTable: {Value: no-such-table}\n"
    aws("cloudformation").create_stack(StackName=name, TemplateBody=body)

    assert "AWS refused" in complaint(jiuwu("refund", "JW" + "A" * 22, "-y", "--stack", name))
