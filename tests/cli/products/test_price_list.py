"""A price list is taken whole and exactly, or every mistake in it is named by line and field."""

from typing import Any

import pytest

from jiuwu_cli.products.csv_text import PriceFileError, decode
from jiuwu_cli.products.price_list import Entry, LineError, read
from tests.human_texts import UNWRITTEN, WRITTEN

TEA: dict[str, Any] = {"title": "龙井", "price_fen": 617}
HEADER = "product_id,title,price\n"


def taken(text: str | bytes) -> list[Entry]:
    entries, wrong = read(decode(text if isinstance(text, bytes) else text.encode())[0])
    assert [] == wrong
    return entries


def mistakes(text: str) -> list[LineError]:
    return read(decode(text.encode())[0])[1]


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
        "title": "茶杯",
        "price_fen": 900,
        "on_shelf": False,
        "price_points": None,
    }

    assert [
        Entry("tea", TEA | {"on_shelf": True, "price_points": 300}),
        Entry("cup", cup),
    ] == taken(text)


def test_a_column_that_is_not_there_says_nothing_about_its_field() -> None:
    assert {"title", "price_fen"} == taken(HEADER + "tea,龙井,6.17\n")[0].wanted.keys()


def test_a_quoted_title_may_hold_commas_and_quotes_and_an_emoji_made_of_several() -> None:
    assert '茶，"明前", 👨‍👩‍👧' == taken(HEADER + 'tea,"茶，""明前"", 👨‍👩‍👧",6.17\n')[0].wanted["title"]


@pytest.mark.parametrize("title", WRITTEN.values(), ids=WRITTEN)
def test_a_title_is_whatever_people_write(title: str) -> None:
    (entry,) = taken(HEADER + f'tea,"{title.replace('"', '""')}",6.17\n')

    assert title == entry.wanted["title"]


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
        ("商品编号,名称,价格,price\n", "price is there twice"),
        ("product_id,title,price,stock\n", "no column 'stock'"),
        ("product_id,title,,price\n", "no column ''"),
        ("商品编号,名称,价格,积分/元\n", "no column '积分/元'"),
        ("tea,龙井,6.17\n", "no column 'tea'"),
        (HEADER + 'tea,"龙井,6.17\n', "line 2 is not CSV"),
        (HEADER + 'cup,茶杯,9\ntea,"龙"井,6.17\n', "line 3 is not CSV"),
        (HEADER + f'tea,"{"x" * 140_000}",6.17\n', "line 2 is not CSV"),
        ("PK\x03\x04\x14\x00", "is a workbook"),
        ("\x00\x00\x00", "no column"),
    ],
)
def test_a_file_that_is_no_price_list_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(PriceFileError, match=problem) as refused:
        read(decode(text.encode())[0])
    assert refused.value.hint


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("gbk", "GB18030"),
        ("gb18030", "GB18030"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
    ],
)
def test_what_spreadsheets_write_in_china_is_read_and_the_encoding_known(encoding: str, named: str) -> None:
    content = "商品编号\t名称\t单价\r\ntea\t龙井\t6.17\r\n".encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content

    assert [Entry("tea", TEA)] == taken(content)
    assert named == decode(content)[1]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf" * 2, "\ufeff".encode("gb18030")], ids=["twice", "GB18030"])
def test_a_byte_order_mark_of_any_kind_is_passed_over(mark: bytes) -> None:
    encoding = "gb18030" if mark.startswith(b"\x84") else "utf-8"
    assert ["tea"] == [entry.product_id for entry in taken(mark + (HEADER + "tea,茶,6.17\n").encode(encoding))]


def test_a_rare_character_of_gb18030_is_read() -> None:
    assert "\U00020087茶 €" == taken((HEADER + "tea,\U00020087茶 €,6.17\n").encode("gb18030"))[0].wanted["title"]


@pytest.mark.parametrize("broken", [b"\xe9\xbe", b"\xff", b"\x81"])
def test_a_damaged_utf8_file_is_refused_by_its_line_and_not_read_as_gb18030(broken: bytes) -> None:
    content = (HEADER + "tea,龙井绿茶,6.17\n").encode() + b"cup," + broken + b",9\n"
    with pytest.raises(PriceFileError, match="line 3 is neither UTF-8 nor GB18030") as refused:
        read(decode(content)[0])
    assert "CSV UTF-8" in refused.value.hint


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("商品编号,商品名称,价格,上架,积分价", "tea,龙井,6.17,是,300"),
        ("商品编码,标题,单价,是否上架,积分", "tea,龙井,6.17,上架,300积分"),
        ("编号,品名,售价（元）,上架状态,所需积分", "tea,龙井,6.17,在售,３００"),
        ("货号,名称,价格(分),上架,积分价格", "tea,龙井,617分,1,300"),
        ("产品编号*,产品名称*,单价/元,上架：,积分价", "tea,龙井,6.17,是,300"),
        ("编号,品名,售价（￥）,上架,积分价", "tea,龙井,6.17,是,300"),
        ("SKU,商品标题,销售价,上架,兑换积分", "tea,龙井,￥6.17,TRUE,300"),
        (" 商品 ID ,商品名, 商品价格 （元） ,上架,积分价", "tea,龙井,6.17,y,300"),
        ("Product ID,Title,Price,On Shelf,Price Points", "tea,龙井,6.17,yes,300"),
    ],
)
def test_columns_have_chinese_names_too(header: str, cells: str) -> None:
    expected = TEA | {"on_shelf": True, "price_points": 300}

    assert [Entry("tea", expected)] == taken(f"{header}\n{cells}\n")


