"""Describe what a price list changes of one product."""

from dataclasses import dataclass

from jiuwu.catalogue.repository import Item
from jiuwu.platform.money import yuan
from jiuwu_cli.products.price_list import DesiredValues


@dataclass(frozen=True, slots=True)
class Change:
    """A product's row as it was (None where there was none), and what is written of it."""

    product_id: str
    before: Item | None
    written: DesiredValues

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.product_id}  new: " + ", ".join(_named(name, now) for name, now in self.written.items())
        old = self.before
        return f"{self.product_id}  " + ", ".join(
            f"{_named(name, old.get(name))} → {_text(name, now)}" for name, now in self.written.items()
        )


def _named(name: str, value: object) -> str:
    """As the file has it: a column and its text."""
    return f"{'price' if name == 'price_fen' else name} {_text(name, value)}"


def _text(name: str, value: object) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)  # by hand, anything may stand in a row
    return yuan(int(text)) if name == "price_fen" and text.isascii() and text.isdigit() else text
