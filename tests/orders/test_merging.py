"""Shards' pages merged: sorted, complete up to where every shard is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.merging import Entry, ShardPage, merge_pages, select


def entries(*places: str) -> list[Entry]:
    return [{"changed": place} for place in places]


def page(*places: str, more: bool = False) -> ShardPage:
    return ShardPage(entries(*places), more)


@pytest.mark.parametrize(
    ("pages", "merged"),
    [
        ([], page()),
        ([page()], page()),
        ([page("a", "d"), page("b")], page("a", "b", "d")),
        # "c" could be the next of the second shard
        ([page("a", "d"), page("b", more=True)], page("a", "b", more=True)),
        ([page("a", more=True), page("b", more=True)], page("a", more=True)),
        ([page("a", "b", more=True), page("c")], page("a", "b", more=True)),
    ],
)
def test_shards_are_merged_up_to_where_each_is_known(pages: list[ShardPage], merged: ShardPage) -> None:
    assert merged == merge_pages(pages)


@pytest.mark.parametrize(
    ("read", "limit", "found", "last", "more"),
    [
        (page("a1", "b", "a2"), 2, ["a1", "a2"], "a2", False),
        (page("a1", "b", "a2", "b2"), 2, ["a1", "a2"], "a2", True),
        (page("a1", "b", more=True), 2, ["a1"], "b", True),
        (page("b"), 2, [], "b", False),
        (page(), 2, [], None, False),
    ],
)
def test_a_page_ends_at_its_limit_or_where_looking_ended(
    read: ShardPage, limit: int, found: list[str], last: str | None, more: bool
) -> None:
    chosen, ended, follows = select(read, lambda entry: entry["changed"].startswith("a"), limit)

    assert (found, last, more) == ([e["changed"] for e in chosen], ended["changed"] if ended else None, follows)


@given(
    st.lists(st.lists(st.integers(0, 99).map("{:02}".format), max_size=12, unique=True), min_size=1, max_size=4),
    st.integers(2, 4),
    st.integers(1, 4),
)
def test_pages_one_after_another_are_all_shards_sorted(shards: list[list[str]], read: int, limit: int) -> None:
    """However few entries of a shard a request returns, and however few a page has."""
    named = [sorted(f"{place}#{n}" for place in places) for n, places in enumerate(shards)]
    seen: list[str] = []
    position, more = "", True
    while more:
        rest = [[place for place in places if place > position] for places in named]
        pages = [ShardPage(entries(*places[:read]), more=len(places) > read) for places in rest]
        chosen, last, more = select(merge_pages(pages), lambda _: True, limit)
        seen += [entry["changed"] for entry in chosen]
        position = last["changed"] if last else position

    assert sorted(place for places in named for place in places) == seen
