"""Prices come from the table, exactly, or the product is not for sale."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.aws.dynamodb import TableBusy
from jiuwu.catalogue.pricing import NotForPoints, NotForSale, Products
from jiuwu.catalogue.repository import Rows
from jiuwu.orders.order import Line
from jiuwu.runtime import Runtime

TEA: dict[str, Any] = {
    "product_id": {"S": "tea"},
    "title": {"S": "龙井"},
    "price_fen": {"N": "617"},
    "on_shelf": {"BOOL": True},
}


class Table:
    """BatchGetItem that hands out `at_once` rows at a time, as DynamoDB does beyond its limits."""

    def __init__(self, *rows: dict[str, Any], at_once: int = 100) -> None:
        self.rows = {row["product_id"]["S"]: row for row in rows}
        self.at_once, self.requests, self.consistent = at_once, 0, list[bool]()

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 -- boto3's name
        self.requests += 1
        ((table, wanted),) = RequestItems.items()
        self.consistent.append(wanted["ConsistentRead"])
        now, later = wanted["Keys"][: self.at_once], wanted["Keys"][self.at_once :]
        found = [self.rows[key["product_id"]["S"]] for key in now if key["product_id"]["S"] in self.rows]
        unread = {table: {"Keys": later}} if later else {}
        # DynamoDB returns rows in no promised sequence
        return {"Responses": {table: found[::-1]}, "UnprocessedKeys": unread}


def products(*rows: dict[str, Any], at_once: int = 100) -> Products:
    table: Any = Table(*rows, at_once=at_once)
    return Products(Rows(table, "products", runtime=Runtime(sleep=lambda _: None)))


def test_a_basket_is_priced_from_the_table(aws: Callable[[str], Any], products_table: str) -> None:
    aws("dynamodb").put_item(TableName=products_table, Item=TEA)

    assert (Line("tea", "龙井", 2, 617),) == Products(Rows(aws("dynamodb"), products_table)).priced({"tea": 2})


def test_lines_keep_the_sequence_of_the_basket() -> None:
    cup = TEA | {"product_id": {"S": "cup"}}

    assert ["cup", "tea"] == [line.product_id for line in products(TEA, cup).priced({"cup": 1, "tea": 1})]


def test_what_dynamodb_did_not_hand_out_is_requested_again() -> None:
    rows = [TEA | {"product_id": {"S": f"p{n}"}} for n in range(4)]

    assert len(products(*rows, at_once=1).priced({f"p{n}": 1 for n in range(4)})) == 4


def test_a_table_that_hands_out_too_little_is_busy_and_nothing_is_sold() -> None:
    rows = [TEA | {"product_id": {"S": f"p{n}"}} for n in range(5)]

    with pytest.raises(TableBusy):
        products(*rows, at_once=1).priced({f"p{n}": 1 for n in range(5)})


@pytest.mark.parametrize(
    "row",
    [
        {"product_id": {"S": "other"}},
        TEA | {"on_shelf": {"BOOL": False}},
        TEA | {"on_shelf": {"S": "true"}},
        {name: value for name, value in TEA.items() if name != "on_shelf"},
        TEA | {"price_fen": {"N": "0"}},
        TEA | {"price_fen": {"N": "-617"}},
        TEA | {"price_fen": {"N": "6.17"}},
        TEA | {"price_fen": {"N": "617E+2"}},
        TEA | {"price_fen": {"S": "617"}},
        {name: value for name, value in TEA.items() if name != "price_fen"},
        TEA | {"title": {"S": ""}},
        {name: value for name, value in TEA.items() if name != "title"},
        TEA | {"price_points": {"N": "-3"}},
        TEA | {"price_points": {"S": "300"}},
    ],
)
def test_what_is_off_the_shelf_or_has_no_whole_price_is_not_for_sale(row: dict[str, Any]) -> None:
    with pytest.raises(NotForSale) as unsold:
        products(row).priced({"tea": 1})

    assert unsold.value.product_id == "tea"


@pytest.mark.parametrize("row", [TEA, TEA | {"price_points": {"N": "0"}}])
def test_what_has_no_price_in_points_is_not_for_points(row: dict[str, Any]) -> None:
    with pytest.raises(NotForPoints):
        products(row).priced_in_points({"tea": 1})


def test_the_pauses_between_reads_grow_and_differ() -> None:
    slept: list[float] = []
    table: Any = Table(*(TEA | {"product_id": {"S": f"p{n}"}} for n in range(3)), at_once=1)

    Rows(table, "products", runtime=Runtime(sleep=slept.append, random=lambda: 0.5)).get_many(["p0", "p1", "p2"])

    assert [0.05, 0.1] == slept


def test_a_product_in_every_order_is_read_once_in_two_seconds() -> None:
    table: Any = Table(TEA)
    now = [1000.0]
    shop = Products(Rows(table, "products"), runtime=Runtime(clock=lambda: now[0]))

    for _ in range(100):
        shop.priced({"tea": 1})
    assert 1 == table.requests
    table.rows["tea"] = TEA | {"price_fen": {"N": "700"}}
    now[0] += 2
    assert 700 == shop.priced({"tea": 1})[0].price_fen


def test_what_is_not_there_is_requested_again_at_once() -> None:
    table: Any = Table()
    shop = Products(Rows(table, "products"), runtime=Runtime(clock=lambda: 1000.0))
    with pytest.raises(NotForSale):
        shop.priced({"tea": 1})

    table.rows["tea"] = TEA
    assert 617 == shop.priced({"tea": 1})[0].price_fen


IN_POINTS = TEA | {"price_points": {"N": "300"}}


def test_a_basket_for_points_costs_no_money_and_the_sum_of_its_points() -> None:
    cup = IN_POINTS | {"product_id": {"S": "cup"}, "title": {"S": "杯"}, "price_points": {"N": "70"}}

    lines, points = products(IN_POINTS, cup).priced_in_points({"tea": 2, "cup": 3})

    assert (Line("tea", "龙井", 2, 0), Line("cup", "杯", 3, 0)) == lines
    assert 2 * 300 + 3 * 70 == points


def test_the_first_product_that_is_not_for_points_is_named() -> None:
    rows = [TEA | {"product_id": {"S": name}} for name in ("cup", "pot")]

    with pytest.raises(NotForPoints) as unsold:
        products(IN_POINTS, *rows).priced_in_points({"tea": 1, "cup": 1, "pot": 1})

    assert ("cup", "cup") == (unsold.value.product_id, str(unsold.value))


@pytest.mark.parametrize(("seconds", "reads"), [(0.0, 1), (1.999, 1), (2.0, 2), (-0.5, 2)])
def test_a_row_is_good_for_two_seconds_and_not_before_it_was_read(seconds: float, reads: int) -> None:
    table: Any = Table(TEA)
    now = [1000.0]
    shop = Products(Rows(table, "products"), runtime=Runtime(clock=lambda: now[0]))
    shop.priced({"tea": 1})

    now[0] += seconds
    shop.priced({"tea": 1})

    assert reads == table.requests


def test_reads_for_prices_are_eventually_consistent_at_half_the_units() -> None:
    table: Any = Table(TEA)

    Products(Rows(table, "products")).priced({"tea": 1})

    assert [False] == table.consistent


@pytest.mark.parametrize(("known", "reads"), [(1000, 1), (1001, 2)])
def test_a_process_forgets_all_rows_when_it_knows_more_than_a_thousand(known: int, reads: int) -> None:
    table: Any = Table(*(TEA | {"product_id": {"S": f"p{n}"}} for n in range(known + 1)))
    shop = Products(Rows(table, "products"), runtime=Runtime(clock=lambda: 1000.0))
    for begin in range(0, known, 100):
        shop.priced({f"p{n}": 1 for n in range(begin, min(known, begin + 100))})
    shop.priced({f"p{known}": 1})

    before = table.requests
    shop.priced({"p0": 1})

    assert reads - 1 == table.requests - before
