"""Read a price list's file, and print its errors line by line."""

from collections.abc import Iterable
from pathlib import Path

from jiuwu_cli.products import csv_text, price_list
from jiuwu_cli.products.price_list import Entry
from jiuwu_cli.terminal.errors import CommandError, UsageError
from jiuwu_cli.terminal.output import print_note
from jiuwu_cli.terminal.texts import pluralize

_MAX_BYTES = 100 * 1024 * 1024
_SHOWN = 50  # wrong lines


def content(file: Path) -> bytes:
    """Return the bytes of a file; raises UsageError."""
    try:
        with file.open("rb") as opened:
            read = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror})", "check the name") from None
    if len(read) > _MAX_BYTES:
        raise UsageError(f"{file} is larger than 100 MB", "split it")
    return read


def entries(file: Path, content: bytes, *, standing: Iterable[str], trust_ids: bool) -> list[Entry]:
    """Return the products in a file's content, and say what is wrong in it; raises CommandError.

    `standing` are the ids that the table has.
    """
    try:
        text, encoding = csv_text.decode(content)
        found, wrong = price_list.read(text, standing=standing, trust_ids=trust_ids)
    except csv_text.PriceFileError as refused:
        raise CommandError(f"{file}: {refused.problem}", refused.hint) from None
    if encoding != "UTF-8":
        print_note(f"{file} was read as {encoding}")
    for one in wrong[:_SHOWN]:
        print_note(str(one))
    if wrong:
        more = f" (the first {_SHOWN} are named)" if len(wrong) > _SHOWN else ""
        trust = "; --trust-ids takes ids as they stand" if any(one.doubtful for one in wrong) else ""
        raise CommandError(
            f"{file} has {pluralize(len(wrong), 'mistake')}{more}, so nothing was written",
            f"mend {'it' if len(wrong) == 1 else 'them'} and push it again{trust}",
        )
    return found
