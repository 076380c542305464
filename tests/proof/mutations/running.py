"""Breaks safeguards on copies of the tree, one at a time in each, and looks at how the tests named for it end."""

import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.proof.mutations.safeguard import Safeguard, TextMoved

_LEFT_OUT = (".git", ".venv", ".sandbox", ".aws-sam", ".hypothesis", "__pycache__", "*_cache", "*.egg-info")
_SECONDS = 120
# How a test that noticed ends. Anything else (an import that fails, a name that is missing, a timeout) shows that the
# break was clumsy, and not that the test looks after the safeguard.
_NOTICED = ("assert", "AssertionError", "Failed: DID NOT RAISE")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one break: `problem` is empty when every killing test noticed."""

    safeguard: Safeguard
    problem: str
    seconds: float


def copied(root: Path, to: Path) -> Path:
    """A copy of the tree that tests can run in."""
    shutil.copytree(root, to, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (to / ".sandbox").mkdir()
    for environment in ("cloud-venv", "sam-venv"):
        if (root / ".sandbox" / environment).exists():
            (to / ".sandbox" / environment).symlink_to((root / ".sandbox" / environment).resolve())
    return to


def unbroken(tree: Path, safeguards: Sequence[Safeguard]) -> str:
    """Why the killing tests cannot be asked: those that fail with every safeguard in its place; empty when all pass."""
    nodes = sorted({node for safeguard in safeguards for node in safeguard.noticed_by})
    ends = _run(tree, nodes, seconds=600)
    failing = [node for node in nodes if _ends_of(node, ends) != {""}]
    return "\n  ".join(["without any break these do not pass:", *failing]) if failing else ""


def break_(tree: Path, safeguard: Safeguard) -> Verdict:
    """Breaks the safeguard in this copy, runs its killing tests, and puts it back."""
    began, path = time.monotonic(), tree / safeguard.file
    whole = path.read_text("utf-8")
    try:
        path.write_text(safeguard.broken(tree), "utf-8")
        ends = _run(tree, safeguard.noticed_by, seconds=_SECONDS)
        problem = "; ".join(filter(None, (_unnoticed(safeguard, node, ends) for node in safeguard.noticed_by)))
    except TextMoved as moved:
        problem = str(moved)
    except subprocess.TimeoutExpired:
        problem = f"no end within {_SECONDS} s"
    finally:
        path.write_text(whole, "utf-8")
    return Verdict(safeguard, problem, time.monotonic() - began)


def _unnoticed(safeguard: Safeguard, node: str, ends: dict[str, set[str]]) -> str:
    found = _ends_of(node, ends)
    noticed = (*_NOTICED, safeguard.ends_in) if safeguard.ends_in else _NOTICED
    if any(end.startswith(noticed) for end in found):
        return ""
    other = sorted(end.splitlines()[0][:120] for end in found if end)
    return f"{node}: {'fails for another reason: ' + other[0] if other else 'passes all the same'}"


def _ends_of(node: str, ends: dict[str, set[str]]) -> set[str]:
    return ends.get(node, {"did not run"})


def _run(tree: Path, nodes: Iterable[str], *, seconds: int) -> dict[str, set[str]]:
    """How each test ended, by node id without parameters: "" or the first words of its failure."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    # no .pyc: two breaks of the same length within a second would pass for one another
    environment = os.environ | {"PYTHONPATH": f"{tree}:{tree / 'layers' / 'jiuwu'}", "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *nodes]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=seconds, check=False)
    if not report.exists():
        raise RuntimeError(f"pytest did not come as far as a report:\n{done.stdout.decode()[-2000:]}")
    return _ends(report)


def _ends(report: Path) -> dict[str, set[str]]:
    ends: dict[str, set[str]] = defaultdict(set)
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "").partition("[")[0]
        module = case.get("classname", "").replace(".", "/") + ".py"
        trouble = next((found for found in case if found.tag in ("failure", "error", "skipped")), None)
        ends[f"{module}::{name}"].add("" if trouble is None else trouble.get("message", "") or "no reason given")
    return ends
