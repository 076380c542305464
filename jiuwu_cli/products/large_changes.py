"""Find changes of a price list that are so large that they are probably mistakes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwu.catalogue.repository import Item
from jiuwu_cli.products.change import Change

_MAX_CHANGE_PERCENT = 50  # of a price, in money or in points, up or down
_MAX_PART = 5  # one product in so many
_PRICES = ("price_fen", "price_points")


@dataclass(slots=True)
class LargeChanges:
    """The prices that move by more than half, and how many of the products on the shelf change."""

    products: int = 0
    changed: int = 0
    taken_off: int = 0
    prices: list[Change] = field(default_factory=list)

    def reasons(self) -> list[str]:
        """Return why to ask before it is written, one line each; none if there is nothing to ask about."""
        found = [f"{change}: more than {_MAX_CHANGE_PERCENT} %" for change in self.prices]
        if self.changed * _MAX_PART > self.products:
            off = f", {self.taken_off} of them off the shelf" if self.taken_off else ""
            found.append(f"{self.changed} of {self.products} products change{off}: more than a fifth")
        return found


def large_changes(changes: Iterable[Change], *, items: Mapping[str, Item]) -> LargeChanges:
    """Return what is large among the changes of a table with these rows; new ones change nothing, and what is off the
    shelf and stays as it is does not count."""
    counted = {product_id for product_id, item in items.items() if item.get("on_shelf") is not False}
    found = LargeChanges()
    for change in changes:
        if change.before is None:
            continue
        found.changed += 1
        counted.add(change.product_id)
        found.taken_off += change.written.get("on_shelf") is False
        moved = {name: change.written[name] for name in _PRICES if _moves(change.before, change.written, name)}
        if moved:
            found.prices.append(Change(change.product_id, change.before, moved))
    found.products = len(counted)
    return found


def _moves(before: Item, written: Mapping[str, Any], name: str) -> bool:
    old, new = _number(before.get(name)), _number(written.get(name))
    return old > 0 and new > 0 and abs(new - old) * 100 > old * _MAX_CHANGE_PERCENT


def _number(value: object) -> int:
    """Return a price of a row; 0 where there is none, or something else, as may be by hand."""
    return value if type(value) is int else 0
