"""Yuan text of the platform ⇄ integer fen (分) of ours, exactly.

Whole numbers only, no Decimal: two groups of digits cannot be rounded, whatever a thread's decimal context says.
"""

import re

# 13 digits of fen are 99,999,999,999.99 yuan: no order is that large, a number that is is a mistake. Leading zeros are
# refused because no platform writes them: "0012.34" is a padded field or two values run together.
_YUAN = re.compile(r"(0|[1-9][0-9]{0,10})(?:\.([0-9]{1,2}))?")
MAX_FEN = 10**13 - 1


class MoneyError(ValueError):
    """An amount that cannot be taken exactly as it stands; never shows it."""


def fen(text: str) -> int:
    """Return the fen of a yuan text such as "12.34", "12.3" or "12"; raise MoneyError for anything else."""
    if not isinstance(text, str):
        raise MoneyError(f'expected an amount in yuan as text, such as "12.34", not {type(text).__name__}')
    found = _YUAN.fullmatch(text)
    if found is None:
        raise MoneyError(
            'expected an amount in yuan such as "12.34": 0 or more, ASCII digits, at most 11 and two decimals'
        )
    whole, cents = found.groups(default="")
    return int(whole) * 100 + int(cents.ljust(2, "0"))


def yuan(fen: int) -> str:
    """Return yuan text with two decimals; raise MoneyError for what is not a whole number of fen in range."""
    if type(fen) is not int:
        raise MoneyError(f"expected whole fen, not {type(fen).__name__}")
    if not 0 <= fen <= MAX_FEN:
        raise MoneyError("expected an amount of 0 or more and at most 13 digits of fen")
    whole, cents = divmod(fen, 100)
    return f"{whole}.{cents:02}"
