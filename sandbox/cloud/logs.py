"""The functions' logs as a live, readable log: one line per thing that happened."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

type Event = Mapping[str, Any]

# On every line of Powertools' Logger, or shown in a place of its own.
_FURNITURE = {"level", "location", "message", "timestamp", "service", "function", "xray_trace_id", "exception_name"}
_LONG = {"exception", "stack_trace"}
# Lines appear when their invocation ends, a little after their time; looking back this far misses none.
_OVERLAP_MS = 3000


class Tail:
    """Reads a log group from now on; each poll returns the lines that are new."""

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
        """The lines of the invocations that ended since the last poll, in their order."""
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
    """The lines to show for one invocation: its log lines, else what it counted; none when neither."""
    entries, duration = [], ""
    for message in (str(event["message"]) for event in events):
        if message.startswith("REPORT "):
            duration = message.partition("Duration: ")[2].partition("\t")[0]
        elif not message.startswith(("START ", "END ")):
            entries.append(_parsed(message))
    if not entries:
        return  # it had nothing to do, and nothing here names the function: a third of all lines would say only "done"
    logged = [entry for entry in entries if "_aws" not in entry]
    function = next((str(entry["function"]) for entry in logged if "function" in entry), "")
    start = f"{_time(events)} {names.get(function, function or '(a function)'):<16}"
    *lines, last = [_line(entry) for entry in logged] or [" ".join(map(_metric, entries))]
    yield from (f"{start} {line}" for line in lines)
    yield f"{start} {last}" + (f"  ({duration})" if duration else "")


def _parsed(message: str) -> dict[str, Any]:
    try:
        parsed = json.loads(message)
    except ValueError:
        return {"message": message}
    return parsed if isinstance(parsed, dict) else {"message": message}


def _line(entry: Mapping[str, Any]) -> str:
    shown = [f"{key}={value}" for key, value in entry.items() if key not in _FURNITURE | _LONG and value is not None]
    mark = "" if entry.get("level", "INFO") in {"INFO", "DEBUG"} else f"{entry['level']} "
    fault = str(entry.get("exception", "")).strip().splitlines()[-1:]
    return " ".join([f"{mark}{entry.get('message', '')}", *shown, *fault])


def _metric(entry: Mapping[str, Any]) -> str:
    definition = entry["_aws"]["CloudWatchMetrics"][0]
    labels = ",".join(str(entry[name]) for name in definition["Dimensions"][0] if name != "service")
    names = "+".join(metric["Name"] for metric in definition["Metrics"])
    return f"{names}[{labels}]" if labels else names


def _time(events: Sequence[Event]) -> str:
    return time.strftime("%H:%M:%S", time.localtime(events[0]["timestamp"] / 1000))
