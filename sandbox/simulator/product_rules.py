"""The platform's rules for products, each refused with its reason."""

from jiuwu.platform.money import yuan
from sandbox.simulator.members import Product

LONGEST_TITLE = 60
MOST_FEN = 1_000_000_00
FORBIDDEN = ("假货", "高仿", "发票代开")


def refusal(product: Product) -> tuple[str, str] | None:
    """Return the reason as a word and as a sentence for people; None if the product is accepted."""
    if len(product.title) > LONGEST_TITLE:
        return "title_too_long", f"标题最多 {LONGEST_TITLE} 个字，现在是 {len(product.title)} 个"
    if word := next((word for word in FORBIDDEN if word in product.title), ""):
        return "title_forbidden", f"标题含有禁用词“{word}”"
    if product.price_fen > MOST_FEN:
        return "price_too_high", f"价格最高 {yuan(MOST_FEN)} 元"
    return None
