"""Print the capacity tables and write them into docs/capacity.md: `python -m bench.capacity`."""

import sys

from bench.capacity import inputs, report
from bench.capacity.bulk_passes import count_passes
from bench.capacity.order_usage import count_order
from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud import template
from sandbox.cloud.environments import ROOT

DOCUMENT = ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- tables: make capacity -->\n", "<!-- end of tables -->\n"


def main() -> int:
    """Return exit status 0."""
    escape_unencodable()
    tables = report.render(count_order(), count_passes(), inputs.load(), template.load())
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(with_tables(text, tables), "utf-8")
    print(tables)
    return 0


def with_tables(text: str, tables: str) -> str:
    """Return the document with these tables between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
