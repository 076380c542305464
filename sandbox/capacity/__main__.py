"""Prints the capacity model's tables and writes them into docs/capacity.md: `python -m sandbox.capacity`."""

import sys

from jiuwu_cli.terminal.encoding import show_every_character
from sandbox.capacity import inputs, order, report
from sandbox.cloud import template
from sandbox.cloud.environments import ROOT

DOCUMENT = ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- tables: make capacity -->\n", "<!-- end of tables -->\n"


def main() -> int:
    """Exit status 0."""
    show_every_character()
    tables = report.render(order.counted(), inputs.load(), template.load())
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(renewed(text, tables), "utf-8")
    print(tables)
    return 0


def renewed(text: str, tables: str) -> str:
    """The document with these tables between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
