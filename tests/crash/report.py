"""How many places to die each scenario has: the table of docs/proof.md."""

from pathlib import Path

from tests.crash.enumeration import by_function, live
from tests.crash.scenarios import SCENARIOS

PAGE = Path(__file__).parents[2] / "docs" / "proof.md"
BEGIN, END = "<!-- crash points: python -m tests.crash --write -->", "<!-- end of crash points -->"


def table() -> str:
    """A line for each scenario: the calls of each function, and twice as many places to die."""
    lines = ["| scenario | calls of each function | places to die |", "| --- | --- | ---: |"]
    total = 0
    for scenario in SCENARIOS:
        calls = live(scenario).calls
        total += 2 * len(calls)
        functions = ", ".join(f"{name} {count}" for name, count in by_function(calls).items())
        lines.append(f"| {scenario.name} | {functions} | {2 * len(calls)} |")
    return "\n".join([*lines, f"| **all** | | **{total}** |"])


def write(page: Path = PAGE) -> None:
    """Puts the table of today into the page."""
    text = page.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    page.write_text(f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}", "utf-8")
