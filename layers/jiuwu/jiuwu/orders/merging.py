"""Sorted pages of several shards as one sorted page. Pure; entries are index items, sorted by `changed`."""

from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from typing import Any, NamedTuple

type Entry = Mapping[str, Any]


class ShardPage(NamedTuple):
    """The next entries of one shard, sorted, and whether more follow them."""

    entries: list[Entry]
    more: bool


def merge_pages(pages: Iterable[ShardPage]) -> ShardPage:
    """Return the entries of all shards up to where each of them is known, sorted."""
    read = list(pages)
    # behind the last entry of a page that ends early, its shard may have anything
    ends = [page.entries[-1]["changed"] if page.entries else "" for page in read if page.more]
    merged = merge(*(page.entries for page in read), key=_place)
    known = [entry for entry in merged if not ends or entry["changed"] <= min(ends)]
    return ShardPage(known, bool(ends))


def select(page: ShardPage, matches: Callable[[Entry], bool], limit: int) -> tuple[list[Entry], Entry | None, bool]:
    """Return the first entries that match, the last entry looked at, and whether more may follow it."""
    found: list[Entry] = []
    last: Entry | None = None
    for looked, last in enumerate(page.entries, 1):
        found += [last] if matches(last) else []
        if len(found) == limit:
            return found, last, page.more or looked < len(page.entries)
    return found, last, page.more


def _place(entry: Entry) -> str:
    place: str = entry["changed"]
    return place
