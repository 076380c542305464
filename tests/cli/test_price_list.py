"""A price list is taken whole and exactly, or every mistake in it is named by line and field."""

from typing import Any

import pytest

from jiuwu_cli.price_list import Entry, ListRefused, Wrong, read
from tests.human_texts import UNWRITTEN, WRITTEN

TEA: dict[str, Any] = {"title": {"S": "龙井"}, "price_fen": {"N": "617"}}
HEADER = "product_id,title,price\n"


def taken(text: str | bytes) -> list[Entry]:
    entries, wrong = read(text if isinstance(text, bytes) else text.encode())
    assert [] == wrong
    return entries


def mistakes(text: str) -> list[Wrong]:
    return read(text.encode())[1]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "tea,龙井,6.17\n",
        HEADER + "tea,龙井,6.17",
        "\ufeff" + HEADER + "tea,龙井,6.17\n",
        (HEADER + "tea,龙井,6.17\n").replace("\n", "\r\n"),
        (HEADER + "tea,龙井,6.17\n").replace("\n", "\r"),
        (HEADER + "tea,龙井,6.17\n").replace(",", ";"),
        (HEADER + "tea,龙井,6.17\n").replace(",", "\t"),
        "sep=;\r\n" + (HEADER + "tea,龙井,6.17\n").replace(",", ";"),
        "Product_ID, Title ,PRICE\ntea , 龙井, 6.17 \n",
        '"product_id","title","price"\n"tea","龙井","6.17"\n',
        HEADER + "\n\ntea,龙井,6.17\n,,\n\n",
        "product_id,title,price,,\ntea,龙井,6.17,,\n",
        "title,price_fen,product_id\n龙井,617,tea\n",
        "title,price_fen,product_id\n龙井,0617,tea\n",
    ],
)
def test_what_excel_and_others_write_is_read(text: str) -> None:
    assert [Entry("tea", TEA)] == taken(text)


def test_all_columns_are_read() -> None:
    text = "product_id,title,price,on_shelf,price_points\ntea,龙井,6.17,TRUE,300\ncup,茶杯,9,下架,\n"
    cup: dict[str, Any] = {
        "title": {"S": "茶杯"},
        "price_fen": {"N": "900"},
        "on_shelf": {"BOOL": False},
        "price_points": None,
    }

    assert [
        Entry("tea", TEA | {"on_shelf": {"BOOL": True}, "price_points": {"N": "300"}}),
        Entry("cup", cup),
    ] == taken(text)


def test_a_column_that_is_not_there_says_nothing_about_its_field() -> None:
    assert {"title", "price_fen"} == taken(HEADER + "tea,龙井,6.17\n")[0].wanted.keys()


def test_a_quoted_title_may_hold_commas_and_quotes_and_an_emoji_made_of_several() -> None:
    assert {"S": '茶，"明前", 👨‍👩‍👧'} == taken(HEADER + 'tea,"茶，""明前"", 👨‍👩‍👧",6.17\n')[0].wanted["title"]


