"""A merchant's price list as CSV, read: every line is right, or all that are wrong are named and none is taken."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jiuwu.platform.money import MOST_FEN, MoneyError, fen
from jiuwu.trade.listing import LONGEST_ID, is_id
from jiuwu_cli import texts

COLUMNS = ("product_id", "title", "price", "price_fen", "on_shelf", "price_points")
LONGEST_TITLE = 256
_YES = frozenset({"true", "yes", "y", "1", "是", "上架"})
_NO = frozenset({"false", "no", "n", "0", "否", "下架"})

# DynamoDB's notation by attribute; None takes the attribute away. What is not named stays as it is.
type Wanted = Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """A product as the file wants it."""

    product_id: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong in one place; `line` is the file's, from 1."""

    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.problem}"


class ListRefused(Exception):
    """The file as a whole is no price list; says why and what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem)
        self.problem, self.cure = problem, cure


def read(content: bytes) -> tuple[list[Entry], list[Wrong]]:
    """The products of a file, and what is wrong in it; raises ListRefused."""
    rows = _rows(_text(content))
    header = next(rows, None)
    if header is None:
        raise ListRefused("the file is empty", "its first line names the columns: product_id,title,price")
    columns = _columns(header[1])
    entries, wrong, first_seen = [], [], dict[str, int]()
    for line, cells in rows:
        values, mistakes = _values(line, columns, cells)
        product_id = values.get("product_id", {}).get("S", "")
        if product_id in first_seen:
            mistakes.append(Wrong(line, "product_id", f"stands in line {first_seen[product_id]} already"))
        if product_id:
            first_seen.setdefault(product_id, line)
        wrong += mistakes
        entries.append(Entry(product_id, {name: value for name, value in values.items() if name != "product_id"}))
    return entries, wrong


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        cure = 'in Excel save it as "CSV UTF-8 (Comma delimited)", in WPS choose UTF-8'
        raise ListRefused("the file is not UTF-8", cure) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each record that is not blank; commas, semicolons or tabs part them, as Excel has it locally."""
    lines = list(io.StringIO(text, newline=""))
    head = 1 if lines and lines[0].startswith("sep=") else 0
    first = lines[head] if len(lines) > head else ""
    delimiter = next((one for one in ",;\t" if one in first), ",")
    reader = csv.reader(lines[head:], delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + head + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise ListRefused(
                f"line {line} is not CSV", "a quote may be missing, or stand where none belongs"
            ) from None
        if any(cells):
            yield line, cells


def _columns(header: list[str]) -> list[str]:
    names = [name.lower() for name in header]
    while names and not names[-1]:
        names.pop()  # Excel's empty columns
    for name in names:
        if name not in COLUMNS:
            raise ListRefused(f"there is no column {name!r}", f"there are: {', '.join(COLUMNS)}")
        if names.count(name) > 1:
            raise ListRefused(f"the column {name} is there twice", "remove one")
    if missing := [name for name in ("product_id", "title") if name not in names]:
        raise ListRefused(f"the column {missing[0]} is missing", "the first line names the columns")
    if ("price" in names) == ("price_fen" in names):
        raise ListRefused(
            "the price must be in one column", "name it price for yuan (6.17), or price_fen for fen (617)"
        )
    return names


def _values(line: int, columns: list[str], cells: list[str]) -> tuple[dict[str, Any], list[Wrong]]:
    values: dict[str, Any] = {}
    wrong: list[Wrong] = []
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        return {}, [Wrong(line, "line", f"has {len(cells)} cells; the first line names {len(columns)} columns")]
    for name, cell in zip(columns, cells, strict=False):
        try:
            attribute, value = _READERS[name](cell)
            values[attribute] = value
        except ValueError as problem:
            wrong.append(Wrong(line, name, str(problem)))
    return values, wrong


def _product_id(cell: str) -> tuple[str, Any]:
    if not is_id(cell):
        raise ValueError(f"expected 1 to {LONGEST_ID} visible characters")
    return "product_id", {"S": cell}


def _title(cell: str) -> tuple[str, Any]:
    if wrong := texts.problem(cell, most=LONGEST_TITLE):
        raise ValueError(wrong)
    return "title", {"S": cell}


def _price(cell: str) -> tuple[str, Any]:
    try:
        return "price_fen", _above_zero(fen(cell))
    except MoneyError as error:
        raise ValueError(str(error)) from None


def _price_fen(cell: str) -> tuple[str, Any]:
    if not re.fullmatch(r"[0-9]{1,13}", cell) or int(cell) > MOST_FEN:
        raise ValueError("expected whole fen, such as 617; name the column price if these are yuan")
    return "price_fen", _above_zero(int(cell))


def _above_zero(price_fen: int) -> dict[str, str]:
    if price_fen == 0:
        raise ValueError("expected more than 0")
    return {"N": str(price_fen)}


def _on_shelf(cell: str) -> tuple[str, Any]:
    if cell.lower() not in _YES | _NO:
        raise ValueError("expected true or false (yes or no, 是 or 否)")
    return "on_shelf", {"BOOL": cell.lower() in _YES}


def _price_points(cell: str) -> tuple[str, Any]:
    if cell and not (re.fullmatch(r"[0-9]{1,12}", cell) and int(cell)):
        raise ValueError("expected whole points above 0, or nothing where points do not buy it")
    return "price_points", {"N": str(int(cell))} if cell else None


_READERS: dict[str, Callable[[str], tuple[str, Any]]] = {
    "product_id": _product_id,
    "title": _title,
    "price": _price,
    "price_fen": _price_fen,
    "on_shelf": _on_shelf,
    "price_points": _price_points,
}
