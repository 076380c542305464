"""What is written to the terminal. Nothing that came from elsewhere can move the cursor, colour or forge a line."""

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from jiuwu.human_text import escaped

# A space at which a line may break: not within a moment such as 2026-11-24 16:00:00 +08:00.
_BREAK = re.compile(r" (?!(?<=\d{4}-\d\d-\d\d )\d\d:\d\d|(?<=\d\d:\d\d:\d\d )[+-]\d\d:\d\d)", re.ASCII)


def printable(text: str) -> str:
    """`text` with control characters, bidirectional marks and lone surrogates as escapes."""
    return escaped(text)


def say(text: str = "", *, style: str = "", hang: int | None = None) -> None:
    """Print one line on standard output, however wide; with `hang` wrapped between words, further lines indented so
    far.

    What is copied from it is never broken: a word that is wider than the terminal stays whole.
    """
    console, shown = Console(highlight=False), printable(text)
    for line in [shown] if hang is None else wrapped(shown, width=console.width, hang=hang):
        console.print(Text(line, style=style), soft_wrap=True)


def wrapped(text: str, *, width: int, hang: int) -> list[str]:
    """Return `text` as lines of so many columns, those after the first indented by `hang`; words and moments are not
    broken."""
    start = len(text) - len(text.lstrip(" "))
    lines = [text[:start]]
    for word in _BREAK.split(text[start:]):
        joint = " " if lines[-1].strip() else ""
        if joint and cell_len(lines[-1] + joint + word) > width:
            lines.append(" " * hang)
            joint = ""
        lines[-1] += joint + word
    return [line.rstrip() for line in lines]


def note(text: str) -> None:
    """One line on standard error, for people: results on standard output stay clean."""
    Console(stderr=True, highlight=False).print(Text(printable(text), style="dim"), soft_wrap=True)


def complain(text: str) -> None:
    """The line on standard error with which a command gives up."""
    Console(stderr=True, highlight=False).print(Text(f"jiuwu: {printable(text)}", style="red"), soft_wrap=True)
