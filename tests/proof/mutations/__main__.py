"""The mutation check: `python -m tests.proof.mutations [part of a name …]`. Exit code 1 when a break goes unnoticed."""

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from jiuwu_cli.terminal.encoding import escape_unencodable
from tests.proof.mutations.list import SAFEGUARDS
from tests.proof.mutations.running import Verdict, break_, copied, unbroken
from tests.proof.mutations.safeguard import Safeguard

ROOT = Path(__file__).parents[3]
_AT_ONCE = 2


def main(parts: Sequence[str]) -> int:
    escape_unencodable()
    chosen = [one for one in SAFEGUARDS if not parts or any(part in one.name for part in parts)]
    if not chosen:
        print(f"no safeguard has any of these in its name: {', '.join(parts)}")
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        trees = [copied(ROOT, Path(folder) / str(n)) for n in range(_AT_ONCE)]
        if problem := unbroken(trees[0], chosen):
            print(problem)
            return 1
        verdicts = _broken(trees, chosen)
    unnoticed = [verdict for verdict in verdicts if verdict.problem]
    seconds = time.monotonic() - began
    for verdict in unnoticed:  # once more, at the end: of a long log the end is what is kept and read
        print(_line(verdict))
    print(f"{len(verdicts)} safeguards broken one at a time, {len(unnoticed)} unnoticed, {seconds:.0f} s")
    return 1 if unnoticed else 0


def _broken(trees: Sequence[Path], chosen: Sequence[Safeguard]) -> list[Verdict]:
    free: SimpleQueue[Path] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def one(safeguard: Safeguard) -> Verdict:
        tree = free.get()
        try:
            return _told(break_(tree, safeguard))
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as threads:
        return list(threads.map(one, chosen))


def _told(verdict: Verdict) -> Verdict:
    print(_line(verdict), flush=True)
    return verdict


def _line(verdict: Verdict) -> str:
    end = "UNNOTICED" if verdict.problem else "noticed"
    ends = verdict.problem or " + ".join(node.partition("::")[2] for node in verdict.safeguard.noticed_by)
    return f"{end:9} {verdict.seconds:5.1f} s  {verdict.safeguard.name}: {ends}"


sys.exit(main(sys.argv[1:]))
