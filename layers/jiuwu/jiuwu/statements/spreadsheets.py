"""The rewriting of texts by spreadsheets: "1E5" becomes 100000, "00123" becomes 123, "11-2" a date, "=1" a formula.

Excel and WPS do so when they open a CSV file. Of a number they keep fifteen digits; one of twelve digits and more they
show, and write into the next CSV file, as 6.90123E+12.
"""

import re
import unicodedata

MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
_MONTH_NUMBER, _DAY_OR_YEAR = r"(?:0?[1-9]|1[0-2])", r"(?:\d{1,2}|\d{4})"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"\(?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?\)?|\.\d+")
# A spreadsheet shows a number with eleven characters as it stands, if no zero is lost.
_SHOWN_AS_IT_IS = re.compile(r"(?=.{1,11}$)(?:0|[1-9]\d*)(?:\.\d*[1-9])?")
SCIENTIFIC = re.compile(r"[+\-\u2212]?(?:\d+[.,]?\d*|[.,]\d+)e[+\-\u2212]?\d+", re.IGNORECASE)
_DATE_OR_TIME = re.compile(
    rf"""
    {_DAY_OR_YEAR} ([-/.]) \d{{1,2}} \1 {_DAY_OR_YEAR}                                       # 2026/11/27
    | {_MONTH_NUMBER} [-/] {_DAY_OR_YEAR} | {_DAY_OR_YEAR} [-/] {_MONTH_NUMBER}              # 11-2
    | (?=.*\d) (?:\d{{1,4}} [-/.,\ ]*)? {MONTH} [-/.,\ ]* (?:\d{{1,4}} (?:[-/,\ ]+ \d{{2,4}})?)?  # 27-Nov, MAR1
    | (?:\d{{2,4}}年)? \d{{1,2}}月 (?:\d{{1,2}}[日号]?)? | \d{{2,4}}年                        # 11月27日
    | (?:\S+\ )? \d{{1,4}} : \d{{1,2}} (?::\d{{1,2}}(?:\.\d+)?)? (?:\ ?[ap]\.?m?\.?)?         # 1:02
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_rewritten(text: str) -> bool:
    """Return whether a spreadsheet would write something else for this id or text, or run it as a formula."""
    plain = normal(text)
    if plain.startswith(_FORMULA) or text.startswith(_FORMULA):
        return True
    if _NUMBER.fullmatch(plain):
        return plain != text or not _SHOWN_AS_IT_IS.fullmatch(plain)
    if plain.upper() in ("TRUE", "FALSE"):
        return not plain.isupper()
    return bool(SCIENTIFIC.fullmatch(plain) or _DATE_OR_TIME.fullmatch(plain))


def normal(text: str) -> str:
    """Return the text as spreadsheets read it: full-width characters as their plain ones, no blanks around."""
    return unicodedata.normalize("NFKC", text).strip()
