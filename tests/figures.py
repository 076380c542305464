"""Numbers that stand in READMEs and docs, written there by `make figures` between markers that no reader sees.

A number in a document is `<!-- figure NAME -->42<!-- / -->`, and its source is a function in FIGURES. Where the
source takes minutes to compute, it writes a document of its own (docs/proof.md, docs/capacity.md), and the figure is
read from there; those documents have tests of their own that they are fresh.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.capacity import inputs
from jiuwu_cli.doctor import sam_cli
from sandbox.cloud import template
from tests.proof.mutations.chosen import CHOSEN

ROOT = Path(__file__).parents[1]
_MARKED = re.compile(r"<!-- figure (?P<name>[\w-]+) -->.*?<!-- / -->", re.DOTALL)
_MILLION_OVER_100_000 = 10


def crash_points() -> str:
    """Return the total of docs/proof.md, whose table `python -m tests.proof.crash_points --write` writes."""
    return f"{int(_cell('docs/proof.md', '**all**', 2).strip('*')):,}"


def order_dollars(column: int) -> str:
    """Return the USD of 100,000 orders, by a column of docs/capacity.md."""
    return f"{float(_cell('docs/capacity.md', '**total**', column).strip('*')) / _MILLION_OVER_100_000:.1f}"


def _lane_units(kind: str) -> str:
    """Return the units that 1,000 calls of the platform cost where instances share a busy lane."""
    return f"{1_000 * getattr(inputs.load().shop, f'lane_{kind}_units'):.0f}"


FIGURES: Mapping[str, Callable[[], str]] = {
    "alarms": lambda: str(len(template.resources("AWS::CloudWatch::Alarm"))),
    "crash-points": crash_points,
    "lane-read-units": lambda: _lane_units("read"),
    "lane-write-units": lambda: _lane_units("write"),
    "order-dollars": lambda: order_dollars(1),
    "order-dollars-busy": lambda: order_dollars(2),
    "safeguards": lambda: f"{len(CHOSEN):,}",
    "sam-cli": lambda: ".".join(map(str, sam_cli.OLDEST)),
}


def documents() -> list[Path]:
    """Return the files that may hold figures."""
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def names(text: str) -> list[str]:
    """Return the names of the figures in a text, in their order."""
    return [found["name"] for found in _MARKED.finditer(text)]


def fresh(text: str) -> str:
    """Return the text with every figure as it is now; raise KeyError for an unknown name."""
    return _MARKED.sub(lambda found: f"<!-- figure {found['name']} -->{FIGURES[found['name']]()}<!-- / -->", text)


def _cell(document: str, row: str, column: int) -> str:
    """Return a cell of the table row that begins with `row`."""
    text = (ROOT / document).read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith(f"| {row} |"))
    return line.split("|")[column + 1].strip()


def main() -> int:
    """Write all figures; return exit status 0."""
    for path in documents():
        text = path.read_text("utf-8")
        path.write_text(fresh(text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
