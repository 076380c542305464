"""The statement's files: what a spreadsheet makes of them, and what they own up to."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.business_day import bounds
from jiuwu.statements.report import Statement, cell
from jiuwu.statements.totals import Discrepancy, SideSnapshot, Sums, Totals, uncompared

DAY = "2026-11-23"
SINCE, UNTIL = bounds(DAY)


def statement(totals: Totals) -> Statement:
    return Statement(DAY, SINCE, UNTIL, UNTIL + 1900, totals, "run-1")


def rows(totals: Totals) -> list[list[str]]:
    return list(csv.reader(io.StringIO(statement(totals).csv().decode("utf-8-sig"), newline="")))


def line(order_no: str = "JW1", evidence: str = "paid:t1", fen: int = 1234) -> Discrepancy:
    return Discrepancy(
        order_no,
        "missed_notification",
        evidence,
        SideSnapshot("created", Sums(1, fen)),
        SideSnapshot("paid", Sums(1, fen, fen)),
    )


def test_excel_reads_it_as_utf8() -> None:
    assert statement(Totals()).csv().startswith(b"\xef\xbb\xbf")


def test_every_row_has_every_column() -> None:
    table = rows(Totals({"paid": Sums(1, 1, 1)}, differing=1, differences=(line(),)) + uncompared(["JW2: odd"]))

    assert {len(table[0])} == {len(row) for row in table}
    assert {"合计", "状态", "差异", "说明"} == {row[0] for row in table[1:]}


def test_amounts_stand_in_yuan_and_in_fen() -> None:
    header, total, *_ = rows(Totals({"paid": Sums(2, 10**14 + 5, 7)}))
    read = dict(zip(header, total, strict=True))

    assert ("1000000000000.05", "100000000000005") == (read["本方订单金额(元)"], read["本方订单金额(分)"])
    assert ("0.07", "0.00") == (read["本方已付(元)"], read["平台已付(元)"])


def test_points_have_a_column_and_no_yuan() -> None:
    paid_with_points = Totals({"paid": Sums(1, points=500)})
    header, total, *_ = rows(paid_with_points)

    assert "500" == dict(zip(header, total, strict=True))["本方积分"]
    assert 500 == json.loads(statement(paid_with_points).json())["total"]["here"]["points"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\u3000=1", "＝1", '=HYPERLINK("http://x")']
)
def test_a_cell_that_would_be_a_formula_is_text(text: str) -> None:
    assert f"'{text}" == cell(text)


# Any text at all, and often one that begins as a formula does: few of the first kind would.
_CELLS = st.builds(
    str.__add__, st.sampled_from(["", "=", "+", "-", "@", " =", "\t", "\r", "\u3000@", "\xa0+", "＝"]), st.text()
)


@given(_CELLS)
def test_no_text_from_the_platform_becomes_a_formula_or_another_cell(text: str) -> None:
    printable = text.replace("\x00", "")
    table = rows(Totals(differing=1, differences=(line(order_no=printable, evidence=printable),)))
    found = next(row for row in table if row[0] == "差异")

    assert all(not one.lstrip().startswith(("=", "+", "-", "@")) for one in found)
    assert {printable, found[2]} <= {printable, f"'{printable}"}
    assert found[2] == found[-1]


def test_ids_of_a_difference_survive_a_spreadsheet_and_amounts_and_days_stay_what_they_are() -> None:
    table = rows(Totals(differing=1, differences=(line("219E01", "11-2", 1234567890120),)))
    total, differs = (dict(zip(table[0], row, strict=True)) for row in table[1:3])

    assert ("'219E01", "'11-2") == (differs["订单号"], differs["说明"])
    assert ("12345678901.20", "1234567890120") == (differs["平台订单金额(元)"], differs["平台订单金额(分)"])
    assert DAY == total["状态或差异"]


def test_notes_for_accountants_have_chinese_punctuation() -> None:
    notes = [row[-1] for row in rows(uncompared(["JW2: odd"])) if row[0] == "说明"]

    assert (
        "2026-11-23T00:00:00+08:00 至 2026-11-24T00:00:00+08:00（Asia/Shanghai），制表时间 2026-11-24T00:31:40+08:00"
        == notes[0]
    )
    assert "对账未完成：1 笔未能比对" == notes[1]


def test_numbers_stay_numbers() -> None:
    assert 1234 == cell(1234)


def test_states_differences_and_remarks_are_chinese_in_the_csv_and_words_for_machines_in_the_json() -> None:
    missed = Totals({"paid": Sums(1, 1, 1)}, differing=1, differences=(line(),)) + uncompared(["JW2: odd"])
    _, _, state, differs, *_ = table = rows(missed)

    assert ("已付款", "漏收通知", "待付款", "已付款") == (state[1], differs[1], differs[3], differs[4])
    assert "未收到通知：已付款 t1" == differs[-1]
    assert "未能比对的原因：JW2: odd" in {row[-1] for row in table}
    assert b'"class": "missed_notification"' in statement(missed).json()


def test_what_is_not_listed_is_counted() -> None:
    both = Totals(differing=7, waiting=3, differences=(line(),), in_flight=(line("JW2"),))
    read: dict[str, Any] = json.loads(statement(both).json())

    assert (6, 2) == (read["more_orders_differing"], read["more_orders_in_flight"])
    assert {"另有 6 笔差异未列出", "另有 2 笔在途未列出"} <= {row[-1] for row in rows(both)}


def test_an_incomplete_statement_says_so_in_both_files() -> None:
    broken = uncompared(["there: abandoned: orders.changed: no connection"])
    read: dict[str, Any] = json.loads(statement(broken).json())

    assert (False, 1) == (read["complete"], read["orders_not_compared"])
    assert any(row[-1].startswith("对账未完成") for row in rows(broken))
    assert not any("未完成" in row[-1] for row in rows(Totals()))


def test_a_side_without_the_order_shows_no_figures_of_it() -> None:
    missing = Discrepancy("JW1", "missing_there", "…", SideSnapshot("created", Sums(1, 1234)), SideSnapshot())
    read: dict[str, Any] = json.loads(statement(Totals(differing=1, differences=(missing,))).json())

    assert {"state": "absent"} == read["differences"][0]["there"]
    assert ("created", 1234, "12.34") == tuple(
        read["differences"][0]["here"][name] for name in ("state", "ordered_fen", "ordered_yuan")
    )
