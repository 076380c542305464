"""The live log: one line per thing that happened, readable without knowing the functions."""

import json
from typing import Any

from sandbox.cloud.logs import Tail, readable

NAMES = {"jiuwu-dev-OrderProcessor-1A": "OrderProcessor"}
START, END = "START RequestId: r Version: 1", "END RequestId: r"
REPORT = "REPORT RequestId: r\tDuration: 14 ms\tBilled Duration: 14 ms\tMemory Size: 512 MB"
NOW_MS = 1_763_800_000_000


def said(message: str, **fields: object) -> str:
    furniture = {"level": "INFO", "location": "handle:9", "message": message, "timestamp": "…", "service": "s"}
    return json.dumps(furniture | {"function": "jiuwu-dev-OrderProcessor-1A"} | fields)


def counted(name: str, **labels: object) -> str:
    metric = {"Dimensions": [[*labels, "service"]], "Metrics": [{"Name": name}]}
    return json.dumps({"_aws": {"CloudWatchMetrics": [metric]}, **labels, "service": "s", name: [1.0]})


def events(*messages: str, stream: str = "a", at: int = NOW_MS) -> list[dict[str, Any]]:
    return [{"logStreamName": stream, "timestamp": at, "message": message} for message in messages]


def shown(*messages: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in readable(events(*messages), NAMES)]


def test_a_transition_is_a_line_with_its_function_fields_and_duration() -> None:
    lines = shown(START, said("order", order_no="JW1", transition="placed→paid"), counted("Orders"), END, REPORT)

    assert lines == ["OrderProcessor   order order_no=JW1 transition=placed→paid  (14 ms)"]


def test_each_event_of_a_batch_is_a_line_of_its_own() -> None:
    lines = shown(START, said("order", order_no="JW1"), said("order", order_no="JW2"), END, REPORT)

    assert lines == ["OrderProcessor   order order_no=JW1", "OrderProcessor   order order_no=JW2  (14 ms)"]


def test_an_invocation_that_logs_nothing_shows_what_it_counted() -> None:
    assert shown(START, counted("Drift", class_="missed"), END, REPORT) == ["(a function)     Drift[missed]  (14 ms)"]


def test_an_invocation_that_had_nothing_to_do_is_no_line() -> None:
    assert [] == shown(START, END, REPORT)


def test_an_error_shows_its_level_and_the_last_line_of_its_trace() -> None:
    trace = "Traceback (most recent call last):\n  File …\nValueError: no"

    assert shown(said("failed", level="ERROR", exception=trace)) == ["OrderProcessor   ERROR failed ValueError: no"]


def test_output_that_is_no_json_is_shown_as_it_is() -> None:
    assert shown("Killed", '"text"') == ["(a function)     Killed", '(a function)     "text"']


class Logs:
    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers, self.asked = list(answers), list[int]()

    def filter_log_events(self, *, startTime: int, **_: object) -> dict[str, Any]:  # noqa: N803 -- boto3's name
        self.asked.append(startTime)
        return {"events": self.answers.pop(0)}


def test_a_line_is_shown_once_however_often_it_is_read() -> None:
    first, second = events(said("one")), events(said("two"), stream="b", at=NOW_MS + 500)
    logs = Logs(first, first + second)
    tail = Tail(logs, "group", NAMES, clock=lambda: NOW_MS / 1000)

    lines = [line.split(maxsplit=2)[2] for _ in range(2) for line in tail.poll()]

    assert lines == ["one", "two"]


def test_the_next_poll_starts_a_little_before_the_newest_line() -> None:
    logs = Logs(events(said("one"), at=NOW_MS + 60_000), [])
    tail = Tail(logs, "group", NAMES, clock=lambda: NOW_MS / 1000)

    tail.poll()
    tail.poll()

    assert logs.asked == [NOW_MS - 3000, NOW_MS + 57_000]
