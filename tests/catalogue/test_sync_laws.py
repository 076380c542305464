"""Whatever merchants, platform and dying processes do to a product: one undisturbed look brings both sides together."""

from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.catalogue.repository import Product, from_item
from jiuwu.catalogue.sync import Catalogue, SyncOutcome, compare
from jiuwu.runtime import Runtime
from tests.catalogue.remote_products import NOW, RemoteProducts, a_product, row, there

TITLES = ("龙井", "绿茶", "高仿")
DISLIKED = "高仿"
EDITS = st.fixed_dictionaries(
    {"title": st.sampled_from(TITLES), "price_fen": st.sampled_from((617, 700)), "on_shelf": st.booleans()}
)


class Killed(BaseException):
    """The process dies here."""


class Row:
    """The table's one row, with the mark's condition; `dies` before or after the mark."""

    def __init__(self) -> None:
        self.product = a_product()
        self.dies = ""

    def edit(self, **changes: Any) -> None:
        self.product = replace(self.product, **changes)

    def get_many(self, product_ids: list[str]) -> dict[str, Any]:
        return {"tea": unmarshal_fields(row(self.product))}

    def mark(self, product: Product, *, at: int, refused: str = "") -> bool:
        self.die("before the mark")
        if self.product.digest != product.digest:
            return False
        self.product = replace(self.product, synced_hash=product.digest, synced_at=at, refused=refused)
        self.die("after the mark")
        return True

    def die(self, where: str) -> None:
        if self.dies == where:
            self.dies = ""
            raise Killed


class ProductLife(RuleBasedStateMachine):
    """Edits, runs that die or overlap with edits and other runs, and changes at the platform, in any sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.row, self.shelf, self.now = Row(), RemoteProducts(dislikes=(DISLIKED,)), NOW
        rows: Any = self.row
        platform: Any = self.shelf
        self.catalogue = Catalogue(rows, lambda: platform, runtime=Runtime(clock=lambda: self.now))

    def keep(self, product: Product | None = None, **how: Any) -> SyncOutcome | None:
        try:
            return self.catalogue.keep(product or from_item(unmarshal_fields(row(self.row.product))), **how).outcome
        except Killed:
            return None

    @rule(changes=EDITS)
    def edit(self, changes: dict[str, Any]) -> None:
        self.row.edit(**changes)

    @rule(
        dies=st.sampled_from(("", "before the call", "after the call", "before the mark", "after the mark")),
        check=st.booleans(),
        meanwhile=st.none() | EDITS,
        other_run=st.booleans(),
    )
    def run(self, dies: str, check: bool, meanwhile: dict[str, Any] | None, other_run: bool) -> None:
        self.now += 1
        self.row.dies = dies if "mark" in dies else ""
        self.shelf.meanwhile = [*([_die] if dies == "before the call" else [])]
        if meanwhile is not None:
            self.shelf.meanwhile.append(lambda: self._meanwhile(meanwhile, other_run=other_run))
        if dies == "after the call":
            self.shelf.show = _dying
        self.keep(seen_before=self.now if check else 0)
        self.row.dies, self.shelf.meanwhile, self.shelf.show = "", [], lambda product: product

    def _meanwhile(self, changes: dict[str, Any], *, other_run: bool) -> None:
        self.row.edit(**changes)
        if other_run:
            self.keep()

    @rule(changes=EDITS)
    def drift(self, changes: dict[str, Any]) -> None:
        self.shelf.products["tea"] = there(a_product(), **changes)

    @rule()
    def lost_there(self) -> None:
        self.shelf.products.pop("tea", None)

    @invariant()
    def one_undisturbed_look_brings_both_sides_together(self) -> None:
        saved, calls = (self.row.product, dict(self.shelf.products)), len(self.shelf.calls)
        self.keep(seen_before=float("inf"))
        product = self.row.product
        shown = self.shelf.products.get("tea")
        if product.refused:
            assert DISLIKED == product.title
            # off the shelf it can be refused only where not even what is there would be taken again
            assert product.on_shelf or (shown is not None and DISLIKED == shown.title)
        else:
            assert () == compare(product, shown)
        assert len(self.shelf.calls) - calls <= 4
        # and then nothing more is said
        calls = len(self.shelf.calls)
        assert self.keep() is (SyncOutcome.REFUSED if product.refused else SyncOutcome.NOT_COMPARED)
        assert calls == len(self.shelf.calls)
        self.row.product, self.shelf.products = saved


def _die() -> None:
    raise Killed


def _dying(_: object) -> Any:
    raise Killed


TestProductLife = ProductLife.TestCase


@given(EDITS, st.lists(EDITS, max_size=3))
def test_edits_during_a_push_leave_the_last_one_at_the_platform(
    first: dict[str, Any], edits: list[dict[str, Any]]
) -> None:
    life = ProductLife()
    life.row.edit(**first)
    life.shelf.dislikes = ()
    life.shelf.meanwhile = [partial(life.row.edit, **edit) for edit in edits]
    life.keep()

    assert () == compare(life.row.product, life.shelf.products.get("tea"))
    assert not life.row.product.changed
