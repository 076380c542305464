"""Search the functions' shared log group for the lines about one order."""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Any

from jiuwu.runtime import SYSTEM, Runtime

# CloudWatch searches a group stream by stream and pages through nothing; a person waits so long.
_TIMEOUT_SECONDS = 60.0
# The log group's own retention: there is nothing older.
_KEPT_SECONDS = 30 * 86_400
# A pattern of CloudWatch has at most 1,024 characters.
_IDS_AT_ONCE = 10


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


def read(  # noqa: PLR0913 -- where the log is, and what of it
    logs: Any,  # noqa: ANN401 -- the stub type is not needed by callers
    group: str,
    order_no: str,
    *,
    since: int,
    event_ids: Iterable[str] = (),
    runtime: Runtime = SYSTEM,
) -> Found:
    """Return the lines that name the order from `since` on (Unix seconds), and the notifications of its events, oldest
    first.

    Where a notification is accepted its order is not known yet: those lines are found by `event_ids`, and by the ids in
    the other lines.
    """
    search = _Search(logs, group, max(since, int(runtime.clock()) - _KEPT_SECONDS), runtime)
    # a metric names no order; a list of orders (effects left to the reconciler) does
    found = search.lines(f'"{order_no}"', lambda said: order_no in (said.get("order_no"), *said.get("order_nos", ())))
    ids = {*event_ids, *(entry.said["event_id"] for entry in found if entry.said.get("event_id"))}
    for some in batched(sorted(filter(_is_plain, ids)), _IDS_AT_ONCE, strict=False):
        pattern = " || ".join(f'($.event_id = "{event_id}")' for event_id in some)
        found += search.lines(f"{{ {pattern} }}", partial(_is_notification_of, some))
    return Found(tuple(sorted(found, key=lambda entry: entry.at)), cut_off=search.cut_off)


class _Search:
    """Searches of one log group that share a minute."""

    def __init__(self, logs: Any, group: str, since: int, runtime: Runtime) -> None:  # noqa: ANN401 -- as above
        self._logs, self._clock, self._begun = logs, runtime.clock, runtime.clock()
        self._request = {"logGroupName": group, "startTime": since * 1000}
        self.cut_off = False

    def lines(self, pattern: str, wanted: Callable[[Mapping[str, Any]], bool]) -> list[Entry]:
        """Return the wanted lines among those that fit the pattern."""
        request, found = self._request | {"filterPattern": pattern}, list[Entry]()
        while not self.cut_off:
            page = self._logs.filter_log_events(**request)
            found += (entry for entry in _entries(page["events"]) if wanted(entry.said))
            token = page.get("nextToken")
            if not token:
                break
            self.cut_off = self._clock() - self._begun > _TIMEOUT_SECONDS
            request["nextToken"] = token
        return found


def _is_plain(event_id: str) -> bool:
    """Return whether the id may stand in a pattern as it is; those of platforms may."""
    return event_id.isascii() and event_id.isprintable() and not {'"', "\\", "*"} & set(event_id)


def _is_notification_of(event_ids: Container[str], said: Mapping[str, Any]) -> bool:
    return said.get("message") == "notification" and said.get("event_id") in event_ids


def _entries(events: list[dict[str, Any]]) -> Iterator[Entry]:
    for event in events:
        try:
            said = json.loads(event["message"])
        except ValueError:
            continue
        if isinstance(said, dict):
            yield Entry(event["timestamp"] / 1000, said)
