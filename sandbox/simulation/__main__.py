"""Run 20,000 orders through every fault: `python -m sandbox.simulation`. Exits 1 when a promise is broken.

N=n orders; SEED=n draws other faults; FAULTS= names their kinds (notifications, calls, tokens, crashes, replies,
throttling, queues, concurrency; none for none). By default a smaller run without the reconciler follows, which must
break promises: it shows that the checks can fail. RECONCILER=off makes that run alone, and then the exit code is its
own.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud.environments import SANDBOX
from sandbox.simulation import report
from sandbox.simulation.faults import KINDS
from sandbox.simulation.run import ChaosOutcome, Plan, play

_OFF = frozenset({"Reconciler"})
_CONTROL_SHARE, _CONTROL_LEAST = 10, 200


def main() -> int:
    """Return 0 when every promise was kept with the reconciler and broken without it; alone without it, when kept."""
    escape_unencodable()
    plan = Plan(_number("SEED", 1), _number("N", 20_000), _faults(os.environ.get("FAULTS", "")))
    console = Console()
    if os.environ.get("RECONCILER", "on") == "off":
        without = Plan(plan.seed, plan.orders, plan.faults, _OFF)
        return _conclude(console, {"without the reconciler": _timed(console, "without the reconciler", without)})
    fewer = max(plan.orders // _CONTROL_SHARE, min(plan.orders, _CONTROL_LEAST))
    runs = {
        "with the reconciler": _timed(console, "with the reconciler", plan),
        "without the reconciler": _timed(console, "without", Plan(plan.seed, fewer, plan.faults, _OFF)),
    }
    return _conclude(console, runs)


def _conclude(console: Console, runs: dict[str, tuple[ChaosOutcome, float]]) -> int:
    summaries = {name: report.summarize(*run) for name, run in runs.items()}
    for name, summary in summaries.items():
        report.show(console, f"jiuwu-connect, {summary['orders']} orders {name}", summary)
    data, drawing = SANDBOX / "chaos.json", SANDBOX / "chaos.svg"
    SANDBOX.mkdir(exist_ok=True)
    data.write_text(json.dumps(summaries, ensure_ascii=False, indent=1), "utf-8")
    title = "How the two sides of the trade come together"
    drawing.write_text(report.picture(title, {_label(name, run[0]): run[0] for name, run in runs.items()}), "utf-8")
    main_run, control = summaries.get("with the reconciler"), summaries["without the reconciler"]
    good = control["verdict"] == ("broken" if main_run else "kept") and (main_run or control)["verdict"] == "kept"
    console.print(_sentence(main_run is not None, good, summaries), style="bold green" if good else "bold red")
    console.print(f"{_shown(data)}  {_shown(drawing)}")
    return 0 if good else 1


def _sentence(whole: bool, good: bool, summaries: dict[str, dict[str, object]]) -> str:  # noqa: FBT001 -- two facts
    findings = {name: summary["findings"] for name, summary in summaries.items()}
    if not whole:
        return f"VERDICT: {findings['without the reconciler']} findings without the reconciler"
    if good:
        return f"VERDICT: every promise was kept; {findings['without the reconciler']} findings without the reconciler"
    if summaries["with the reconciler"]["verdict"] == "kept":
        return "VERDICT: kept, but the run without the reconciler broke nothing: this check cannot fail"
    return f"VERDICT: {findings['with the reconciler']} findings against our promises"


def _label(name: str, outcome: ChaosOutcome) -> str:
    return f"{name} ({outcome.plan.orders:,} orders)"


def _timed(console: Console, name: str, plan: Plan) -> tuple[ChaosOutcome, float]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[differing]}"),
        TimeElapsedColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=console) as progress:
        outcome = play(plan, _progress_bar(progress, name, plan.orders))
    return outcome, time.monotonic() - started


def _progress_bar(progress: Progress, name: str, orders: int) -> Callable[[int, int, int], None]:
    bar = progress.add_task(f"orders, {name}", total=orders, differing="")

    def on_progress(placed: int, differing: int, _orders: int) -> None:
        progress.update(bar, completed=placed, differing=f"{differing} not the same on both sides")

    return on_progress


def _faults(text: str) -> frozenset[str]:
    wanted = frozenset(part for part in text.replace(",", " ").split() if part != "none")
    if unknown := sorted(wanted - set(KINDS)):
        raise SystemExit(f"FAULTS: {', '.join(unknown)}: no such kind; there are {', '.join(KINDS)} and none")
    return wanted if text else frozenset(KINDS)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SystemExit(f"{name}: expected a whole number above zero")
    return int(text)


def _shown(file: Path) -> str:
    return str(file.relative_to(SANDBOX.parent))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # otherwise the order of sets differs between processes, and one seed would give several runs
        os.execve(sys.executable, [sys.executable, "-m", "sandbox.simulation"], os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())
