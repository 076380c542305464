"""An id that a spreadsheet has rewritten is never taken for a new product."""

import pytest

from jiuwu_cli.products.price_list import LineError, read
from jiuwu_cli.products.spreadsheet_ids import KnownIds

REWRITTEN = [
    "6.90123E+12", "6.9E+12", "6.9E12", "6.90123e+12", "6,90123E+12",
    "1E5", "219E01", "1.00E+05", "1E-5", "６.９Ｅ＋１２", "６．９E12",
    '="00123"', "=00123", "＝１２３", '=CONCAT("a")',
    "'6901234567892", "’123", "‘123", "`2022072512345928259", "｀123", "＇123", "´123", '"00123"', "“00123”",
    "2026/11/27", "2026-11-27", "2026-1-2", "2026.11.27", "27/11/2026", "11-27-2026", "27.11.2026", "11/27", "2/11",
    "11/2/26",
    "27-Nov", "2-Nov", "1-MAR", "27-Nov-26", "27-Nov-2026", "Nov-26", "Nov 27, 2026", "11月27日", "11月2日",
    "2026年11月27日",
    "2026年11月", "11月", "二〇二六年十一月二十七日", "十一月二日", "2026/11/27 0:00", "2026-11-27 10:00:00",
    "2026-11-27T10:00:00",
    "1:02", "12:30:00", "1:02 AM", "下午1:02:00", "13时05分", "13时5分0秒",
    "6,901,234,567,892", "1,234.00", "123.0", "6901234567892.00", "￥123.00", "¥1,234", "$5",
    "690123456789123000", "2022072512345920000", "690123000000", "6901230000000",
    "TRUE", "FALSE", "#N/A", "#REF!", "#DIV/0!", "#SPILL!", "#GETTING_DATA", "#NAME?", "#VALUE!", "########",
    "００１２３", "ＳＫＵ１", "1２3",
    "green tea", "tea 1", "690 1234",
]  # fmt: skip
GENUINE = [
    "tea", "tea-longjing", "00123", "123", "0", "6901234567892", "690123456789123456", "1234567890123450",
    "11-2", "11-27", "20261127", "2026-99-01", "1999",
    "2022072512345928259", "E5", "1E", "A1E5", "1E5A", "v1.10", "1.5", "10-11-12", "mars-1",
    "MAR1", "SEPT2", "DEC-100", "a:b", "1/2/3/4", "true", "#1", "男士's", "茶（大）", "龙井", "茶-11月", "x=1",
    "中号/红",
]  # fmt: skip


@pytest.mark.parametrize("product_id", REWRITTEN)
def test_an_id_that_a_spreadsheet_made_is_refused_with_its_line_and_the_cure(product_id: str) -> None:
    quoted = product_id.replace('"', '""')
    _, wrong = read(f'product_id,title,price\ntea,龙井,6.17\n"{quoted}",龙井,6.17\n')

    assert [(3, "product_id", True)] == [(one.line, one.field, one.doubtful) for one in wrong]
    assert repr(product_id) in wrong[0].problem
    assert any(hint in wrong[0].problem for hint in ("as text", "remove it", "write "))


@pytest.mark.parametrize("product_id", REWRITTEN)
def test_an_id_that_stands_in_the_table_is_right_however_it_looks(product_id: str) -> None:
    content = "product_id\ttitle\tprice\n{}\t龙井\t6.17\n".format('"' + product_id.replace('"', '""') + '"')

    assert [] == read(content, standing=[product_id])[1]
    assert [] == read(content, trust_ids=True)[1]


@pytest.mark.parametrize("product_id", GENUINE)
def test_an_id_that_no_spreadsheet_writes_is_taken(product_id: str) -> None:
    entries, wrong = read(f"product_id,title,price\n{product_id},龙井,6.17\n")

    assert ([], product_id) == (wrong, entries[0].product_id)


@pytest.mark.parametrize(
    ("standing", "product_id"),
    [
        ("00123", "123"),
        ("00123", "0123"),
        ("007.50", "7.5"),
        ("1.10", "1.1"),
        ("0", "0.0"),
        ("1E5", "100000"),
        ("219E01", "2190"),
        ("1.5e-1", "0.15"),
        ("1234567890123456", "1234567890123450"),
        ("1234567890123456", "1234567890123460"),
        ("2022072512345928259", "2022072512345920000"),
        ("690123456789123956", "690123456789124000"),
        ("12345678901234567", "12345678901234500"),
    ],
)
def test_what_lost_its_zeros_or_was_rounded_is_told_from_what_stands_in_the_table(
    standing: str, product_id: str
) -> None:
    assert KnownIds([standing]).describe_doubt(product_id)


def test_the_id_that_was_meant_is_named() -> None:
    _, wrong = read("product_id,title,price\n123,龙井,6.17\n", standing=["00123", "124"])

    problem = "'123' is what a spreadsheet makes of '00123', which stands in the table"
    assert [(2, problem)] == [(one.line, one.problem.partition(";")[0]) for one in wrong]


@pytest.mark.parametrize(
    ("standing", "product_id"),
    [
        ("123", "00123"),  # the mended file after an earlier accident
        ("00123", "1234"),
        ("00123", "00124"),
        ("1E5", "10000"),
        ("1E999999", "1"),
        ("1234567890123456", "1234567890123457"),
        ("1234567890123456", "12345678901234500"),
        ("tea", "tea1"),
    ],
)
def test_another_id_is_another_product(standing: str, product_id: str) -> None:
    assert "" == KnownIds([standing]).describe_doubt(product_id)


def test_blanks_around_an_id_are_none_of_it() -> None:
    entries, wrong = read("product_id,title,price\n\u3000tea\u00a0 ,龙井,6.17\n")

    assert ([], "tea") == (wrong, entries[0].product_id)


@pytest.mark.parametrize(
    ("cell", "named"), [("te\u200ba", "U+200B"), ("te\u202ea", "U+202E at character 3"), ("\ufefftea", "U+FEFF")]
)
def test_what_cannot_be_seen_in_an_id_is_named(cell: str, named: str) -> None:
    _, wrong = read(f"product_id,title,price\n{cell},龙井,6.17\n")

    assert isinstance(wrong[0], LineError)
    assert named in wrong[0].problem
