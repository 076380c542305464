"""The timeline of `jiuwu order`: what happened, in order of time and in words."""

from dataclasses import replace
from typing import Any

import pytest

from jiuwu.orders.effect_key import RefundPart
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, HistoryEntry
from jiuwu_cli.orders.log_search import Entry
from jiuwu_cli.orders.timeline import DriftFinding, TimelineEntry, build_timeline, fold
from tests.functions.trade_messages import an_order, number
from tests.orders.lives import NOW, PAID, after, refunded


def event(at: int, event_id: str, outcome: str, **more: Any) -> dict[str, Any]:
    said = {"message": "order event", "event_type": "order.paid", "event_id": event_id, "order_no": number(0)}
    return {"at": at, "level": "INFO", **said, "outcome": outcome, **more}


def accepted(at: int, event_id: str, delivery_id: str) -> dict[str, Any]:
    """The line of WebhookIntake, which knows no order."""
    said = {"message": "notification", "outcome": "accepted", "event_type": "order.paid", "event_id": event_id}
    return {"at": at, "level": "INFO", **said, "delivery_id": delivery_id}


# ---- what is shown of the timeline -----------------------------------------------------------------------------------


def looks(*times: int, status: str = "placed") -> list[Entry]:
    return [Entry(at, {"message": "storefront", "outcome": "shown", "status": status}) for at in times]


def test_looks_in_a_row_are_counted_and_not_listed() -> None:
    drift = [DriftFinding(NOW + at, "amount_differs", "1 fen of 2") for at in (5, 7, 9)]
    alert = Entry(NOW + 50, {"message": "order", "alert": "x"})

    timeline = build_timeline(None, [*looks(*range(NOW, NOW + 12)), alert, *looks(NOW + 90, status="held")], (), drift)

    assert [
        ("look", "by the member: placed, 12 times, last 16:26:51"),
        ("drift", "amount_differs: 1 fen of 2, 3 times, last 16:26:49"),
        ("log", "order alert=x"),
        ("look", "by the member: held"),
    ] == [(one.kind, one.what) for one in fold(timeline)]
    assert len(timeline) == 17


def test_a_look_of_the_merchants_servers_is_one_too() -> None:
    said = {"message": "back office", "outcome": "shown", "code": 200, "order_no": "JW1"}

    timeline = build_timeline(None, [Entry(NOW, said), Entry(NOW + 1, said), *looks(NOW + 2)], (), ())

    assert ["by the merchant, 2 times, last 16:26:41", "by the member: placed"] == [one.what for one in fold(timeline)]


def test_what_happened_between_looks_parts_them() -> None:
    timeline = [
        TimelineEntry(1, "look", "a"),
        TimelineEntry(2, "look", "a"),
        TimelineEntry(3, "order", "paid"),
        TimelineEntry(4, "look", "a"),
    ]

    assert ["a, 2 times, last 08:00:02", "paid", "a"] == [one.what for one in fold(timeline)]


def outage(at: int, number: int) -> list[Entry]:
    call = {"message": "platform call", "call": "orders.create", "outcome": "PlatformBusy", "milliseconds": number}
    problem = f"orders.create: PlatformBusy (HTTP 503, request id r-{number}); try again later"
    later = {"message": "left to the reconciler", "problem": problem}
    return [Entry(at, call | {"request_id": f"r-{number}"}), Entry(at + 0.1, later), *looks(at + 1, status="created")]


def test_the_tries_of_an_outage_are_counted_and_a_call_that_ends_well_is_not_among_them() -> None:
    entries = [entry for number in range(4) for entry in outage(NOW + 5 * number, number)]
    ok = {"message": "platform call", "call": "orders.create", "outcome": "ok", "milliseconds": 31}

    timeline = list(fold(build_timeline(None, [*entries, Entry(NOW + 60, ok)], (), ())))

    assert ["call", "log", "look", "call"] == [one.kind for one in timeline]
    assert [True, True, True, False] == [", 4 times, last " in one.what for one in timeline]


def test_a_run_over_midnight_says_the_day_of_its_end() -> None:
    timeline = [TimelineEntry(0, "drift", "a"), TimelineEntry(86_400, "drift", "a")]

    assert ["a, 2 times, last 08:00:00 on 1970-01-02"] == [one.what for one in fold(timeline)]


