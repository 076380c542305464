"""What a spreadsheet would write otherwise is known, and what it leaves alone is left alone."""

import pytest

from jiuwu.statements.report import cell
from jiuwu.statements.spreadsheets import is_rewritten


@pytest.mark.parametrize(
    "text",
    [
        "219E01", "1E5", "1e5", "1.5E+3", "6.90123E+12", "１Ｅ５", "1E-5", ".5e3",
        "00123", "000", "00", "007.5", "1234567890123456", "690123456789", "００１２３", " 00123", "1.10", "5.", ".5",
        "1,234", "(5)", "１２３",
        "11-2", "2-11", "11/2", "2026-11", "11-2026", "2026-11-27", "2026/11/27", "1-2-3", "27.11.2026",
        "MAR1", "1-Mar", "Sept2", "DEC-1", "27-Nov-26", "Nov 27, 2026", "11月2日", "11月", "2026年11月27日", "2026年",
        "1:2", "12:30", "1:02:03", "2026/11/27 0:00", "true", "False",
        "=1+1", "+5", "-5", "@x", "＝1", "\u3000=1",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_rewrite_is_protected(text: str) -> None:
    assert (True, f"'{text}") == (is_rewritten(text), cell(text))


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "7", "123", "12345678901", "12.5", "0.5", "tea", "E5", "1E", "1E5X", "JW2A7K", "MARS1", "decided 5",
        "may", "13-45", "1234-5678", "99-100", "1-2-3-4", "v1.10", "第1月", "TRUE", "wx-2026", "a:b", "2026-11-27-001",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_leaves_alone_is_left_alone(text: str) -> None:
    assert (False, text) == (is_rewritten(text), cell(text))
