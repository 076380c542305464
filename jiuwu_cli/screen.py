"""What is written to the terminal. Nothing that came from elsewhere can move the cursor, colour or forge a line."""

from rich.console import Console
from rich.text import Text

from jiuwu.human_text import escaped


def printable(text: str) -> str:
    """`text` with control characters, bidirectional marks and lone surrogates as escapes."""
    return escaped(text)


def say(text: str = "", *, style: str = "") -> None:
    """One line on standard output, however wide: what is copied from it must not be broken."""
    Console(highlight=False).print(Text(printable(text), style=style), soft_wrap=True)


def note(text: str) -> None:
    """One line on standard error, for people: results on standard output stay clean."""
    Console(stderr=True, highlight=False).print(Text(printable(text), style="dim"), soft_wrap=True)


def complain(text: str) -> None:
    """The line on standard error with which a command gives up."""
    Console(stderr=True, highlight=False).print(Text(f"jiuwu: {printable(text)}", style="red"), soft_wrap=True)
