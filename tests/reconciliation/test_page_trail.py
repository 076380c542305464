"""A list of pages is read only while it makes progress, for every reader."""

from collections.abc import Callable, Iterator
from itertools import count, islice

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.deadline import Deadline
from jiuwu.platform.errors import BadParameters
from jiuwu.platform.models import Page, RemoteOrder
from jiuwu.reconciliation import page_trail
from jiuwu.reconciliation.page_trail import ListStuck, PageTrail
from jiuwu.statements.comparison import Comparer, Period
from jiuwu.statements.runs import Progress, Run
from jiuwu.statements.tasks import THERE, StatementWorker
from jiuwu_cli.reconcile.comparison import compare
from tests.orders.stored import POLICY

NOW = 1_763_800_000


def one(number: int, at: int = NOW) -> RemoteOrder:
    return RemoteOrder(
        platform_order_no=f"P{number}",
        out_order_no=f"JW{number}",
        status="created",
        amount_fen=1,
        payments=(),
        refunds=(),
        updated_at=at,
    )


def read(pages: Iterator[tuple[str, Page]]) -> int:
    """How many pages are read before the trail ends, or is stuck."""
    trail = PageTrail()
    for number, (name, page) in enumerate(pages, 1):
        try:
            trail = trail.onward(name, page)
        except ListStuck:
            return number
        if not page.next_cursor:
            return number
    raise AssertionError("read on")


def in_a_circle(names: list[str]) -> Iterator[tuple[str, Page]]:
    """A first page, then these, round and round, with ever new orders."""
    name = ""
    for number in count():
        following = names[number % len(names)]
        yield name, Page(orders=(one(number),), next_cursor=following)
        name = following


@pytest.mark.parametrize(
    ("names", "pages"), [(["A"], 2), (["A", "B"], 4), (["A", "B", "C"], 7), (list("ABCDEFGH"), 17)]
)
def test_a_circle_of_pages_is_noticed_soon(names: list[str], pages: int) -> None:
    assert pages >= read(in_a_circle(names))


@given(length=st.integers(1, 200))
def test_a_circle_of_any_length_is_noticed_within_three_rounds(length: int) -> None:
    assert read(in_a_circle([f"p{n}" for n in range(length)])) <= 3 * length + 2


def test_the_same_orders_under_ever_new_names_are_no_progress() -> None:
    pages = ((f"p{n}" if n else "", Page(orders=(one(1), one(2)), next_cursor=f"p{n + 1}")) for n in count())
    assert 2 == read(pages)


def test_pages_without_orders_are_read_for_a_while_only() -> None:
    assert 21 == read((f"p{n}" if n else "", Page(orders=(), next_cursor=f"p{n + 1}")) for n in count())


@pytest.mark.parametrize("empty", [0, 1, 2, 3])
def test_the_same_orders_among_empty_pages_are_no_progress(empty: int) -> None:
    # the page that is marked is without orders each time
    pages = (
        (f"p{n}" if n else "", Page(orders=() if n % 4 == empty else (one(n % 4),), next_cursor=f"p{n + 1}"))
        for n in count()
    )
    assert 20 > read(pages)


def test_a_list_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_trail, "MAX_PAGES", 100)  # 50,000 take a while
    pages = ((f"p{n}" if n else "", Page(orders=(one(n),), next_cursor=f"p{n + 1}")) for n in count())
    assert 100 == read(pages)


@pytest.mark.parametrize("length", [1, 2, 3, 100, 1000])
def test_a_list_that_ends_is_read_to_its_end(length: int) -> None:
    # some changes come twice, because they changed meanwhile, and two pages are empty
    pages = (
        (
            f"p{n}" if n else "",
            Page(orders=(one(n % 7, NOW + n),) if n % 50 > 1 else (), next_cursor=f"p{n + 1}" * (n + 1 < length)),
        )
        for n in range(length)
    )
    assert length == read(pages)


