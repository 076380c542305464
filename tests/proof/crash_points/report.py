"""The number of crash points of each scenario: the table of docs/proof.md."""

from pathlib import Path

from tests.proof.crash_points.enumeration import calls_by_function, run_scenario
from tests.proof.crash_points.scenarios import SCENARIOS

PAGE = Path(__file__).parents[3] / "docs" / "proof.md"
BEGIN, END = "<!-- crash points: python -m tests.proof.crash_points --write -->", "<!-- end of crash points -->"


def table() -> str:
    """Return a row for each scenario: the calls of each function, and twice as many crash points."""
    lines = ["| scenario | calls of each function | crash points |", "| --- | --- | ---: |"]
    total = 0
    for scenario in SCENARIOS:
        calls = run_scenario(scenario).calls
        total += 2 * len(calls)
        functions = ", ".join(f"{name} {count}" for name, count in calls_by_function(calls).items())
        lines.append(f"| {scenario.name} | {functions} | {2 * len(calls)} |")
    return "\n".join([*lines, f"| **all** | | **{total}** |"])


def write(page: Path = PAGE) -> None:
    """Write the current table into the page."""
    text = page.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    page.write_text(f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}", "utf-8")
