"""The rule for every reader of the platform's list of changed orders: go on only while the list makes progress.

Pure. The reconciler, the daily statement and `jiuwu reconcile` keep the trail with their position.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jiuwu.platform.models import Page

# Five million orders of a hundred a page; a longer pass would not end before the next one is due.
MAX_PAGES = 50_000
# A platform that filters what it has listed may send some pages without an order.
_MAX_EMPTY = 20


class ListStuck(Exception):
    """A list that makes no progress; the text says how, in words that may be logged."""


@dataclass(frozen=True, slots=True)
class PageTrail:
    """The pages read so far in one pass, in constant space.

    One earlier page is remembered by its name and its content, a later one after every doubling of the pages read: so
    that a circle of any length is noticed within three rounds (Brent's algorithm).
    """

    pages: int = 0
    empty: int = 0  # in a row
    mark: str = ""
    mark_content: str = ""
    next_mark: int = 1

    def onward(self, name: str, page: "Page") -> "PageTrail":
        """Return the trail once the page called `name` is read; raise ListStuck when the next one leads nowhere new."""
        pages, content, following = self.pages + 1, _content(page), page.next_cursor
        empty = 0 if content else self.empty + 1
        if not following:
            return self
        if following in (name, self.mark):
            raise ListStuck(f"its next page was read before (after {pages} pages)")
        if content and content == self.mark_content:
            raise ListStuck(f"the same orders come again under another page's name (after {pages} pages)")
        if empty > _MAX_EMPTY:
            raise ListStuck(f"{empty} pages in a row without an order")
        if pages >= MAX_PAGES:
            raise ListStuck(f"no end after {pages} pages")
        if pages < self.next_mark:
            # a mark on a page without orders gets those of the next page that has some
            return PageTrail(pages, empty, self.mark, self.mark_content or content, self.next_mark)
        return PageTrail(pages, empty, following, content, 2 * self.next_mark)


NOTHING_READ = PageTrail()


def _content(page: "Page") -> str:
    """Return what is on a page, in few characters; "" for nothing."""
    listed = [*(f"{order.out_order_no} {order.updated_at} {order.status}" for order in page.orders), *page.unreadable]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16] if listed else ""
