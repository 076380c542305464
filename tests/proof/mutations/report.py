"""Runs mutations and says what became of them."""

import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud import ministack

from . import chosen, generic
from .processes import shared

_PROCESSES = 2
# Of the mutants that change anything, in percent. All of them came to 99.9 on 2026-12-01, so a sample that comes to
# less than this is no chance.
_MIN_KILLED_PERCENT = 97.0


def main(arguments: Sequence[str]) -> int:
    """Run the mutations of this kind; return the exit code."""
    escape_unencodable()
    kind, *parts = arguments or ["all"]
    if kind == "chosen":
        return _chosen(parts)
    return _generic(kind, parts)


def _chosen(parts: Sequence[str]) -> int:
    wanted = [one for one in chosen.CHOSEN if not parts or any(part in one.name for part in parts)]
    began, survived = time.monotonic(), list[str]()
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        running = ministack.start(Path(folder))
        # the tests' own fixture starts it: once for all of their processes
        ministack.start = lambda *_, **__: ministack.MiniStack(running.endpoint_url, _Kept(), Path(folder, "kept"))  # type: ignore[arg-type]
        try:
            if failing := chosen.failing(wanted):
                print("\n  ".join(["without any change these do not pass:", *failing]))
                return 1
            shared(wanted, chosen.problem, _PROCESSES, lambda one, problem: survived.extend(_told(one, problem)))
        finally:
            running.stop()
    for line in survived:  # once more, at the end: of a long log the end is what is kept and read
        print(line)
    seconds = time.monotonic() - began
    print(f"{len(wanted)} mutations chosen by hand, {len(survived)} survived, {seconds:.0f} s")
    return 1 if survived else 0


class _Kept:
    """In place of the process: each test process would end it."""

    def stop(self) -> None:
        """It goes on for the others."""


def _told(one: chosen.Chosen, problem: str | None) -> list[str]:
    line = f"{'SURVIVED' if problem != '' else 'killed':8}  {one.name}: {problem or ', '.join(one.killed_by)}"
    print(line, flush=True)
    return [line] if problem != "" else []


def _generic(kind: str, parts: Sequence[str]) -> int:
    began, equivalent, parsed = time.monotonic(), generic.equivalents(), generic.trees()
    mutants = [one for one in generic.every(parsed) if not parts or any(part in str(one.mutation) for part in parts)]
    deadline = float("inf")
    if kind == "sample":
        seed = int(os.environ.get("SEED") or time.time() // 86_400)
        mutants = [one for one in mutants if one.mutation not in equivalent]
        random.Random(seed).shuffle(mutants)
        deadline = began + float(os.environ.get("SECONDS") or 150)
        print(f"a sample with SEED={seed}", flush=True)
    alive, tried = generic.survivors(mutants, parsed, processes=_PROCESSES, deadline=deadline)
    found = sorted(str(one) for one in alive if one not in equivalent)
    known = sum(one in equivalent for one in alive)
    for one in found:
        print("SURVIVED ", one)
    killed = tried - len(alive)
    percent = 100 * killed / max(1, killed + len(found))
    print(f"{tried} mutants of {len(mutants)}: {killed} killed, {len(found)} survived, {known} equivalent: ", end="")
    print(f"{percent:.1f} % of those that change anything, {time.monotonic() - began:.0f} s")
    return 0 if percent >= _MIN_KILLED_PERCENT else 1