class Listing:
    """A platform whose list is as a test says, counting how often it is asked."""

    def __init__(self, following: Callable[[str], str]) -> None:
        self._following, self.calls = following, 0

    def changed_orders(self, since: int, page: str = "", **more: object) -> Page:
        self.calls += 1
        return Page(orders=(one(self.calls),), next_cursor=self._following(page))


class Nothing:
    """Our own table, empty."""

    def get_many(self, numbers: object) -> dict[str, object]:
        return {}

    def of_day(self, *day: object, **more: object) -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize("following", [lambda page: "A", lambda page: "B" if page == "A" else "A"], ids=["A", "ABAB"])
def test_a_comparison_ends_and_says_that_it_could_not_compare_all(following: Callable[[str], str]) -> None:
    platform = Listing(following)
    comparer = Comparer(Nothing(), lambda: platform, POLICY, Period(NOW - 86_400, NOW))  # type: ignore[arg-type, return-value]

    totals = compare(comparer)

    assert 4 >= platform.calls
    assert not totals.complete
    assert any("makes no progress" in problem for problem in totals.problems)


class KeptRuns:
    """Where a statement's task keeps how far it came."""

    def __init__(self) -> None:
        self.kept = Progress()

    def progress(self, run: Run, task: str) -> Progress:
        return self.kept

    def save(self, run: Run, task: str, progress: Progress) -> Progress:
        # as it comes back from the table
        self.kept = msgspec.json.decode(msgspec.json.encode(progress), type=Progress)
        return self.kept


class Refusing(Listing):
    """A platform that refuses each page that it has named."""

    def changed_orders(self, since: int, page: str = "", **more: object) -> Page:
        if page:
            self.calls += 1
            raise BadParameters("orders.changed")
        return super().changed_orders(since, page)


@pytest.mark.parametrize(
    "platform", [Listing(lambda page: "A"), Listing(lambda page: "AB"[page == "A"]), Refusing(lambda page: "A")]
)
def test_a_statement_ends_and_says_that_it_is_not_whole(platform: Listing) -> None:
    period = Period(NOW - 86_400, NOW)
    comparer = Comparer(Nothing(), lambda: platform, POLICY, period)  # type: ignore[arg-type, return-value]
    walker = StatementWorker(Run("2025-11-22", "r1", NOW), KeptRuns(), Nothing(), comparer, Deadline(lambda: 120.0))  # type: ignore[arg-type]
    progress = Progress()
    for _ in range(20):  # each message of the queue
        progress = walker.walk(THERE) or progress
        if progress.done:
            break

    assert progress.done
    assert not progress.totals.complete
    assert platform.calls < 20


def test_the_trail_survives_being_kept() -> None:
    pages = list(islice(in_a_circle(["A", "B"]), 3))
    trail = PageTrail()
    for name, page in pages:
        trail = trail.onward(name, page)
    assert 3 == trail.pages


def test_a_trail_begins_with_nothing_read_and_marks_the_first_page() -> None:
    begun = PageTrail(pages=0, empty=0, mark="", mark_content="", next_mark=1)

    assert begun == PageTrail() == page_trail.NOTHING_READ
    assert 50_000 == page_trail.MAX_PAGES
    first = begun.onward("", Page(orders=(one(1),), next_cursor="A"))
    assert (1, 0, "A", 2) == (first.pages, first.empty, first.mark, first.next_mark)
    assert 16 == len(first.mark_content)


def test_a_trail_ends_as_it_was_before_the_last_page() -> None:
    trail = PageTrail().onward("", Page(orders=(one(1),), next_cursor="A"))

    assert trail == trail.onward("A", Page(orders=(one(2),), next_cursor=""))


def test_a_page_with_orders_ends_a_row_of_empty_ones() -> None:
    trail = PageTrail(pages=3, empty=2, mark="Z", next_mark=8)

    assert 3 == trail.onward("A", Page(orders=(), next_cursor="B")).empty
    assert 0 == trail.onward("A", Page(orders=(one(1),), next_cursor="B")).empty
