"""The platform's rules for products, each refused with its reason."""

from jiuwu.platform.money import yuan
from sandbox.simulator.members import Product

MAX_TITLE_CHARACTERS = 60
MAX_FEN = 1_000_000_00
FORBIDDEN = ("假货", "高仿", "发票代开")


def refusal(product: Product) -> tuple[str, str] | None:
    """Return the reason as a word and as a sentence for people; None if the product is accepted."""
    if len(product.title) > MAX_TITLE_CHARACTERS:
        return "title_too_long", f"标题最多 {MAX_TITLE_CHARACTERS} 个字，现在是 {len(product.title)} 个"
    if word := next((word for word in FORBIDDEN if word in product.title), ""):
        return "title_forbidden", f"标题含有禁用词“{word}”"
    if product.price_fen > MAX_FEN:
        return "price_too_high", f"价格最高 {yuan(MAX_FEN)} 元"
    return None
