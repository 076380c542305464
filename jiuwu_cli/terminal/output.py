"""Print to the terminal. Foreign text cannot move the cursor, change colours or forge a line."""

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from jiuwu.human_text import escaped

# A space at which a line may break: not within a time such as 2026-11-24 16:00:00 +08:00.
_BREAK = re.compile(r" (?!(?<=\d{4}-\d\d-\d\d )\d\d:\d\d|(?<=\d\d:\d\d:\d\d )[+-]\d\d:\d\d)", re.ASCII)


def escape(text: str) -> str:
    """Return `text` with control characters, bidirectional marks and lone surrogates escaped."""
    return escaped(text)


def print_line(text: str = "", *, style: str = "", hang: int | None = None) -> None:
    """Print one line to standard output; with `hang`, wrap it between words and indent the continuation lines.

    A word is never split, even if it is wider than the terminal, so that it can be copied.
    """
    console, shown = Console(highlight=False), escape(text)
    for line in [shown] if hang is None else wrap(shown, width=console.width, hang=hang):
        console.print(Text(line, style=style), soft_wrap=True)


def wrap(text: str, *, width: int, hang: int) -> list[str]:
    """Return `text` as lines of `width` columns, indented by `hang` after the first; words and times are not split."""
    start = len(text) - len(text.lstrip(" "))
    lines = [text[:start]]
    for word in _BREAK.split(text[start:]):
        joint = " " if lines[-1].strip() else ""
        if joint and cell_len(lines[-1] + joint + word) > width:
            lines.append(" " * hang)
            joint = ""
        lines[-1] += joint + word
    return [line.rstrip() for line in lines]


def print_note(text: str) -> None:
    """Print one line for people to standard error; standard output is for results."""
    Console(stderr=True, highlight=False).print(Text(escape(text), style="dim"), soft_wrap=True)


def print_error(text: str) -> None:
    """Print the error that ends a command to standard error."""
    Console(stderr=True, highlight=False).print(Text(f"jiuwu: {escape(text)}", style="red"), soft_wrap=True)
