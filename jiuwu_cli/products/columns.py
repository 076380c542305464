"""The columns of a price list, by the names that merchants use, and the parsers of their cells.

A reader returns the row's attribute and its value, and raises ValueError with what is wrong.
"""

import re
from collections.abc import Callable

from jiuwu.catalogue.repository import MAX_ID_CHARACTERS, is_id
from jiuwu.human_text import first_hidden
from jiuwu.platform.money import MAX_FEN, MoneyError, fen
from jiuwu_cli.terminal import texts

MAX_TITLE_CHARACTERS = 256

type Cell = str | int | None
_NAMES = {
    "product_id": "商品编号 商品编码 商品id 商品货号 产品编号 产品编码 产品id "
    "编号 编码 货号 商家编码 sku sku编号 sku编码 productid",
    "title": "产品名称 商品名称 商品标题 商品名 名称 标题 品名",
    "price": "价格 单价 售价 商品价格 商品单价 产品价格 销售价",
    "price_fen": "价格(分) 单价(分) 售价(分) 商品价格(分) 销售价(分) pricefen",
    "on_shelf": "上架 是否上架 上架状态 onshelf",
    "price_points": "积分价 积分价格 积分 所需积分 兑换积分 pricepoints",
}
_BY_NAME = {name: column for column, names in _NAMES.items() for name in (column, *names.split())}
_YES = frozenset({"true", "yes", "y", "1", "是", "上架", "已上架", "在售"})
_NO = frozenset({"false", "no", "n", "0", "否", "下架", "已下架", "未上架", "停售"})
# Full-width signs as their plain ones; not NFKC, which makes "122" of "12²".
_PLAIN = {0xFF01 + n: 0x21 + n for n in range(94)} | {0x3000: " ", 0xFFE5: "¥"}
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_UNIT = re.compile(r"(?:\((?:元|¥|人民币|rmb|cny)\)|/元)$")  # in a column's name
_YUAN = re.compile(r"(?:¥|人民币|rmb|cny)?\s*([0-9.,]+)\s*(?:元|圆|rmb|cny)?", re.IGNORECASE)
_MAX_QUOTED = 40


def accepted_names() -> str:
    """Return every name that a column may have, for a person."""
    return "; ".join(", ".join((column, *names.split())) for column, names in _NAMES.items())


def column_of(name: str) -> str | None:
    """Return the column that a header's cell means, in English or Chinese; None if there is none such."""
    plain = "".join(_plain(name).lower().split()).strip("*:")  # a form's mark of what is required
    if _BY_NAME.get(_UNIT.sub("", plain)) == "price":
        return "price"
    return _BY_NAME.get(plain) or _BY_NAME.get(plain.replace("_", ""))


def read_cell(column: str, cell: str) -> tuple[str, Cell]:
    """Return the row's attribute and value; None takes the attribute away. Raises ValueError with what is wrong."""
    return _READERS[column](cell)


def _product_id(cell: str) -> tuple[str, Cell]:
    if hidden := first_hidden(cell):
        raise ValueError(f"{hidden.code_point} at character {hidden.position} does not belong in an id; remove it")
    if not is_id(cell):
        raise ValueError(f"expected 1 to {MAX_ID_CHARACTERS} visible characters, not {_quoted(cell)}")
    return "product_id", cell


def _title(cell: str) -> tuple[str, Cell]:
    if wrong := texts.text_error(cell, maximum=MAX_TITLE_CHARACTERS):
        raise ValueError(wrong)
    return "title", cell


def _price(cell: str) -> tuple[str, Cell]:
    found = _YUAN.fullmatch(_plain(cell))
    try:
        return "price_fen", _above_zero(fen(_ungrouped(found[1]) if found else ""))
    except MoneyError:
        raise ValueError(f"expected yuan with at most two decimals, such as 6.17, not {_quoted(cell)}") from None


def _price_fen(cell: str) -> tuple[str, Cell]:
    digits = _ungrouped(_plain(cell).removesuffix("分"))
    if not re.fullmatch(r"[0-9]{1,13}", digits) or int(digits) > MAX_FEN:
        raise ValueError(
            f"expected whole fen, such as 617, not {_quoted(cell)}; name the column price if these are yuan"
        )
    return "price_fen", _above_zero(int(digits))


def _above_zero(price_fen: int) -> int:
    if price_fen == 0:
        raise ValueError("expected more than 0")
    return price_fen


def _on_shelf(cell: str) -> tuple[str, Cell]:
    word = _plain(cell).lower()
    if word not in _YES | _NO:
        raise ValueError(f"expected true or false (yes or no, 是 or 否), not {_quoted(cell)}")
    return "on_shelf", word in _YES


def _price_points(cell: str) -> tuple[str, Cell]:
    digits = _ungrouped(_plain(cell).removesuffix("积分"))
    if digits and not (re.fullmatch(r"[0-9]{1,12}", digits) and int(digits)):
        raise ValueError(f"expected whole points above 0, or nothing where points do not buy it, not {_quoted(cell)}")
    return "price_points", int(digits) if digits else None


def _plain(cell: str) -> str:
    """Return the cell with plain digits, signs and letters for full-width ones."""
    return cell.translate(_PLAIN).strip()


def _ungrouped(number: str) -> str:
    """Return 1299.00 for 1,299.00; a comma that does not part thousands stays, and is refused."""
    return number.replace(",", "") if _GROUPED.fullmatch(number) else number.strip()


def _quoted(cell: str) -> str:
    return repr(cell if len(cell) <= _MAX_QUOTED else cell[:_MAX_QUOTED] + "…")


_READERS: dict[str, Callable[[str], tuple[str, Cell]]] = {
    "product_id": _product_id,
    "title": _title,
    "price": _price,
    "price_fen": _price_fen,
    "on_shelf": _on_shelf,
    "price_points": _price_points,
}
