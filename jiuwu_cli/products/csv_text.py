"""Decode and parse CSV files as spreadsheets and other programs write them."""

import csv
import io
from collections.abc import Iterator

_EXCEL_HINT = 'in Excel save it as "CSV UTF-8 (Comma delimited)", in WPS as CSV'
_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "gb18030": "GB18030"}


class PriceFileError(Exception):
    """The file as a whole cannot be used; says why and what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


def decode(content: bytes) -> tuple[str, str]:
    """Return the text, and the name of the encoding it was read in: UTF-8, UTF-16, or GB18030, which Chinese Excel
    writes without a mark. Raises FileRefused."""
    if content.startswith(_WORKBOOKS):
        raise PriceFileError("the file is a workbook and no CSV", _EXCEL_HINT)
    encoding = _encoding(content)
    try:
        return content.decode(encoding).lstrip("\ufeff"), _NAMES.get(encoding, "UTF-16")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PriceFileError(f"line {line} is neither UTF-8 nor GB18030", _EXCEL_HINT) from None


def _encoding(content: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return encoding
    line_end = content.find(b"\n")
    if line_end > 0 and b"\0" in content[line_end - 1 : line_end + 2]:  # UTF-16 without its mark
        return "utf-16-be" if line_end % 2 else "utf-16-le"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "utf-8" if _is_damaged_utf8(content) else "gb18030"
    return "utf-8"


def _is_damaged_utf8(content: bytes) -> bool:
    text = content.decode("utf-8", "replace")
    # Of a GB18030 file hardly a character reads as one of UTF-8; of a damaged UTF-8 file nearly all do.
    broken, chinese = text.count("\ufffd"), sum(char > "\u0800" and char != "\ufffd" for char in text)
    return broken <= chinese


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of each record that is not blank; commas, semicolons or tabs part the cells, as Excel has it
    locally. Raises FileRefused."""
    lines = list(io.StringIO(text, newline=""))
    head = 1 if lines and lines[0].lower().startswith("sep=") else 0
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
            raise PriceFileError(
                f"line {line} is not CSV", "a quote may be missing, or stand where none belongs"
            ) from None
        if any(cells):
            yield line, cells
