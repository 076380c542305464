"""What happened, to be read by people (one line each) and counted by programs."""

import itertools
import time
from collections import Counter, defaultdict, deque

KEPT_LINES = 20_000


class ActivityLog:
    """Lines are numbered from 1; a reader asks for what came after the number it has."""

    def __init__(self) -> None:
        self._lines: deque[dict[str, object]] = deque(maxlen=KEPT_LINES)
        self.newest = 0
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)

    def write(self, kind: str, text: str) -> None:
        self.newest += 1
        self._lines.append({"n": self.newest, "at": round(time.time(), 3), "kind": kind, "text": text})

    def after(self, number: int) -> list[dict[str, object]]:
        """The newest are at the end, so only what is new is walked."""
        newer = itertools.takewhile(lambda line: int(str(line["n"])) > number, reversed(self._lines))
        return list(newer)[::-1]

    def count(self, group: str, name: str) -> None:
        self.counts[group][name] += 1
