"""Detect product ids that look rewritten by a spreadsheet and are not in the table.

The platform could not notice a rewritten id: it would be a new product, and the right one would keep its old price.
The intended id is unknown, so the id is refused and never guessed.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal

from jiuwu.statements.spreadsheets import MONTH, SCIENTIFIC, normal

HINT = "format the id column as text, enter the id again and save"
_EXACT_DIGITS = 15  # of a number; Excel writes zeros for the rest
_SHOWN_DIGITS = 6  # of a number of twelve digits and more
_SURELY_ROUNDED = 18  # digits: one id in a thousand ends in three zeros by chance
_QUOTES = "'`\"\u00b4\u2018\u2019\u201c\u201d\uff07\uff40\uff02"
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_TIME = r"(?:[上下]午\s?)?\d{1,2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[ap]m)?|时\d{1,2}分(?:\d{1,2}秒)?)"
_NUMERALS = "[〇○零一二三四五六七八九十]+"
_DATE = re.compile(
    rf"""
    (?:
      {_YEAR} [-/.] {_MONTH} [-/.] {_DAY} | {_YEAR} / {_MONTH}                      # 2026/11/27
      | {_DAY} [-/.] {_DAY} [-/.] {_YEAR} | {_DAY} / {_DAY} (?:/ \d\d)?             # 27.11.2026, 11/27
      | {_DAY} [-\ ] {MONTH} (?:[-\ ,]+ (?:\d\d|{_YEAR}))? | {MONTH} [-\ ] (?:\d\d|{_YEAR})  # 27-Nov, Nov-26
      | {MONTH} \s {_DAY} ,? \s {_YEAR}
      | (?:{_YEAR}年)? {_MONTH}月 (?:{_DAY}[日号])?                                  # 11月27日
      | (?:{_NUMERALS}年)? {_NUMERALS}月 (?:{_NUMERALS}[日号])?
    )
    (?:T? \s? {_TIME})? | {_TIME}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FORMS = (
    (re.compile(r"=.*", re.DOTALL), "is a formula"),
    (
        re.compile(f"[{_QUOTES}].*", re.DOTALL),
        "begins with a quote that keeps spreadsheets from reading it as a number",
    ),
    (SCIENTIFIC, "is what a spreadsheet makes of a long number"),
    (
        re.compile(r"[¥$€]?\s?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[¥$€]\s?\d+(?:\.\d+)?|\d+\.0+"),
        "is what a spreadsheet makes of a number",
    ),
    (_DATE, "is what a spreadsheet writes for a date or a time"),
    (
        re.compile(r"TRUE|FALSE|#{2,}|#N/A|#[A-Z][A-Z_]*(?:/0)?[!?]|#GETTING_DATA"),
        "is a spreadsheet's word and no id",
    ),
    (re.compile(rf"[1-9]\d{{{_EXACT_DIGITS - 1}}}0{{{_SURELY_ROUNDED - _EXACT_DIGITS},}}"), "was rounded to 15 digits"),
    # 6.90123E+11 in the file of yesterday, shown as a number today
    (re.compile(rf"[1-9]\d{{{_SHOWN_DIGITS - 1}}}0{{{_SHOWN_DIGITS},}}"), f"was rounded to {_SHOWN_DIGITS} digits"),
)
_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_POWER = re.compile(r"\d+(?:\.\d+)?e[+-]?\d{1,3}", re.ASCII | re.IGNORECASE)


class KnownIds:
    """The ids of the table, to compare new ones with."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids: Collection[str] = frozenset(ids)
        self._by_value, self._by_first_digits = defaultdict[Decimal, list[str]](list), dict[tuple[int, int], str]()
        for one in sorted(self.ids):
            if _NUMBER.fullmatch(one) or _POWER.fullmatch(one):
                self._by_value[Decimal(one)].append(one)
            if one.isascii() and one.isdigit() and len(one) > _EXACT_DIGITS:
                self._by_first_digits[len(one), int(one[:_EXACT_DIGITS])] = one

    def describe_doubt(self, product_id: str) -> str:
        """Return what is odd about an id that is not in the table yet; "" if nothing."""
        if product_id in self.ids:
            return ""
        for form, says in _FORMS:
            if form.fullmatch(product_id) or form.fullmatch(normal(product_id)):
                return f"{product_id!r} {says}; {HINT}"
        if any(char.isspace() for char in product_id):
            return f"{product_id!r} has a blank inside; remove it"
        if _FULL_WIDTH.search(product_id):
            return f"{product_id!r} has full-width digits or letters; write {normal(product_id)!r}"
        if original := self._shortened(product_id) or self._rounded(product_id):
            return f"{product_id!r} is what a spreadsheet makes of {original!r}, which stands in the table; {HINT}"
        return ""

    def _shortened(self, product_id: str) -> str:
        """Return the id in the table that is the same number with more zeros, or as a power of ten."""
        if not _NUMBER.fullmatch(product_id):
            return ""
        same = self._by_value.get(Decimal(product_id), ())
        return next((one for one in same if len(one) > len(product_id) or _POWER.fullmatch(one)), "")

    def _rounded(self, product_id: str) -> str:
        """Return the id in the table that has the same first fifteen digits, where this one ends in zeros."""
        if not re.fullmatch(rf"[0-9]{{{_EXACT_DIGITS}}}0+", product_id):
            return ""
        first = int(product_id[:_EXACT_DIGITS])
        # Excel cuts off, others round up
        return next(
            (found for one in (first, first - 1) if (found := self._by_first_digits.get((len(product_id), one)))), ""
        )
