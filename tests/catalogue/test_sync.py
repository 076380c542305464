"""A product is pushed when it changed, compared when its time has come, and never pushed in vain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.catalogue.repository import Product, RowMalformed, Rows, from_item
from jiuwu.catalogue.sync import Catalogue, Kept, SyncOutcome, compare, explanation, reason
from jiuwu.platform.errors import BadParameters, ContentRefused, PlatformInternal, ProductRefused, UnknownOutcome
from jiuwu.platform.models import RemoteProduct
from jiuwu.runtime import Runtime
from tests.catalogue.remote_products import NOW, RemoteProducts, a_product, fails, row, there

TEA = a_product()
SYNCED = replace(TEA, synced_hash=TEA.digest, synced_at=NOW - 100)


class Shop:
    """A table and a shelf with a catalogue between them."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self.dynamodb, self.table, self.shelf, self.now = dynamodb, table, RemoteProducts(), float(NOW)
        platform: Any = self.shelf
        self.catalogue = Catalogue(Rows(dynamodb, table), lambda: platform, runtime=Runtime(clock=lambda: self.now))

    def write(self, product: Product) -> Product:
        self.dynamodb.put_item(TableName=self.table, Item=row(product))
        return product

    def edit(self, **changes: Any) -> None:
        """The merchant changes the row, and with it nothing that ProductSync marked."""
        self.write(replace(self.product, **changes))

    @property
    def product(self) -> Product:
        return from_item(
            unmarshal_fields(self.dynamodb.get_item(TableName=self.table, Key={"product_id": {"S": "tea"}})["Item"])
        )

    def keep(self, **how: Any) -> Kept:
        return self.catalogue.keep(self.product, **how)


@pytest.fixture
def shop(aws: Callable[[str], Any], products_table: str) -> Shop:
    return Shop(aws("dynamodb"), products_table)


# ── What differs ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("remote", "differs"),
    [
        (None, ("missing",)),
        (there(TEA), ()),
        (there(TEA, title="龙井茶"), ("title",)),
        (there(TEA, price_fen=616), ("price",)),
        (there(TEA, on_shelf=False), ("shelf",)),
        (there(TEA, title="", price_fen=0, on_shelf=False), ("title", "price", "shelf")),
    ],
)
def test_on_the_shelf_everything_counts(remote: RemoteProduct | None, differs: tuple[str, ...]) -> None:
    assert differs == compare(TEA, remote)


@pytest.mark.parametrize(
    ("remote", "differs"),
    [
        (None, ()),
        (there(TEA), ("shelf",)),
        (there(TEA, on_shelf=False), ()),
        (there(TEA, title="龙井茶", price_fen=616, on_shelf=False), ()),
    ],
)
def test_off_the_shelf_only_the_shelf_counts(remote: RemoteProduct | None, differs: tuple[str, ...]) -> None:
    assert differs == compare(replace(TEA, on_shelf=False), remote)


PRODUCTS = st.builds(
    Product, st.just("tea"), st.text(min_size=1, max_size=9), st.integers(1, 10**13 - 1), st.booleans(), st.just(0)
)
REMOTES = st.none() | st.builds(
    RemoteProduct,
    product_id=st.just("tea"),
    title=st.text(max_size=9),
    price_fen=st.integers(0, 10**13 - 1),
    on_shelf=st.booleans(),
)


class Marked:
    """Rows that take every mark."""

    def mark(self, product: Product, *, at: int, refused: str = "") -> bool:
        self.refused = refused
        return True


@given(PRODUCTS, REMOTES, st.booleans())
def test_after_a_push_nothing_differs_unless_it_was_refused(
    product: Product, remote: RemoteProduct | None, disliked: bool
) -> None:
    shelf: Any = RemoteProducts(*[remote] if remote else [], dislikes=(product.title,) if disliked else ())
    rows: Any = Marked()

    kept = Catalogue(rows, lambda: shelf).keep(product)

    if kept.outcome is SyncOutcome.REFUSED:
        assert disliked
        assert rows.refused
    else:
        assert () == compare(product, shelf.products.get("tea"))


