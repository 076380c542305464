"""Show the functions' logs live: one line per log entry, the order's number first."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from jiuwu_cli.terminal import times

type Event = Mapping[str, Any]

# On every line of Powertools' Logger, or shown in a column of its own.
_COMMON = {"level", "location", "message", "timestamp", "service", "function", "xray_trace_id", "exception_name"}
_COMMON |= {"order_no", "order_nos", "effect_id", "milliseconds"}
# Only useful for a search; `jiuwu order NO` shows them.
_LONG = {"exception", "stack_trace", "delivery_id", "duplicate_of_delivery_id", "request_id", "raw_type", "code"}
# Shown without their names, in this sequence; a new status follows an arrow.
_PLAIN = ("route", "call", "event_type", "effect", "outcome", "transition", "reason", "status")
_NEW_STATUS = {"transition", "status"}
_ORDER_COLUMNS, _FUNCTION_COLUMNS = 24, 16
# Lines appear when their invocation ends, a little after their time; looking back this far misses none.
_OVERLAP_MS = 3000


class Tail:
    """Read a log group from now on; each poll returns the lines that are new."""

    def __init__(
        self,
        logs: Any,  # noqa: ANN401 -- the stub type is not needed by callers
        group: str,
        names: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`names`: the functions' names in the template by their deployed names."""
        self._logs, self._group, self._names = logs, group, names
        self._since = int(clock() * 1000)
        self._seen: set[str] = set()

    def poll(self) -> list[str]:
        """Return the lines of the invocations that ended since the last poll, in their order."""
        start = self._since - _OVERLAP_MS
        events = self._logs.filter_log_events(logGroupName=self._group, startTime=start)["events"]
        # each invocation writes a stream of its own, all at once
        streams: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event["logStreamName"] not in self._seen:
                streams[event["logStreamName"]].append(event)
            self._since = max(self._since, event["timestamp"])
        self._seen = {event["logStreamName"] for event in events}
        return list(chain.from_iterable(readable(stream, self._names) for stream in streams.values()))


def readable(events: Sequence[Event], names: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines to show for one invocation: its log lines; none when it only counted something."""
    entries, duration = [], ""
    for message in (str(event["message"]) for event in events):
        if message.startswith("REPORT "):
            duration = message.partition("Duration: ")[2].partition("\t")[0]
        elif not message.startswith(("START ", "END ")):
            entries.append(_parsed(message))
    logged = [entry for entry in entries if "_aws" not in entry]
    if not logged:
        return  # nothing happened to an order or a member, as in half of all invocations
    function = next((str(entry["function"]) for entry in logged if "function" in entry), "")
    name = names.get(function, function)
    start = f"{times.format_clock(events[0]['timestamp'] / 1000)}  {name:<{_FUNCTION_COLUMNS}}"
    *lines, last = [f"{_order(entry):<{_ORDER_COLUMNS}}  {start}  {_line(entry, name)}" for entry in logged]
    yield from lines
    yield last + (f"  ({duration})" if duration else "")


def _parsed(message: str) -> dict[str, Any]:
    try:
        parsed = json.loads(message)
    except ValueError:
        return {"message": message}
    return parsed if isinstance(parsed, dict) else {"message": message}


def _order(entry: Mapping[str, Any]) -> str:
    """Return the number of the order that a line is about, and how many more there are."""
    first, *more = entry.get("order_nos") or [entry.get("order_no") or "-"]
    return f"{first} +{len(more)}" if more else str(first)


def _line(entry: Mapping[str, Any], function: str) -> str:
    plain = [_plain(key, value) for key in _PLAIN if (value := _value(entry, key))]
    hidden = {*_COMMON, *_LONG, *_PLAIN} | ({"event_id"} if entry.get("order_no") else set())
    named = [f"{key}={_text(value)}" for key, value in entry.items() if key not in hidden and value not in (None, "")]
    took = [f"{entry['milliseconds']} ms"] if "milliseconds" in entry else []
    mark = [] if entry.get("level", "INFO") in {"INFO", "DEBUG"} else [entry["level"]]
    fault = str(entry.get("exception", "")).strip().splitlines()[-1:]
    return " ".join([*mark, *_message(entry, function), *plain, *took, *named, *fault])


def _message(entry: Mapping[str, Any], function: str) -> list[str]:
    """Return the message; none if it only repeats the function's name, which has a column of its own."""
    message = str(entry.get("message", ""))
    return [] if message.replace(" ", "").lower() == function.lower() else [message]


def _plain(key: str, value: object) -> str:
    return f"→ {_text(value)}" if key in _NEW_STATUS else _text(value)


def _value(entry: Mapping[str, Any], key: str) -> object:
    # of an effect's id the order's number stands in front
    return str(entry.get("effect_id", "")).partition(":")[2] if key == "effect" else entry.get(key)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
