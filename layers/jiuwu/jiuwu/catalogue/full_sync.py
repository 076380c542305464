"""A pass over the products table: each row pushed if it has changed, and compared if that was not done for long.

A page at a time, and the place is kept after each, so a pass that is cut off goes on there with the next run. A page
done twice costs nothing: what is done is marked in the rows. A run every few minutes and the age at which a row is
compared again add up to less than an hour: so old is the oldest comparison, while the platform takes the calls.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import batched

from jiuwu.aws.bookmarks import Bookmark
from jiuwu.aws.dynamodb import TableBusy
from jiuwu.deadline import Deadline
from jiuwu.platform.errors import BadReply, PlatformError, UnknownOutcome
from jiuwu.runtime import SYSTEM, Runtime

from .repository import Item, RowMalformed, Rows, from_item
from .sync import Catalogue, Kept, SyncOutcome

# The place of the pass in the reconciliation table.
RECORD = "products"
# A run ends this long before its time: the slowest product (a look and a push, each with all its tries) fits in twice.
_MARGIN_SECONDS = 30.0
# Calls overlap; more at once would take the rate limit from the orders.
_AT_ONCE = 4
# So many failing in a row mean that the platform is down, and not that these products are unlucky.
_IN_A_ROW = 3
# An answer names this many products and says how many more there were.
_NAMED = 200
_WORTH_TELLING = {
    SyncOutcome.REPAIRED,
    SyncOutcome.REFUSED,
    SyncOutcome.MALFORMED,
    SyncOutcome.BUSY,
    SyncOutcome.GONE,
    SyncOutcome.FAILED,
}


@dataclass(slots=True)
class SyncResult:
    """The findings of a run. `finished`: the pass reached the end; `next`: the product after which the next run
    continues; `problems`: why the platform was left alone."""

    counts: Counter[SyncOutcome] = field(default_factory=Counter)
    findings: list[Kept] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    next: str = ""
    finished: bool = False

    def note(self, kept: Iterable[Kept]) -> None:
        for one in kept:
            self.counts[one.outcome] += 1
            if one.outcome in _WORTH_TELLING:
                self.findings.append(one)

    def as_dict(self) -> dict[str, object]:
        """Return the run's result for its caller: bounded, however much was found."""
        return {
            "outcomes": {outcome.value: count for outcome, count in sorted(self.counts.items())},
            "next": self.next,
            "finished": self.finished,
            "findings": [
                {"product_id": one.product_id, "outcome": one.outcome.value, "detail": one.detail}
                for one in self.findings[:_NAMED]
            ],
            "more_findings": max(0, len(self.findings) - _NAMED),
            "problems": list(self.problems),
        }


class FullSync:
    """A run. What was compared less than `check_seconds` ago is not again."""

    def __init__(
        self,
        catalogue: Catalogue,
        rows: Rows,
        *,
        deadline: Deadline,
        check_seconds: int,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._catalogue, self._rows, self._deadline, self._clock = catalogue, rows, deadline, runtime.clock
        self._check_seconds = check_seconds
        self._failed_in_a_row = 0
        self.result = SyncResult()

    def run(self, bookmark: Bookmark) -> SyncResult:
        """Continue the schedule's pass until the table or the run ends."""
        return self.pass_over(bookmark.place(), bookmark.save)

    def pass_over(
        self, start: str, save: Callable[[str], object], *, retry_refused: bool = False, full: bool = False
    ) -> SyncResult:
        """Work on the rows after the product `start` ("": all), until the table's end or the run's; `save` keeps the
        place after each page, `retry_refused` and `full` are as `take` has them."""
        self.result.next = start
        while True:
            items, following = self._rows.page(start)
            if not self.take(items, retry_refused=retry_refused, full=full) and not self.result.problems:
                return self.result  # the rest of this page comes first in the next run
            self.result.next = following
            if following != start:
                # past a page that failed, too: three rows that the platform chokes on must not hold up all others
                save(following)
            self.result.finished = not following and not self.result.problems
            if not following or self.result.problems:
                return self.result
            start = following

    def take(self, items: Sequence[Item], *, retry_refused: bool = False, full: bool = False) -> bool:
        """Work on some rows; return False when the time or the platform ended before all were done.

        `retry_refused` tries refused products once more, `full` also compares those that were compared lately.
        """
        seen_before = float("inf") if full else self._clock() - self._check_seconds
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for some in batched(items, _AT_ONCE, strict=False):
                if not self._deadline.has(_MARGIN_SECONDS):
                    return False
                done = list(pool.map(partial(self._keep, seen_before=seen_before, retry_refused=retry_refused), some))
                self.result.note(kept for kept, _ in done)
                if self._down(done):
                    return False
        return True

    def _keep(self, item: Item, *, seen_before: float, retry_refused: bool) -> tuple[Kept, PlatformError | None]:
        product_id = str(item["product_id"])
        try:
            return self._catalogue.keep(from_item(item), seen_before=seen_before, retry_refused=retry_refused), None
        except RowMalformed as wrong:
            return Kept(product_id, SyncOutcome.MALFORMED, wrong.field), None
        except TableBusy:
            return Kept(product_id, SyncOutcome.BUSY), None
        except PlatformError as error:
            return Kept(product_id, SyncOutcome.FAILED, str(error)), error

    def _down(self, done: Iterable[tuple[Kept, PlatformError | None]]) -> bool:
        """Return whether the platform, and not these products, is the trouble; add that to the problems."""
        for kept, error in done:
            if error is not None and not _about_one(error):
                self._failed_in_a_row += 1
            elif kept.outcome is not SyncOutcome.NOT_COMPARED:
                self._failed_in_a_row = 0
            if self._failed_in_a_row == _IN_A_ROW:
                self.result.problems.append(kept.detail)
                return True
        return False


def _about_one(error: PlatformError) -> bool:
    """Return whether an error may be this product's alone: a code that the profile lacks, or an unreadable reply."""
    if isinstance(error, UnknownOutcome):
        return error.answered
    return type(error) is PlatformError or isinstance(error, BadReply)