@given(PRODUCTS, PRODUCTS)
def test_two_products_have_one_digest_only_if_the_platform_is_told_the_same(one: Product, other: Product) -> None:
    shown = [(product.title, product.price_fen, product.on_shelf) for product in (one, other)]

    assert (shown[0] == shown[1]) == (one.digest == other.digest)


def test_points_and_marks_are_no_change_for_the_platform() -> None:
    assert TEA.digest == replace(TEA, price_points=9, synced_hash="x", synced_at=1, refused="y").digest


# ── Pushing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_product_is_pushed_and_noted(shop: Shop) -> None:
    shop.write(TEA)

    assert Kept("tea", SyncOutcome.PUSHED) == shop.keep()
    assert (there(TEA), (TEA.digest, NOW, "")) == (
        shop.shelf.products["tea"],
        (shop.product.synced_hash, shop.product.synced_at, shop.product.refused),
    )


def test_an_unchanged_product_costs_no_call_and_no_write(shop: Shop) -> None:
    shop.write(SYNCED)

    assert Kept("tea", SyncOutcome.NOT_COMPARED) == shop.keep()
    assert ([], SYNCED) == (shop.shelf.calls, shop.product)


@pytest.mark.parametrize("change", [{"title": "绿茶"}, {"price_fen": 618}, {"on_shelf": False}])
def test_any_change_is_pushed(shop: Shop, change: dict[str, Any]) -> None:
    shop.write(replace(SYNCED, **change))

    assert SyncOutcome.PUSHED is shop.keep().outcome
    assert there(replace(TEA, **change)) == shop.shelf.products["tea"]


def test_a_crash_between_push_and_mark_costs_another_push_of_the_same(shop: Shop) -> None:
    shop.write(TEA)
    shop.shelf.upsert_product(there(TEA))  # done, and never noted

    assert SyncOutcome.PUSHED is shop.keep().outcome
    assert ({"tea": there(TEA)}, SyncOutcome.NOT_COMPARED) == (shop.shelf.products, shop.keep().outcome)


@pytest.mark.parametrize("error", [PlatformInternal("products.upsert"), UnknownOutcome("products.upsert", reason="?")])
def test_a_push_that_may_have_failed_is_not_noted(shop: Shop, error: Any) -> None:
    shop.write(TEA)
    shop.shelf.meanwhile = [fails(error)]

    with pytest.raises(type(error)):
        shop.keep()
    assert TEA == shop.product


# ── Edited meanwhile ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_during_the_push_is_pushed_after_it(shop: Shop) -> None:
    shop.write(TEA)
    shop.shelf.meanwhile = [lambda: shop.edit(price_fen=700)]

    assert SyncOutcome.PUSHED is shop.keep().outcome
    assert (700, False) == (shop.shelf.products["tea"].price_fen, shop.product.changed)


def test_a_push_that_comes_after_another_runs_newer_one_is_made_good(shop: Shop) -> None:
    shop.write(TEA)
    old = shop.product

    def overtaken() -> None:
        shop.edit(price_fen=700)
        shop.keep()

    shop.shelf.meanwhile = [overtaken]
    shop.catalogue.keep(old)

    assert (700, False) == (shop.shelf.products["tea"].price_fen, shop.product.changed)


def test_a_row_edited_again_and_again_is_left_to_the_next_run(shop: Shop) -> None:
    shop.write(TEA)
    shop.shelf.meanwhile = [lambda price=price: shop.edit(price_fen=price) for price in range(700, 710)]  # type: ignore[misc]

    assert SyncOutcome.BUSY is shop.keep().outcome
    assert shop.product.changed


def test_a_row_deleted_meanwhile_is_not_made_again(shop: Shop) -> None:
    shop.write(TEA)
    key = {"product_id": {"S": "tea"}}
    shop.shelf.meanwhile = [lambda: shop.dynamodb.delete_item(TableName=shop.table, Key=key)]

    assert SyncOutcome.GONE is shop.keep().outcome
    assert "Item" not in shop.dynamodb.get_item(TableName=shop.table, Key=key)


# ── Refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_product_says_why_and_is_not_pushed_again_until_it_changes(shop: Shop) -> None:
    shop.write(TEA)
    shop.shelf.dislikes = ("龙井",)

    assert Kept("tea", SyncOutcome.REFUSED, "title_forbidden") == shop.keep()
    assert "title_forbidden: 标题 不妥" == shop.product.refused
    assert (Kept("tea", SyncOutcome.REFUSED, "title_forbidden"), ["put tea"]) == (shop.keep(), shop.shelf.calls)

    shop.edit(title="绿茶")
    assert (SyncOutcome.PUSHED, "") == (shop.keep().outcome, shop.product.refused)


def test_a_refused_product_is_pushed_again_on_request(shop: Shop) -> None:
    shop.write(replace(SYNCED, refused="title_forbidden"))

    assert (SyncOutcome.PUSHED, "") == (shop.keep(retry_refused=True).outcome, shop.product.refused)


def test_a_refused_product_that_the_platform_has_taken_since_is_no_longer_refused(shop: Shop) -> None:
    shop.write(replace(SYNCED, refused="kept_otherwise: the platform shows another shelf"))
    shop.shelf.products["tea"] = there(TEA)

    assert (SyncOutcome.SAME, "") == (shop.keep(seen_before=NOW).outcome, shop.product.refused)


def test_a_refused_product_that_still_differs_is_looked_at_and_not_pushed(shop: Shop) -> None:
    shop.write(replace(SYNCED, refused="title_forbidden: 标题"))
    shop.shelf.products["tea"] = there(TEA, title="旧")

    assert Kept("tea", SyncOutcome.REFUSED, "title_forbidden") == shop.keep(seen_before=NOW)
    assert (["get tea"], "title_forbidden: 标题", NOW) == (
        shop.shelf.calls,
        shop.product.refused,
        shop.product.synced_at,
    )


def test_a_product_that_the_platform_would_not_take_can_still_be_taken_off(shop: Shop) -> None:
    shop.write(replace(TEA, on_shelf=False))
    shop.shelf.products["tea"] = there(TEA, title="旧", price_fen=1)
    shop.shelf.dislikes = ("龙井",)

    assert (SyncOutcome.PUSHED, "") == (shop.keep().outcome, shop.product.refused)
    assert there(TEA, title="旧", price_fen=1, on_shelf=False) == shop.shelf.products["tea"]


def test_a_refused_product_is_taken_off_once_the_platform_shows_one_that_it_takes(shop: Shop) -> None:
    off = replace(TEA, title="假茶", on_shelf=False)
    shop.write(replace(off, synced_hash=off.digest, synced_at=NOW, refused="title_forbidden: 标题"))
    shop.shelf.products["tea"] = there(TEA)  # by a run that was slower than the one that heard no
    shop.shelf.dislikes = ("假茶",)

    assert (SyncOutcome.REPAIRED, "") == (shop.keep(seen_before=NOW + 1).outcome, shop.product.refused)
    assert there(TEA, on_shelf=False) == shop.shelf.products["tea"]


def test_what_the_platform_refuses_and_never_had_needs_no_taking_off(shop: Shop) -> None:
    shop.write(replace(TEA, on_shelf=False))
    shop.shelf.dislikes = ("龙井",)

    assert (SyncOutcome.PUSHED, {}) == (shop.keep().outcome, shop.shelf.products)


def test_a_product_that_the_platform_takes_and_shows_otherwise_is_reported_and_not_pushed_for_ever(shop: Shop) -> None:
    shop.write(TEA)
    shop.shelf.show = lambda product: product.model_copy(update={"title": "龙井（自营）"})

    assert Kept("tea", SyncOutcome.REFUSED, "kept_otherwise") == shop.keep()
    assert "kept_otherwise: the platform shows another title" == shop.product.refused
    assert SyncOutcome.REFUSED is shop.keep(seen_before=NOW + 1).outcome
    assert ["put tea", "get tea"] == shop.shelf.calls


