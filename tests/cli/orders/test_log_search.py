"""The log search of `jiuwu order`: which lines belong to an order."""

import json
from typing import Any

from jiuwu.runtime import Runtime
from jiuwu_cli.orders import log_search
from tests.functions.trade_messages import number


def event(at: int, event_id: str, outcome: str, **more: Any) -> dict[str, Any]:
    said = {"message": "order event", "event_type": "order.paid", "event_id": event_id, "order_no": number(0)}
    return {"at": at, "level": "INFO", **said, "outcome": outcome, **more}


def accepted(at: int, event_id: str, delivery_id: str) -> dict[str, Any]:
    """The line of WebhookIntake, which knows no order."""
    said = {"message": "notification", "outcome": "accepted", "event_type": "order.paid", "event_id": event_id}
    return {"at": at, "level": "INFO", **said, "delivery_id": delivery_id}


class Pages:
    """A log in pages, of which the first are empty, as CloudWatch's are."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.searches, self.requested = [list(pages)], list[dict[str, Any]]()

    def then(self, *pages: list[dict[str, Any]]) -> None:
        """The pages of the next search."""
        self.searches.append(list(pages))

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.requested.append(dict(request))
        pages = self.searches[0]
        events = pages.pop(0)
        if not pages:
            self.searches.pop(0)
        return {"events": events} | ({"nextToken": str(len(pages))} if pages else {})


def line(at: int, **said: Any) -> dict[str, Any]:
    return {"timestamp": at * 1000, "message": json.dumps(said)}


def test_the_log_is_read_page_by_page_and_only_what_names_the_order_counts() -> None:
    about, several = {"order_no": "JW1", "message": "a"}, {"order_nos": ["JW1", "JW2"], "message": "b"}
    noise = [line(1, detail="JW1"), {"timestamp": 1, "message": "START JW1"}, line(1), line(2, order_no="JW12")]
    pages = Pages([], noise, [line(9, **about), line(8, **several)])

    found = log_search.read(pages, "group", "JW1", since=5, runtime=Runtime(clock=lambda: 100))

    assert ["b", "a"] == [one.said["message"] for one in found.entries]
    assert (False, {"5000"}) == (found.cut_off, {str(one["startTime"]) for one in pages.requested})


def test_the_notifications_of_known_and_of_found_events_are_read_too() -> None:
    fields = {"message": "notification", "outcome": "accepted"}
    pages = Pages([line(9, order_no="JW1", message="order event", event_id="e2")])
    pages.then([line(7, **fields, event_id="e1"), line(8, **fields, event_id="e2"), line(8, **fields, event_id="e3")])

    found = log_search.read(pages, "group", "JW1", since=5, event_ids=["e1", 'e"4'], runtime=Runtime(clock=lambda: 100))

    assert ["e1", "e2", "e2"] == [one.said["event_id"] for one in found.entries]
    assert ['"JW1"', '{ ($.event_id = "e1") || ($.event_id = "e2") }'] == [
        one["filterPattern"] for one in pages.requested
    ]


def test_a_log_without_end_is_cut_off_after_a_minute() -> None:
    ticks = iter(range(0, 10_000, 40))

    found = log_search.read(Pages(*([[]] * 99)), "group", "JW1", since=0, runtime=Runtime(clock=lambda: next(ticks)))

    assert found.cut_off
