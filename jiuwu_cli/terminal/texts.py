"""Texts of people, checked by the same rule as in the merchant API; and counts of things, in words."""

from jiuwu.human_text import first_unfit


def problem(text: str, *, most: int) -> str:
    """Return what is wrong with a title or a reason of 1 to `most` characters; "" if nothing."""
    if unfit := first_unfit(text):
        return f"{unfit.code_point} at character {unfit.position} does not belong in a text; remove it"
    if not text.strip():
        return f"expected 1 to {most} characters"
    if len(text) > most:
        return f"expected 1 to {most} characters, not {len(text)}"
    return ""


def counted(number: int, one: str, many: str = "") -> str:
    """Return "1 product", or "2 products"."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