@pytest.mark.parametrize(
    ("error", "word", "text"),
    [
        (ProductRefused("n", msg="标题太长", reason="title_too_long"), "title_too_long", "title_too_long: 标题太长"),
        (ProductRefused("n", reason="title_too_long"), "title_too_long", "title_too_long"),
        (ProductRefused("n", msg="不行"), "ProductRefused", "ProductRefused: 不行"),
        (ContentRefused("n", msg="a\x1b[2Jb\u202ec\nd"), "ContentRefused", "ContentRefused: a [2Jb c d"),
        (BadParameters("n", msg="x" * 500), "BadParameters", ("BadParameters: " + "x" * 500)[:200]),
    ],
)
def test_a_reason_is_a_word_for_logs_and_a_bounded_printable_text_for_the_merchant(
    error: Any, word: str, text: str
) -> None:
    assert (word, text) == (reason(error), explanation(error))


# ── Compared ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_product_whose_time_has_come_is_compared_and_noted(shop: Shop) -> None:
    shop.write(SYNCED)
    shop.shelf.products["tea"] = there(TEA)

    assert Kept("tea", SyncOutcome.SAME) == shop.keep(seen_before=NOW - 99)
    assert (["get tea"], NOW) == (shop.shelf.calls, shop.product.synced_at)


@pytest.mark.parametrize(
    ("remote", "differs"),
    [(None, "missing"), (there(TEA, price_fen=1, on_shelf=False), "price shelf"), (there(TEA, title="x"), "title")],
)
def test_what_differs_at_the_platform_is_repaired(shop: Shop, remote: RemoteProduct | None, differs: str) -> None:
    shop.write(SYNCED)
    shop.shelf.products = {"tea": remote} if remote else {}

    assert Kept("tea", SyncOutcome.REPAIRED, differs) == shop.keep(seen_before=NOW)
    assert there(TEA) == shop.shelf.products["tea"]


# ── Rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"product_id": {"S": ".."}}, "product_id"),
        ({"product_id": {"S": "x" * 65}}, "product_id"),
        ({"product_id": {"S": "a\nb"}}, "product_id"),
        ({"title": {"S": ""}}, "title"),
        ({"title": {"N": "1"}}, "title"),
        ({"price_fen": {"N": "0"}}, "price_fen"),
        ({"price_fen": {"N": "6.17"}}, "price_fen"),
        ({"price_fen": {"N": "-617"}}, "price_fen"),
        ({"price_fen": {"N": "10000000000000"}}, "price_fen"),
        ({"price_fen": {"S": "617"}}, "price_fen"),
        ({"on_shelf": {"S": "true"}}, "on_shelf"),
        ({"price_points": {"N": "1.5"}}, "price_points"),
        ({"price_points": {"S": "5"}}, "price_points"),
    ],
)
def test_a_row_with_a_wrong_field_is_named_by_it(change: dict[str, Any], field: str) -> None:
    with pytest.raises(RowMalformed) as wrong:
        from_item(unmarshal_fields(row(TEA) | change))
    assert field == wrong.value.field


@pytest.mark.parametrize("product", [TEA, SYNCED, replace(SYNCED, price_points=300, refused="x", on_shelf=False)])
def test_a_row_is_read_as_it_was_written(product: Product) -> None:
    assert product == from_item(unmarshal_fields(row(product)))


def test_rows_come_in_pages_until_the_end(shop: Shop) -> None:
    for number in range(5):
        shop.write(replace(TEA, product_id=f"p{number}"))
    rows, seen, start = Rows(shop.dynamodb, shop.table), [], ""
    for size, more in ((2, True), (2, True), (1, False)):
        items, start = rows.page(start, limit=2)
        assert (size, more) == (len(items), bool(start))
        seen += [item["product_id"] for item in items]

    assert [f"p{number}" for number in range(5)] == sorted(seen)
