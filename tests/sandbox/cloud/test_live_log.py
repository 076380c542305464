"""The live log: one line per log entry, readable without knowing the functions."""

import json
from typing import Any

from sandbox.cloud.logs import Tail, readable

NAMES = {"jiuwu-dev-OrderProcessor-1A": "OrderProcessor", "jiuwu-dev-BackOffice-1B": "BackOffice"}
START, END = "START RequestId: r Version: 1", "END RequestId: r"
REPORT = "REPORT RequestId: r\tDuration: 14 ms\tBilled Duration: 14 ms\tMemory Size: 512 MB"
NOW_MS = 1_763_800_000_000


def logged(message: str, **fields: object) -> str:
    common = {"level": "INFO", "location": "handle:9", "message": message, "timestamp": "…", "service": "s"}
    return json.dumps(common | {"function": "jiuwu-dev-OrderProcessor-1A"} | fields)


def counted(name: str, **labels: object) -> str:
    metric = {"Dimensions": [[*labels, "service"]], "Metrics": [{"Name": name}]}
    return json.dumps({"_aws": {"CloudWatchMetrics": [metric]}, **labels, "service": "s", name: [1.0]})


def events(*messages: str, stream: str = "a", at: int = NOW_MS) -> list[dict[str, Any]]:
    return [{"logStreamName": stream, "timestamp": at, "message": message} for message in messages]


def shown(*messages: str) -> list[str]:
    return list(readable(events(*messages), NAMES))


START_OF = "JW1                       16:26:40  OrderProcessor    "
NO_ORDER = "-                         16:26:40  OrderProcessor    "


def test_a_line_begins_with_its_order_then_the_time_in_shanghai_then_the_function() -> None:
    lines = shown(START, logged("order", order_no="JW1", transition="paid"), counted("Orders"), END, REPORT)

    assert lines == [f"{START_OF}order → paid  (14 ms)"]


def test_each_event_of_a_batch_is_a_line_of_its_own() -> None:
    lines = shown(START, logged("order", order_no="JW1"), logged("order", order_no="JW2"), END, REPORT)

    assert lines == [f"{START_OF}order", f"{START_OF}order  (14 ms)".replace("JW1", "JW2")]


def test_an_invocation_that_only_counted_is_no_line() -> None:
    assert [] == shown(START, counted("Drift", class_="missed"), END, REPORT)


def test_an_invocation_that_had_nothing_to_do_is_no_line() -> None:
    assert [] == shown(START, END, REPORT)


def test_what_only_a_search_needs_is_left_out() -> None:
    order = {"order_no": "JWYNLVXJWYZT2HCWUKFLT2FF", "delivery_id": "6e56f8cb9a06ac1a12f83b44", "request_id": "rq_1"}
    effect = f"{order['order_no']}:push:shipped"
    lines = shown(
        logged("order event", event_id="evt_1", event_type="order.paid", outcome="applied", transition="paid", **order),
        logged("platform call", call="orders.push_status", effect_id=effect, outcome="ok", milliseconds=19, **order),
        logged("effect", effect_id=effect, outcome="done", **order),
        logged("storefront", outcome="ordered", code=201, status="placed", **order),
    )

    assert [
        "order event order.paid applied → paid",
        "platform call orders.push_status push:shipped ok 19 ms",
        "effect push:shipped done",
        "storefront ordered → placed",
    ] == [line.removeprefix(START_OF.replace("JW1                     ", str(order["order_no"]))) for line in lines]
    assert all(len(line) <= 110 for line in lines)


def test_a_message_that_repeats_the_functions_name_is_left_out() -> None:
    line = logged("back office", function="jiuwu-dev-BackOffice-1B", outcome="refunded", order_no="JW1")

    assert [f"{START_OF.replace('OrderProcessor', 'BackOffice    ')}refunded"] == shown(line)


def test_a_notification_of_no_order_yet_shows_its_event() -> None:
    line = logged("notification", event_id="evt_1", event_type="order.paid", raw_type="order.paid", outcome="accepted")

    assert [f"{NO_ORDER}notification order.paid accepted event_id=evt_1"] == shown(line)


def test_a_line_about_several_orders_names_the_first_and_counts_the_others() -> None:
    line = logged("effects left to the reconciler", order_nos=["JW1", "JW2", "JW3"], level="ERROR")

    assert shown(line)[0].startswith("JW1 +2                    16:26:40  OrderProcessor    ERROR effects left")


def test_an_error_shows_its_level_and_the_last_line_of_its_trace() -> None:
    trace = "Traceback (most recent call last):\n  File …\nValueError: no"

    assert shown(logged("failed", level="ERROR", exception=trace)) == [f"{NO_ORDER}ERROR failed ValueError: no"]


def test_an_alert_is_a_word_and_not_a_list() -> None:
    assert [f"{START_OF}order event → held alerts=amount_differs"] == shown(
        logged("order event", order_no="JW1", transition="held", alerts=["amount_differs"])
    )


def test_output_that_is_no_json_is_shown_as_it_is() -> None:
    assert [line.split()[-1] for line in shown("Killed", '"text"')] == ["Killed", '"text"']


class Logs:
    def __init__(self, *answers: list[dict[str, Any]]) -> None:
        self.answers, self.requests = list(answers), list[int]()

    def filter_log_events(self, *, startTime: int, **_: object) -> dict[str, Any]:  # noqa: N803 -- boto3's name
        self.requests.append(startTime)
        return {"events": self.answers.pop(0)}


def test_a_line_is_shown_once_however_often_it_is_read() -> None:
    first, second = events(logged("one")), events(logged("two"), stream="b", at=NOW_MS + 500)
    logs = Logs(first, first + second)
    tail = Tail(logs, "group", NAMES, clock=lambda: NOW_MS / 1000)

    lines = [line.split()[-1] for _ in range(2) for line in tail.poll()]

    assert lines == ["one", "two"]


def test_the_next_poll_starts_a_little_before_the_newest_line() -> None:
    logs = Logs(events(logged("one"), at=NOW_MS + 60_000), [])
    tail = Tail(logs, "group", NAMES, clock=lambda: NOW_MS / 1000)

    tail.poll()
    tail.poll()

    assert logs.requests == [NOW_MS - 3000, NOW_MS + 57_000]
