"""What the demo shop sells."""

from dataclasses import dataclass

from jiuwu.platform import money
from jiuwu_cli.products.price_list import Entry


@dataclass(frozen=True)
class Product:
    """A product, its price in fen, and in points if those buy it."""

    product_id: str
    title: str
    price_fen: int
    price_points: int = 0

    def as_listed(self) -> dict[str, object]:
        """Return it for the shop's page, with the price in yuan."""
        return {
            "product_id": self.product_id,
            "title": self.title,
            "price": money.yuan(self.price_fen),
            "points": self.price_points,
        }

    def as_item(self) -> dict[str, str | int]:
        """Return its row in the products table."""
        return {
            "product_id": self.product_id,
            "title": self.title,
            "price_fen": self.price_fen,
            "price_points": self.price_points,
            "on_shelf": True,
        }

    def as_entry(self) -> Entry:
        """Return it as an entry of a price list."""
        item = self.as_item()
        return Entry(self.product_id, {name: item[name] for name in ("title", "price_fen", "price_points")})


ALL = (
    Product("tea-longjing", "明前龙井 50 克", 8800),
    Product("mug-panda", "熊猫马克杯", 3990, 400),
    Product("notebook-95", "玖伍手账本", 2450),
    Product("sticker-pack", "社区表情贴纸（一包）", 999, 100),
    Product("lamp-moon", "月亮小夜灯", 12900),
    Product("sample", "试用装", 1),
)