@pytest.mark.parametrize("title", WRITTEN.values(), ids=WRITTEN)
def test_a_title_is_whatever_people_write(title: str) -> None:
    (entry,) = taken(HEADER + f'tea,"{title.replace('"', '""')}",6.17\n')

    assert {"S": title} == entry.wanted["title"]


@pytest.mark.parametrize(("title", "code_point"), [one for one in UNWRITTEN if "U+D" not in one[1]], ids=ascii)
def test_a_title_that_nobody_writes_is_refused_by_its_code_point(title: str, code_point: str) -> None:
    (wrong,) = mistakes(HEADER + f'tea,"{title}",6.17\n')

    assert f"line 2, title: {code_point} at character " in str(wrong)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("\ufeff", "empty"),
        ("product_id,title\ntea,龙井\n", "price must be in one column"),
        ("product_id,title,price,price_fen\ntea,龙井,6.17,617\n", "price must be in one column"),
        ("product_id,price\ntea,6.17\n", "the column title is missing"),
        ("title,price\ntea,6.17\n", "the column product_id is missing"),
        ("product_id,title,price,title\n", "title is there twice"),
        ("product_id,title,price,stock\n", "no column 'stock'"),
        ("product_id,title,,price\n", "no column ''"),
        ("tea,龙井,6.17\n", "no column 'tea'"),
        (HEADER + 'tea,"龙井,6.17\n', "line 2 is not CSV"),
        (HEADER + 'cup,茶杯,9\ntea,"龙"井,6.17\n', "line 3 is not CSV"),
        (HEADER + f'tea,"{"x" * 140_000}",6.17\n', "line 2 is not CSV"),
        ("PK\x03\x04\x14\x00", "no column"),
        ("\x00\x00\x00", "no column"),
    ],
)
def test_a_file_that_is_no_price_list_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(ListRefused, match=problem) as refused:
        read(text.encode())
    assert refused.value.cure


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "gb18030"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do_in_excel(encoding: str) -> None:
    with pytest.raises(ListRefused, match="not UTF-8") as refused:
        read((HEADER + "tea,龙井,6.17\n").encode(encoding))
    assert "CSV UTF-8" in refused.value.cure


@pytest.mark.parametrize(
    "price", ["", "0", "0.00", "-6.17", "6.175", "¥6.17", "6,17", "1,234.00", "6.17元", "1E+03", "六", "６.17", "06.17"]
)
def test_a_price_in_yuan_is_exact_or_wrong(price: str) -> None:
    (wrong,) = mistakes(HEADER + f'tea,龙井,"{price}"\n')
    assert (2, "price") == (wrong.line, wrong.field)


@pytest.mark.parametrize("price", ["", "0", "6.17", "-1", "1e3", "12345678901234", "617.0", "６１７", " "])
def test_a_price_in_fen_is_whole_or_wrong(price: str) -> None:
    (wrong,) = mistakes(f"product_id,title,price_fen\ntea,龙井,{price}\n")
    assert "price_fen" == wrong.field


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (",龙井,6.17,true,", "product_id"),
        ("..,龙井,6.17,true,", "product_id"),
        (f"{'x' * 65},龙井,6.17,true,", "product_id"),
        ("t\u200bea,龙井,6.17,true,", "product_id"),
        ("tea,,6.17,true,", "title"),
        (f"tea,{'x' * 257},6.17,true,", "title"),
        ('tea,"龙\n井",6.17,true,', "title"),
        ("tea,龙\u202e井,6.17,true,", "title"),
        ("tea,龙\x00井,6.17,true,", "title"),
        ("tea,龙井,6.17,,", "on_shelf"),
        ("tea,龙井,6.17,maybe,", "on_shelf"),
        ("tea,龙井,6.17,true,0", "price_points"),
        ("tea,龙井,6.17,true,1.5", "price_points"),
        ("tea,龙井,6.17,true,-1", "price_points"),
        ("tea,龙井,6.17", "line"),
        ("tea,龙井,6.17,true,,x", "line"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_field(line: str, field: str) -> None:
    (wrong,) = mistakes("product_id,title,price,on_shelf,price_points\ncup,茶杯,9,true,\n" + line + "\n")

    assert (3, field) == (wrong.line, wrong.field)
    assert str(wrong).startswith(f"line 3, {field}: ")


def test_all_mistakes_are_named_and_lines_are_those_of_the_file() -> None:
    text = HEADER + '\n"tea","龙\n井",6.17\ncup,,x\ncup,茶杯,9\n'

    assert [(3, "title"), (5, "title"), (5, "price"), (6, "product_id")] == [
        (wrong.line, wrong.field) for wrong in mistakes(text)
    ]
    assert "stands in line 5 already" in mistakes(text)[-1].problem
