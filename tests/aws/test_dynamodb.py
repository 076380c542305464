"""Items as plain values, and conditional writes, with the local AWS."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.aws.bookmarks import Bookmark
from jiuwu.aws.dynamodb import Table, Written, marshal, unmarshal

KEY = {"record": "lease#1"}
SCALARS = st.text() | st.integers(-(10**37), 10**37) | st.booleans() | st.binary()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner))


@pytest.fixture
def table(aws: Callable[[str], Any], reconciliation_table: str) -> Table:
    return Table(aws("dynamodb"), reconciliation_table)


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert value == unmarshal(marshal(value))


def test_a_tuple_is_read_as_a_list_and_a_set_of_texts_as_a_set() -> None:
    assert ["a", 1] == unmarshal(marshal(("a", 1)))
    assert {"a", "b"} == unmarshal(marshal({"b", "a"}))


def test_a_number_with_a_fraction_is_read_as_a_float() -> None:
    assert 12.5 == unmarshal({"N": "12.5"})
    assert -12 == unmarshal({"N": "-12"})


def test_a_value_that_dynamodb_has_no_kind_for_is_refused() -> None:
    with pytest.raises(TypeError, match="object is not stored"):
        marshal(object())


def test_an_item_that_is_not_there_is_none(table: Table) -> None:
    assert table.get(KEY) is None


def test_a_refused_write_answers_with_what_stands_in_the_table(table: Table) -> None:
    first = table.put_if({**KEY, "step": 1}, "attribute_not_exists(#record)")
    second = table.put_if({**KEY, "step": 2}, "attribute_not_exists(#record)")

    assert Written(done=True, item={**KEY, "step": 1}) == first
    assert Written(done=False, item={**KEY, "step": 1}) == second


def test_an_update_answers_with_the_item_after_it_or_with_what_refused_it(table: Table) -> None:
    table.put({**KEY, "step": 1})

    assert {**KEY, "step": 2} == table.update(KEY, "SET #step = #step + :one", one=1)
    assert Written(done=False, item={**KEY, "step": 2}) == table.update_if(
        KEY, "SET #step = :to", "#step = :from", **{"to": 9, "from": 1}
    )
    assert Written(done=False, item={}) == table.update_if(
        {"record": "none"}, "SET #step = :to", "attribute_exists(#record)", to=9
    )


def test_a_delete_keeps_what_the_condition_does_not_meet(table: Table) -> None:
    table.put({**KEY, "step": 2})

    assert Written(done=False, item={**KEY, "step": 2}) == table.delete_if(KEY, "#step = :step", step=1)
    assert Written(done=True, item={}) == table.delete_if(KEY, "#step = :step", step=2)
    assert table.get(KEY) is None


def test_a_pass_goes_on_at_its_bookmark(aws: Callable[[str], Any], reconciliation_table: str) -> None:
    bookmark = Bookmark(aws("dynamodb"), reconciliation_table, "products")
    assert bookmark.place() == ""

    bookmark.save("p2")

    assert bookmark.place() == "p2"
