"""Parse a merchant's price list: all lines are valid, or every error is reported and nothing is used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jiuwu_cli.products.columns import Cell, accepted_names, column_of, read_cell
from jiuwu_cli.products.csv_text import PriceFileError, records
from jiuwu_cli.products.spreadsheet_ids import KnownIds
from jiuwu_cli.terminal.texts import pluralize

# Values by attribute; None takes the attribute away. What is not named stays as it is.
type DesiredValues = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Entry:
    """A product as the file wants it."""

    product_id: str
    wanted: DesiredValues


@dataclass(frozen=True, slots=True)
class LineError:
    """An error in one place; `line` is the file's, from 1; `field` is "" for the line itself; `doubtful` if only a
    person can know."""

    line: int
    field: str
    problem: str
    doubtful: bool = False

    def __str__(self) -> str:
        field = f", {self.field}" if self.field else ""
        return f"line {self.line}{field}: {self.problem}"


def read(text: str, *, standing: Iterable[str] = (), trust_ids: bool = False) -> tuple[list[Entry], list[LineError]]:
    """Return the products of a file, and what is wrong in it; raises FileRefused.

    An id that looks rewritten by a spreadsheet is wrong, unless it is among `standing`, the table's, or `trust_ids`.
    """
    rows = records(text)
    header = next(rows, None)
    if header is None:
        raise PriceFileError("the file is empty", "its first line names the columns: product_id,title,price")
    columns, ids = _columns(header[1]), KnownIds(standing)
    entries, wrong, first_seen = [], [], dict[str, int]()
    for line, cells in rows:
        values, mistakes = _values(line, columns, cells)
        product_id = str(values.get("product_id", ""))
        if product_id and not trust_ids and (doubt := ids.describe_doubt(product_id)):
            mistakes.append(LineError(line, "product_id", doubt, doubtful=True))
        if product_id in first_seen:
            mistakes.append(LineError(line, "product_id", f"stands in line {first_seen[product_id]} already"))
        if product_id:
            first_seen.setdefault(product_id, line)
        wrong += mistakes
        entries.append(Entry(product_id, {name: value for name, value in values.items() if name != "product_id"}))
    return entries, wrong


def _columns(header: list[str]) -> list[str]:
    while header and not header[-1]:
        header = header[:-1]  # Excel's empty columns
    names: dict[str, str] = {}
    for name in header:
        if not (column := column_of(name)):
            raise PriceFileError(f"there is no column {name!r}", f"there are: {accepted_names()}")
        if column in names:
            raise PriceFileError(f"the column {column} is there twice ({names[column]}, {name})", "remove one")
        names[column] = name
    if missing := [name for name in ("product_id", "title") if name not in names]:
        raise PriceFileError(f"the column {missing[0]} is missing", "the first line names the columns")
    if ("price" in names) == ("price_fen" in names):
        raise PriceFileError(
            "the price must be in one column", "name it price for yuan (6.17), or price_fen for fen (617)"
        )
    return list(names)


def _values(line: int, columns: list[str], cells: list[str]) -> tuple[dict[str, Any], list[LineError]]:
    values: dict[str, Any] = {}
    wrong: list[LineError] = []
    if len(cells) < len(columns) or any(cells[len(columns) :]):
        return {}, [
            LineError(
                line,
                "",
                f"has {pluralize(len(cells), 'cell')}; the first line names {pluralize(len(columns), 'column')}",
            )
        ]
    for name, cell in zip(columns, cells, strict=False):
        try:
            attribute, value = read_cell(name, cell)
            values[attribute] = value
        except ValueError as problem:
            wrong.append(LineError(line, name, str(problem)))
    return values, wrong