def test_within_a_second_a_refund_of_ours_is_requested_called_done_and_then_notified() -> None:
    name = RefundPart("t1", "A" * 16)
    requested = PAID.with_effect(name, Effect(fen=234, done_at=NOW))
    requested = replace(
        requested,
        history=(
            HistoryEntry(NOW, "request→r", "refund_requested", "234"),
            HistoryEntry(NOW, "", "effect_done", "refund"),
        ),
    )
    answer = replace(refunded("r7", fen=234, at=NOW), out_refund_no=effect_id(requested.order_no, name))
    order = replace(after(requested, answer), created_at=NOW - 60)
    accepted = {"message": "notification", "event_type": "order.refunded", "outcome": "accepted"}
    call = {"message": "platform call", "call": "orders.refund", "outcome": "ok", "milliseconds": 31}
    entries = [Entry(NOW + 0.1, accepted | {"event_id": answer.event_id}), Entry(NOW + 0.2, call)]

    timeline = build_timeline(order, entries, (), ())

    assert [
        "made here",
        "refund of 2.34 yuan requested by request→r",
        "orders.refund ok in 31 ms",
        "the platform took the refund request",
        f"order.refunded {answer.event_id} accepted, answered 200",
        f"partly refunded by {answer.event_id}",
    ] == [one.what for one in timeline]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (("effect_done", "push"), "the platform took the new status"),
        (("effect_done", "points"), "the points were booked"),
        (("effect_failed_permanently", "refund"), "the refund failed permanently"),
        (("effect_failed_permanently", "ship"), "the ship request failed permanently"),
        (("effect_missing_remotely", "push"), "the new status for the platform is due once more"),
        (("ship_unanswered",), "ship unanswered"),
        (("paid",), "paid"),
    ],
)
def test_a_step_is_told_in_words(what: tuple[str, ...], expected: str) -> None:
    order = replace(an_order(), created_at=NOW - 1, history=(HistoryEntry(NOW, "", *what),))

    assert expected == build_timeline(order, [], [], [])[-1].what


def test_the_same_line_twice_is_one_and_different_ones_are_not() -> None:
    timeline = [
        TimelineEntry(1, "order", "done:refund"),
        TimelineEntry(2, "order", "done:refund"),
        TimelineEntry(3, "order", "done:push"),
    ]

    assert ["done:refund, 2 times, last 08:00:02", "done:push"] == [one.what for one in fold(timeline)]


# ---- the log ---------------------------------------------------------------------------------------------------------


def entry(**said: Any) -> Entry:
    return Entry(NOW, said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"message": "platform call", "call": "orders.push_status", "outcome": "ok", "milliseconds": 31}
            | {"request_id": "r-1", "effect_id": "JW1:push:shipped"},
            "orders.push_status of push:shipped ok in 31 ms, request id r-1",
        ),
        ({"message": "order", "alert": "second_payment", "level": "ERROR"}, "order alert=second_payment"),
        (
            {"message": "left to the reconciler", "problem": "busy", "order_no": "JW1"},
            "not done now, tried again later: busy",
        ),
        (
            {"message": "order event", "event_type": "order.paid", "event_id": "e", "outcome": "poison"}
            | {"reason": "event_id_reused", "duplicate_of": "e", "alerts": ["event_id_reused"]},
            "order.paid e poison: event_id_reused, duplicate of e, alerts event_id_reused",
        ),
        (
            {"message": "notification", "event_type": "order.paid", "event_id": "e", "outcome": "accepted"}
            | {"raw_type": "order.paid", "delivery_id": "d"},
            "order.paid e accepted, answered 200 (delivery d)",
        ),
    ],
)
def test_a_line_of_the_log_reads_as_what_happened(said: dict[str, Any], expected: str) -> None:
    assert [expected] == [moment.what for moment in build_timeline(None, [entry(**said)], (), ())]


def test_a_dead_letters_own_log_line_is_not_told_twice() -> None:
    assert [] == build_timeline(None, [entry(message="dead letter", dead_letter_id="dl_1")], (), ())
