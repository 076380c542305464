"""Check texts by the rule of the merchant API, and write numbers with their nouns."""

from jiuwu.human_text import first_unfit


def text_error(text: str, *, maximum: int) -> str:
    """Return why a text of 1 to `most` characters is invalid; "" if it is valid."""
    if unfit := first_unfit(text):
        return f"{unfit.code_point} at character {unfit.position} is not allowed in a text; remove it"
    if not text.strip():
        return f"expected 1 to {maximum} characters"
    if len(text) > maximum:
        return f"expected 1 to {maximum} characters, not {len(text)}"
    return ""


def pluralize(number: int, one: str, many: str = "") -> str:
    """Return "1 product", or "2 products"."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
