"""`jiuwu orders`: the orders that changed in a period."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest

from jiuwu.members.accounts import member_id_for
from jiuwu.orders.order import Order, Status
from tests.cli.conftest import Jiuwu, complaint
from tests.orders.stored import an_order


@pytest.fixture
def member() -> str:
    return member_id_for("app", uuid4().hex)


def put(shop: SimpleNamespace, member: str, status: Status = Status.PLACED) -> Order:
    number = f"JW{uuid4().hex[:22].upper().translate(str.maketrans('0189', 'WXYZ'))}"
    made: Order = shop.store.create(an_order(order_no=number, member_id=member, status=status))
    return made


def test_orders_are_listed_up_to_now_with_the_latest_change_last(
    jiuwu: Jiuwu, shop: SimpleNamespace, member: str
) -> None:
    first, second = put(shop, member), put(shop, member)
    time.sleep(1.1)  # the list knows seconds
    shop.store.save_many([(first, replace(first, status=Status.PAID))])

    result = jiuwu("orders", "--member", member, "--stack", shop.name)

    assert 0 == result.exit_code, result.output
    assert [second.order_no, first.order_no] == [line.split()[3] for line in result.stdout.splitlines()]
    assert ["placed", "paid"] == [line.split()[4] for line in result.stdout.splitlines()]
    assert "12.34" in result.stdout


def test_json_is_one_object_per_line_as_the_api_lists_it(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    put(shop, member)
    held = put(shop, member, Status.HELD)

    result = jiuwu("orders", "--member", member, "--status", "held", "--json", "--stack", shop.name)

    assert [held.order_no] == [json.loads(line)["order_no"] for line in result.stdout.splitlines()]


def test_more_orders_than_the_limit_are_said_to_be_there(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    for _ in range(2):
        put(shop, member)

    result = jiuwu("orders", "--member", member, "--limit", "1", "--stack", shop.name)

    assert 1 == len(result.stdout.splitlines())
    assert "more than 1 order; narrow the period, or raise --limit" in result.stderr


def test_a_period_without_changes_says_so(jiuwu: Jiuwu, shop: SimpleNamespace, member: str) -> None:
    put(shop, member)

    result = jiuwu("orders", "--since", "2d", "--until", "1d", "--member", member, "--stack", shop.name)

    assert (0, "") == (result.exit_code, result.stdout)
    assert "no order changed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--member", "ou_lan"), "'ou_lan' is not a member id"),
        (("--until", "tomorrow"), "--until 'tomorrow' is not a time"),
        (("--since", "1h", "--until", "2h"), "the period is empty"),
    ],
)
def test_a_wrong_option_is_named(jiuwu: Jiuwu, shop: SimpleNamespace, arguments: tuple[str, ...], problem: str) -> None:
    result = jiuwu("orders", *arguments, "--stack", shop.name)

    assert 2 == result.exit_code
    assert problem in complaint(result)
