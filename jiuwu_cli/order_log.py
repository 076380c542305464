"""What the functions logged about one order, read from the log group that all of them share."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# CloudWatch searches a group stream by stream and pages through nothing; a person waits so long.
_PATIENCE_SECONDS = 60.0
# The log group's own retention: there is nothing older.
_KEPT_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Entry:
    """One log line: when (Unix seconds), and what it says."""

    at: float
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The lines about an order, and whether there was no time to read all."""

    entries: tuple[Entry, ...]
    cut_off: bool = False


def read(
    logs: Any,  # noqa: ANN401 -- the stub type is not needed by callers
    group: str,
    order_no: str,
    *,
    since: int,
    clock: Callable[[], float] = time.time,
) -> Found:
    """The lines that name the order from `since` on (Unix seconds), oldest first."""
    begun = clock()
    request = {
        "logGroupName": group,
        "startTime": max(since, int(begun) - _KEPT_SECONDS) * 1000,
        "filterPattern": f'"{order_no}"',
    }
    found: list[Entry] = []
    while True:
        page = logs.filter_log_events(**request)
        found += _entries(page["events"], order_no)
        token = page.get("nextToken")
        if not token or clock() - begun > _PATIENCE_SECONDS:
            entries = tuple(sorted(found, key=lambda entry: entry.at))
            return Found(entries, cut_off=bool(token))
        request["nextToken"] = token


def _entries(events: list[dict[str, Any]], order_no: str) -> Iterator[Entry]:
    for event in events:
        try:
            said = json.loads(event["message"])
        except ValueError:
            continue
        # a metric names no order; a list of orders (effects left to the reconciler) does
        if isinstance(said, dict) and order_no in (said.get("order_no"), *said.get("order_nos", ())):
            yield Entry(event["timestamp"] / 1000, said)