@pytest.mark.parametrize(
    ("price", "fen"),
    [
        ("1,299.00", "129900"),
        ("12,345,678.9", "1234567890"),
        ("￥12", "1200"),
        ("¥12", "1200"),
        ("¥ 12.5", "1250"),
        ("12元", "1200"),
        ("12.50 元", "1250"),
        ("￥1,299.00元", "129900"),
        ("RMB 12", "1200"),
        ("１２．５０", "1250"),
        ("１，２９９．００", "129900"),
        ("￥１２", "1200"),
        ("\u300012.50\u00a0", "1250"),
    ],
)
def test_a_price_is_read_as_people_write_it(price: str, fen: str) -> None:
    assert int(fen) == taken(HEADER + f'tea,龙井,"{price}"\n')[0].wanted["price_fen"]


@pytest.mark.parametrize(
    "price",
    [
        "", "0", "0.00", "-6.17", "6.175", "6,17", "12,99.00", "1,2345", "0,617", "1.299,00", "1E+03", "六", "06.17",
        "$12", "12/斤", "12元5角", "¥", "12²", "12 50", "#N/A",
    ],
)  # fmt: skip
def test_a_price_in_yuan_is_exact_or_wrong_and_quoted(price: str) -> None:
    (wrong,) = mistakes(HEADER + f'tea,龙井,"{price}"\n')

    assert (2, "price") == (wrong.line, wrong.field)
    assert repr(price) in wrong.problem or "expected more than 0" == wrong.problem


@pytest.mark.parametrize(("price", "fen"), [("６１７", "617"), ("1,299", "1299"), ("617分", "617"), ("0617", "617")])
def test_a_price_in_fen_is_read_as_people_write_it(price: str, fen: str) -> None:
    entries = taken(f'product_id,title,price_fen\ntea,龙井,"{price}"\n')

    assert int(fen) == entries[0].wanted["price_fen"]


@pytest.mark.parametrize("price", ["", "0", "6.17", "-1", "1e3", "12345678901234", "617.0", "0,617", " ", "617元"])
def test_a_price_in_fen_is_whole_or_wrong(price: str) -> None:
    (wrong,) = mistakes(f'product_id,title,price_fen\ntea,龙井,"{price}"\n')
    assert "price_fen" == wrong.field


def test_a_long_value_is_quoted_in_part() -> None:
    (wrong,) = mistakes(HEADER + f"tea,龙井,{'9' * 500}\n")

    assert len(str(wrong)) < 160


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (",龙井,6.17,true,", "product_id"),
        ("..,龙井,6.17,true,", "product_id"),
        (f"{'x' * 65},龙井,6.17,true,", "product_id"),
        ("t\u200bea,龙井,6.17,true,", "product_id"),
        ("green tea,龙井,6.17,true,", "product_id"),
        ("green\u3000tea,龙井,6.17,true,", "product_id"),
        ("green\u00a0tea,龙井,6.17,true,", "product_id"),
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
        ("tea,龙井,6.17", ""),
        ("tea,龙井,6.17,true,,x", ""),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_field(line: str, field: str) -> None:
    (wrong,) = mistakes("product_id,title,price,on_shelf,price_points\ncup,茶杯,9,true,\n" + line + "\n")

    assert (3, field) == (wrong.line, wrong.field)
    assert str(wrong).startswith(f"line 3, {field}: " if field else "line 3: has ")


@pytest.mark.parametrize("name", ["product_id", "价格(分)", "单价", "售价", "商品名称", "是否上架", "所需积分"])
def test_where_a_column_is_unknown_every_name_that_is_taken_is_named(name: str) -> None:
    with pytest.raises(PriceFileError) as refused:
        read("product_id,title,stock\n")

    assert name in refused.value.hint


def test_all_mistakes_are_named_and_lines_are_those_of_the_file() -> None:
    text = HEADER + '\n"tea","龙\n井",6.17\ncup,,x\ncup,茶杯,9\n'

    assert [(3, "title"), (5, "title"), (5, "price"), (6, "product_id")] == [
        (wrong.line, wrong.field) for wrong in mistakes(text)
    ]
    assert "stands in line 5 already" in mistakes(text)[-1].problem
