"""Writing products writes what differs, keeps what others keep in a row, and survives who writes at the same time."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.aws.dynamodb import marshal_fields
from jiuwu.catalogue.repository import Rows, from_item
from jiuwu.runtime import Runtime
from jiuwu_cli.products.price_list import Entry
from jiuwu_cli.products.row_writer import ProductWriter
from jiuwu_cli.terminal.errors import CommandError

TEA: dict[str, Any] = {"title": "龙井", "price_fen": 617}


class Table:
    """A products table and a writer that does not wait."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self.dynamodb, self.name = dynamodb, name

    def write(self, *entries: Entry, dynamodb: Any = None, **how: Any) -> str:
        writer = ProductWriter(dynamodb or self.dynamodb, self.name, runtime=Runtime(sleep=lambda _: None), **how)
        return str(writer.write(entries))

    def row(self, product_id: str = "tea") -> dict[str, Any] | None:
        found: dict[str, Any] = Rows(self.dynamodb, self.name).get_many([product_id])
        return found.get(product_id)

    def delete(self, product_id: str = "tea") -> None:
        self.dynamodb.delete_item(TableName=self.name, Key=marshal_fields({"product_id": product_id}))


@pytest.fixture
def table(aws: Callable[[str], Any], products_table: str) -> Table:
    return Table(aws("dynamodb"), products_table)


def test_a_new_product_is_on_the_shelf_unless_told_otherwise(table: Table) -> None:
    hidden = Entry("cup", TEA | {"on_shelf": False, "price_points": None})

    assert "2 new, 0 changed, 0 unchanged" == table.write(Entry("tea", TEA), hidden)
    assert {"product_id": "tea", "on_shelf": True, **TEA} == table.row()
    assert {"product_id": "cup", "on_shelf": False, **TEA} == table.row("cup")


def test_the_same_again_writes_nothing(table: Table) -> None:
    table.write(Entry("tea", TEA))

    assert "0 new, 0 changed, 1 unchanged" == table.write(Entry("tea", TEA), dynamodb=ReadOnly(table.dynamodb))


def test_a_change_leaves_the_rest_of_the_row_as_it_is(table: Table) -> None:
    marks = {"synced_hash": "x", "stock": 7, "price_points": 300, "on_shelf": False}
    table.dynamodb.put_item(TableName=table.name, Item=marshal_fields({"product_id": "tea"} | TEA | marks))

    assert "0 new, 1 changed, 0 unchanged" == table.write(Entry("tea", TEA | {"price_fen": 618}))
    assert {"product_id": "tea"} | TEA | marks | {"price_fen": 618} == table.row()


def test_points_are_taken_away_when_wanted(table: Table) -> None:
    table.write(Entry("tea", TEA | {"price_points": 300}))

    assert "0 new, 1 changed, 0 unchanged" == table.write(Entry("tea", TEA | {"price_points": None}))
    assert "price_points" not in (table.row() or {})


def test_points_that_are_null_in_the_row_are_taken_away_too(table: Table) -> None:
    """A row written by hand may hold NULL, and cannot be sold as long as it does."""
    table.write(Entry("tea", TEA))
    table.dynamodb.update_item(
        TableName=table.name,
        Key=marshal_fields({"product_id": "tea"}),
        UpdateExpression="SET price_points = :null",
        ExpressionAttributeValues={":null": {"NULL": True}},
    )

    assert "0 new, 1 changed, 0 unchanged" == table.write(Entry("tea", TEA | {"price_points": None}))
    assert 0 == from_item(table.row() or {}).price_points


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(table: Table) -> None:
    table.write(Entry("tea", TEA))
    new, changed = Entry("cup", TEA), Entry("tea", TEA | {"title": "绿茶"})

    assert "1 new, 1 changed, 0 unchanged" == table.write(new, changed, dry_run=True)
    assert (None, "龙井") == (table.row("cup"), (table.row() or {})["title"])


def test_a_large_catalogue_is_written_in_batches(table: Table) -> None:
    entries = [Entry(f"p{number}", TEA | {"price_fen": 1 + number}) for number in range(230)]
    counting = Counting(table.dynamodb)

    assert "230 new, 0 changed, 0 unchanged" == table.write(*entries, dynamodb=counting)
    assert {"batch_get_item": 3, "batch_execute_statement": 10} == counting.calls
    assert 230 == sum(1 for item in Rows(table.dynamodb, table.name).every() if from_item(item).price_fen)


def test_a_row_that_someone_else_made_or_deleted_meanwhile_is_looked_at_again(table: Table) -> None:
    table.write(Entry("tea", TEA))
    entries = [Entry("tea", TEA | {"title": "绿茶"}), Entry("cup", TEA)]

    def meanwhile() -> None:
        table.delete()
        table.write(Entry("cup", TEA | {"price_fen": 1}))

    raced = Counting(table.dynamodb, before_first_write=meanwhile)

    assert "1 new, 1 changed, 0 unchanged" == table.write(*entries, dynamodb=raced)
    assert ("绿茶", 617) == ((tea := from_item(table.row() or {})).title, tea.price_fen)
    assert 617 == from_item(table.row("cup") or {}).price_fen


def test_a_throttled_table_is_said_and_the_same_again_goes_on(table: Table) -> None:
    with pytest.raises(CommandError, match="throttled"):
        table.write(Entry("tea", TEA), dynamodb=Refusing(table.dynamodb, "ThrottlingError"))
    assert "1 new, 0 changed, 0 unchanged" == table.write(Entry("tea", TEA))


def test_a_refusal_that_no_retry_cures_is_named(table: Table) -> None:
    with pytest.raises(CommandError, match=r"refused to write tea \(AccessDenied\)"):
        table.write(Entry("tea", TEA), dynamodb=Refusing(table.dynamodb, "AccessDenied"))


class Counting:
    """DynamoDB, with its requests counted; something may happen before the first write."""

    def __init__(self, dynamodb: Any, before_first_write: Callable[[], None] | None = None) -> None:
        self._dynamodb, self._before = dynamodb, before_first_write
        self.calls: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        self.calls[name] = self.calls.get(name, 0) + 1
        if name == "batch_execute_statement" and self._before:
            before, self._before = self._before, None
            before()
        return getattr(self._dynamodb, name)


class ReadOnly:
    """DynamoDB that would not let anybody write."""

    def __init__(self, dynamodb: Any) -> None:
        self.batch_get_item = dynamodb.batch_get_item


class Refusing(ReadOnly):
    """DynamoDB that refuses each write with a code."""

    def __init__(self, dynamodb: Any, code: str) -> None:
        super().__init__(dynamodb)
        self._code = code

    def batch_execute_statement(self, *, Statements: list[Any]) -> dict[str, Any]:  # noqa: N803 -- boto3's name
        return {"Responses": [{"Error": {"Code": self._code}} for _ in Statements]}
