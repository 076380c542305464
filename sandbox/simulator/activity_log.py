"""The log of what happened: one line each for people, counters for programs."""

import itertools
import time
from collections import Counter, defaultdict, deque

KEPT_LINES = 20_000


class ActivityLog:
    """Lines numbered from 1; a reader passes the number it has and gets those after it."""

    def __init__(self) -> None:
        self._lines: deque[dict[str, object]] = deque(maxlen=KEPT_LINES)
        self.newest = 0
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)

    def write(self, kind: str, text: str) -> None:
        self.newest += 1
        self._lines.append({"n": self.newest, "at": round(time.time(), 3), "kind": kind, "text": text})

    def after(self, number: int) -> list[dict[str, object]]:
        """Return the lines after this number; only the new ones are read, from the end."""
        newer = itertools.takewhile(lambda line: int(str(line["n"])) > number, reversed(self._lines))
        return list(newer)[::-1]

    def count(self, group: str, name: str) -> None:
        self.counts[group][name] += 1
