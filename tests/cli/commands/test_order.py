"""`jiuwu order`: one order's story from the table, the log, the dead letters and the drift reports."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from jiuwu.dead_letters.failed_message import EFFECTS
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.orders.effect_key import PushStatus, RefundAll, RefundPart, Ship
from jiuwu.orders.events import PaymentsDoubted
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Failure, HistoryEntry, Order
from jiuwu.reconciliation.decide import hold
from jiuwu.reconciliation.drift import Drift, Finding, Report
from jiuwu.reconciliation.repository import Records
from jiuwu.runtime import Runtime
from jiuwu_cli.deployment.stack import Stack
from jiuwu_cli.orders import log_search
from jiuwu_cli.orders.log_search import Entry
from jiuwu_cli.orders.timeline import DriftFinding, TimelineEntry, build_timeline, fold, head
from jiuwu_cli.terminal.output import wrap
from tests.cli.conftest import Jiuwu, complaint
from tests.cli.deployed_stack import deploy, fresh
from tests.dead_letters.failed_messages import a_failed_message
from tests.functions.trade_messages import an_order, number
from tests.orders.lives import COMPLETED, HELD, NOW, PAID, PLACED, REFUNDED, SHIPPED, after, paid, refunded

SHANGHAI = time.strftime("%m-%d %H:%M:%S", time.gmtime(NOW + 8 * 3600))


@pytest.fixture(scope="module")
def deployed(aws: Callable[[str], Any], cloud: object) -> Stack:
    return deploy(aws)


@pytest.fixture
def told(
    jiuwu: Jiuwu, deployed: Stack, make_table: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """told("JW…") runs the command on that stack."""
    fresh(deployed, make_table, "DeadLettersTable", "OrdersTable", "ReconciliationTable")
    monkeypatch.setattr("jiuwu_cli.deployment.stack.find", lambda name: {"the-stack": deployed}[name])
    return lambda *arguments: jiuwu("order", *arguments, "--stack", "the-stack")


def log(stack: Stack, *lines: dict[str, Any], stream: str = "s") -> None:
    """Lines of the functions; `at` of each is its time in Unix seconds."""
    logs, group = stack.client("logs"), stack.output("Logs")
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(line.pop("at")) * 1000, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def event(at: int, event_id: str, outcome: str, **more: Any) -> dict[str, Any]:
    said = {"message": "order event", "event_type": "order.paid", "event_id": event_id, "order_no": number(0)}
    return {"at": at, "level": "INFO", **said, "outcome": outcome, **more}


def accepted(at: int, event_id: str, delivery_id: str) -> dict[str, Any]:
    """The line of WebhookIntake, which knows no order."""
    said = {"message": "notification", "outcome": "accepted", "event_type": "order.paid", "event_id": event_id}
    return {"at": at, "level": "INFO", **said, "delivery_id": delivery_id}


def logged(paid: str) -> list[dict[str, Any]]:
    """A payment, its duplicate, another order's payment, and a failed attempt at an effect."""
    effect = {"message": "effect", "order_no": number(0), "effect_id": f"{number(0)}:ship"}
    return [
        accepted(NOW + 9, paid, "d-1"),
        accepted(NOW + 9, "evt-9", "d-9"),
        event(NOW + 10, paid, "applied", transition="paid", delivery_id="d-1"),
        event(NOW + 20, "evt-2", "ignored", reason="duplicate_payment", duplicate_of=paid, delivery_id="d-2"),
        event(NOW + 21, "evt-9", "applied", transition="paid") | {"order_no": "JWANOTHER"},
        {"at": NOW + 25, "outcome": "failed", "reason": "InternalFailure", **effect},
    ]


def test_the_story_has_everything_in_the_sequence_of_time(
    told: Callable[..., Any], deployed: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jiuwu_cli.orders.log_search._KEPT_SECONDS", 10**10)  # the example's times are long ago
    order = deployed.store.create(an_order(base=PAID))
    paid = order.history[-1].idempotency_key
    log(deployed, *logged(paid))
    shelf = DeadLetterRepository(deployed.client("dynamodb"), deployed.output("DeadLettersTable"))
    body = json.dumps({"order_no": order.order_no})
    letter = shelf.keep(
        a_failed_message(
            body, source=EFFECTS, effect="ship", kind="exhausted", reason="Busy: 32", attempts="32", now=NOW + 30
        )
    )
    finding = Finding(Drift.PLATFORM_BEHIND, order.order_no, "shipped here, paid there")
    records = Records(deployed.client("dynamodb"), deployed.output("ReconciliationTable"))
    records.save_report(
        Report(NOW + 40, 1, (finding, Finding(Drift.AMOUNT_DIFFERS, "JWX", "x"))), now=NOW + 40, part="3#0"
    )

    result = told(order.order_no)

    assert 0 == result.exit_code, result.output
    top, _, below = result.stdout.partition("history (times in Asia/Shanghai, +08:00):\n")
    assert f"{order.order_no}  paid, 12.34 yuan" in top
    day, *lines = below.splitlines()
    assert day == time.strftime("  %Y-%m-%d", time.gmtime(NOW + 8 * 3600))
    moments = [line[12:] for line in lines]
    assert f"order         paid by {paid}" in moments
    assert [
        f"notification  order.paid {paid} accepted, answered 200 (delivery d-1)",
        f"event         order.paid evt-2 (delivery d-2) ignored: duplicate_payment, duplicate of {paid} (delivery d-1)",
        "effect        ship failed: InternalFailure",
        f"dead letter   {letter.letter_id} exhausted, waiting: ship, 32 tries: Busy: 32",
        "drift         platform_behind: shipped here, paid there",
    ] == [moment for moment in moments if not moment.startswith("order  ")]
    assert sorted(line[:10] for line in lines) == [line[:10] for line in lines]
    assert "JWX" not in result.stdout
    assert "evt-9" not in result.stdout


def test_the_same_for_programs(told: Callable[..., Any], deployed: Stack) -> None:
    order = deployed.store.create(an_order(base=COMPLETED))

    found = json.loads(told(order.order_no, "--json").stdout)

    assert (order.order_no, "completed", 1234) == tuple(found["order"][n] for n in ("order_no", "status", "amount_fen"))
    assert [line.kind for line in order.history][-1] in found["story"][-1]["what"]


def test_since_leaves_out_what_was_before(told: Callable[..., Any], deployed: Stack) -> None:
    order = deployed.store.create(an_order(base=COMPLETED))

    assert told(order.order_no, "--since", "1s").stdout.splitlines()[-1].startswith("history (")


def test_of_an_order_that_is_not_ours_the_letters_are_told(told: Callable[..., Any], deployed: Stack) -> None:
    shelf = DeadLetterRepository(deployed.client("dynamodb"), deployed.output("DeadLettersTable"))
    letter = shelf.keep(a_failed_message(kind="poison", reason="order_unknown: out_order_no"))

    result = told(letter.order_no)

    assert f"{letter.order_no}  is not in the orders table" == result.stdout.splitlines()[0]
    assert letter.letter_id in result.stdout


def test_an_order_of_which_nothing_is_known_is_said_so(told: Callable[..., Any]) -> None:
    assert "there is no order JWNOBODY; check the number" in complaint(told("JWNOBODY"))


@pytest.mark.parametrize("text", ["", "订单", "x" * 65, 'a"b', "\x1b[2J"])
def test_what_is_no_number_is_refused(told: Callable[..., Any], text: str) -> None:
    result = told(text)

    assert "is not an order number; copy it" in complaint(result)
    assert 2 == result.exit_code


def test_the_command_explains_itself_with_an_example(jiuwu: Jiuwu) -> None:
    assert "jiuwu order JW" in jiuwu("order", "--help").stdout.split("Example", 1)[1]


# ---- the head --------------------------------------------------------------------------------------------------------


def test_the_head_shows_state_lines_ledger_and_effects() -> None:
    shown = "\n".join(head(an_order(base=REFUNDED)))

    assert "refunded, 12.34 yuan" in shown
    assert "2 × " in shown
    assert "+12.34" in shown
    assert "-12.34" in shown
    assert "ledger: +0.00 kept" in shown


ON_ITS_WAY = HELD.with_effect(RefundPart("t1", "AB"), Effect(fen=1000, attempts=1))
HELD_UNPAID = hold(PLACED, "ordered for 1234 fen, there for 999 fen", at=NOW)


@pytest.mark.parametrize(
    ("order", "why", "end"),
    [
        (
            HELD,
            "10.00 of 12.34 yuan are here: 2.34 are missing",
            "the rest of the money ends it; if it expires or is cancelled, 10.00 yuan go back",
        ),
        (ON_ITS_WAY, "0.00 of 12.34 yuan are here: 12.34 are missing", "its refund is on its way"),
        (HELD_UNPAID, "ordered for 1234 fen, there for 999 fen", "cancel it at the platform"),
        (after(HELD_UNPAID, paid()), "ordered for 1234 fen, there for 999 fen", "give 12.34 yuan back"),
        (after(PAID, refunded(fen=2000)), "payment t1 brought 12.34 yuan and 20.00 went back", "no refund ends it"),
        (
            after(PAID, PaymentsDoubted(NOW + 300, ("t1",))),
            "the platform does not show payment t1 of 12.34 yuan",
            "as soon as the platform shows the payment",
        ),
        (replace(HELD_UNPAID, history=()), "its history does not reach back so far", "cancel it at the platform"),
    ],
)
def test_a_held_order_says_why_and_what_ends_it(order: Order, why: str, end: str) -> None:
    _, because, ends, *_ = head(order)

    assert f"  held because {why}" in because
    assert end in ends


@pytest.mark.parametrize(("base", "said"), [(PAID, "it is not shipped; "), (SHIPPED, "it was shipped before; ")])
def test_a_held_order_says_whether_its_goods_have_left(base: Order, said: str) -> None:
    assert said in "\n".join(head(after(base, refunded(fen=2000))))


def test_a_payment_in_doubt_says_so_in_the_ledger() -> None:
    shown = "\n".join(head(after(PAID, PaymentsDoubted(NOW + 300, ("t1",)))))

    assert "12.34  t1, not shown by the platform" in shown
    assert "ledger: 0.00 kept" in shown or "ledger: +0.00 kept" in shown


def test_an_order_that_is_not_held_has_no_reason_to_be() -> None:
    assert "held" not in "\n".join(head(an_order(base=REFUNDED)))


def test_a_refund_asked_for_is_told_in_yuan() -> None:
    order = replace(
        an_order(), history=(HistoryEntry(at=NOW, idempotency_key="request:1", kind="refund_requested", detail="980"),)
    )

    assert "refund of 9.80 yuan requested by request:1" in [moment.what for moment in build_timeline(order, [], [], [])]


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (Effect(), "push:shipped  pending, 0 tries"),
        (Effect(attempts=3, next_at=NOW), f"push:shipped  pending, 3 tries, next {SHANGHAI}"),
        (Effect(attempts=1, done_at=NOW), f"push:shipped  done {SHANGHAI}"),
        (
            Effect(attempts=32, failure=Failure("exhausted", "Busy")),
            "push:shipped  given up after 32 tries: exhausted: Busy",
        ),
        (Effect(fen=1234), "push:shipped  12.34 yuan pending"),
        (Effect(attempts=2, done_at=NOW), f"push:shipped  done {SHANGHAI}, 2 tries"),
    ],
)
def test_an_effect_says_how_far_it_is(effect: Effect, expected: str) -> None:
    order: Order = an_order().with_effect(PushStatus("shipped"), effect)

    assert any(line.strip().startswith(expected) for line in head(order))


def test_a_refund_asked_for_says_why() -> None:
    order: Order = replace(an_order(), reasons=(("AB", "damaged\n"),)).with_effect(
        RefundPart("t1", "AB"), Effect(fen=1234)
    )

    assert any("12.34 yuan pending, 0 tries, 'damaged\\n'" in line for line in head(order))


def test_a_refund_is_one_line_of_80_columns_and_what_answered_it_names_it() -> None:
    payment, reason = "4200002281202611291234567890", "asked for by the merchant"
    name = RefundPart(payment, "A" * 16)
    asked = after(PLACED, paid(payment)).with_effect(name, Effect(fen=234, done_at=NOW)).with_effect(Ship(), Effect())
    asked = replace(asked, reasons=(("A" * 16, reason),))
    number = effect_id(asked.order_no, name)
    booked = replace(refunded("rf_1234567890abcdef1234", of=payment, fen=234), out_refund_no=number)

    lines = list(head(after(asked, booked)))

    label = f"refund:…{number[-8:]}"
    assert [f"  {label}  2.34 yuan done {SHANGHAI}, {reason!r}"] == [
        one for one in lines if one.startswith("  refund:")
    ]
    assert any(one.endswith(f"-2.34  rf_1234567890abcdef1234 for {label}") for one in lines)
    assert [] == [one for one in lines if "refund:" in one and cell_len(one) > 80]


def test_a_refund_made_at_the_platform_answers_none_of_ours() -> None:
    shown = "\n".join(head(after(PAID.with_effect(RefundAll("t1"), Effect()), refunded())))

    assert "-12.34  r1\n" in shown


def test_a_booking_of_one_of_two_payments_says_of_which() -> None:
    assert "-12.34  r1 of t1" in "\n".join(head(after(PAID, paid("t2"), refunded())))


# ---- what is shown of the story ------------------------------------------------------------------------------------


def looks(*times: int, status: str = "placed") -> list[Entry]:
    return [Entry(at, {"message": "storefront", "outcome": "looked", "status": status}) for at in times]


def test_looks_in_a_row_are_counted_and_not_listed() -> None:
    drift = [DriftFinding(NOW + at, "amount_differs", "1 fen of 2") for at in (5, 7, 9)]
    alert = Entry(NOW + 50, {"message": "order", "alert": "x"})

    told = build_timeline(None, [*looks(*range(NOW, NOW + 12)), alert, *looks(NOW + 90, status="held")], (), drift)

    assert [
        ("look", "by the member: placed, 12 times, last 16:26:51"),
        ("drift", "amount_differs: 1 fen of 2, 3 times, last 16:26:49"),
        ("log", "order alert=x"),
        ("look", "by the member: held"),
    ] == [(one.kind, one.what) for one in fold(told)]
    assert len(told) == 17


def test_a_look_of_the_merchants_servers_is_one_too() -> None:
    said = {"message": "back office", "outcome": "looked", "code": 200, "order_no": "JW1"}

    told = build_timeline(None, [Entry(NOW, said), Entry(NOW + 1, said), *looks(NOW + 2)], (), ())

    assert ["by the merchant, 2 times, last 16:26:41", "by the member: placed"] == [one.what for one in fold(told)]


def test_what_happened_between_looks_parts_them() -> None:
    told = [
        TimelineEntry(1, "look", "a"),
        TimelineEntry(2, "look", "a"),
        TimelineEntry(3, "order", "paid"),
        TimelineEntry(4, "look", "a"),
    ]

    assert ["a, 2 times, last 08:00:02", "paid", "a"] == [one.what for one in fold(told)]


def outage(at: int, number: int) -> list[Entry]:
    call = {"message": "platform call", "call": "orders.create", "outcome": "PlatformBusy", "milliseconds": number}
    problem = f"orders.create: PlatformBusy (HTTP 503, request id r-{number}); try again later"
    later = {"message": "left to the reconciler", "problem": problem}
    return [Entry(at, call | {"request_id": f"r-{number}"}), Entry(at + 0.1, later), *looks(at + 1, status="created")]


def test_the_tries_of_an_outage_are_counted_and_a_call_that_ends_well_is_not_among_them() -> None:
    entries = [entry for number in range(4) for entry in outage(NOW + 5 * number, number)]
    ok = {"message": "platform call", "call": "orders.create", "outcome": "ok", "milliseconds": 31}

    told = list(fold(build_timeline(None, [*entries, Entry(NOW + 60, ok)], (), ())))

    assert ["call", "log", "look", "call"] == [one.kind for one in told]
    assert [True, True, True, False] == [", 4 times, last " in one.what for one in told]


def test_a_run_over_midnight_says_the_day_of_its_end() -> None:
    told = [TimelineEntry(0, "drift", "a"), TimelineEntry(86_400, "drift", "a")]

    assert ["a, 2 times, last 08:00:00 on 1970-01-02"] == [one.what for one in fold(told)]


def test_within_a_second_a_refund_of_ours_is_requested_called_done_and_then_notified() -> None:
    name = RefundPart("t1", "A" * 16)
    asked = PAID.with_effect(name, Effect(fen=234, done_at=NOW))
    asked = replace(
        asked,
        history=(
            HistoryEntry(NOW, "request:r", "refund_requested", "234"),
            HistoryEntry(NOW, "", "effect_done", "refund"),
        ),
    )
    answer = replace(refunded("r7", fen=234, at=NOW), out_refund_no=effect_id(asked.order_no, name))
    order = replace(after(asked, answer), created_at=NOW - 60)
    accepted = {"message": "notification", "event_type": "order.refunded", "outcome": "accepted"}
    call = {"message": "platform call", "call": "orders.refund", "outcome": "ok", "milliseconds": 31}
    entries = [Entry(NOW + 0.1, accepted | {"event_id": answer.event_id}), Entry(NOW + 0.2, call)]

    told = build_timeline(order, entries, (), ())

    assert [
        "made here",
        "refund of 2.34 yuan requested by request:r",
        "orders.refund ok in 31 ms",
        "the platform took the refund request",
        f"order.refunded {answer.event_id} accepted, answered 200",
        f"partly refunded by {answer.event_id}",
    ] == [one.what for one in told]


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
    told = [
        TimelineEntry(1, "order", "done:refund"),
        TimelineEntry(2, "order", "done:refund"),
        TimelineEntry(3, "order", "done:push"),
    ]

    assert ["done:refund, 2 times, last 08:00:02", "done:push"] == [one.what for one in fold(told)]


def test_a_line_for_people_fits_80_columns_and_breaks_no_word() -> None:
    text = "  06:28:56  notification  order.paid evt_6213ddad435f64ac608f 熊猫马克杯熊猫马克杯熊猫马克杯 " + "x" * 70

    lines = wrap(text, width=80, hang=26)

    assert text.split() == " ".join(lines).split()
    assert [True, True, False] == [cell_len(line) <= 80 for line in lines]
    assert all(line.startswith(" " * 26) for line in lines[1:])
    assert [""] == wrap("", width=80, hang=2)


@pytest.mark.parametrize("width", [44, 50, 54, 60])
def test_a_line_does_not_break_within_a_moment(width: int) -> None:
    at = "2026-11-24 16:00:00 +08:00"

    lines = wrap(f"JW  held, 12.34 yuan, looked at next {at}", width=width, hang=6)

    assert ["JW  held, 12.34 yuan, looked at next", f"      {at}"] == lines


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


def test_a_letters_own_log_line_is_not_told_twice() -> None:
    assert [] == build_timeline(None, [entry(message="dead letter", letter_id="dl_1")], (), ())


class Pages:
    """A log in pages, of which the first are empty, as CloudWatch's are."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.searches, self.asked = [list(pages)], list[dict[str, Any]]()

    def then(self, *pages: list[dict[str, Any]]) -> None:
        """The pages of the next search."""
        self.searches.append(list(pages))

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(dict(request))
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
    assert (False, {"5000"}) == (found.cut_off, {str(one["startTime"]) for one in pages.asked})


def test_the_notifications_of_known_and_of_found_events_are_read_too() -> None:
    told = {"message": "notification", "outcome": "accepted"}
    pages = Pages([line(9, order_no="JW1", message="order event", event_id="e2")])
    pages.then([line(7, **told, event_id="e1"), line(8, **told, event_id="e2"), line(8, **told, event_id="e3")])

    found = log_search.read(pages, "group", "JW1", since=5, event_ids=["e1", 'e"4'], runtime=Runtime(clock=lambda: 100))

    assert ["e1", "e2", "e2"] == [one.said["event_id"] for one in found.entries]
    assert ['"JW1"', '{ ($.event_id = "e1") || ($.event_id = "e2") }'] == [one["filterPattern"] for one in pages.asked]


def test_a_log_without_end_is_cut_off_after_a_minute() -> None:
    ticks = iter(range(0, 10_000, 40))

    found = log_search.read(Pages(*([[]] * 99)), "group", "JW1", since=0, runtime=Runtime(clock=lambda: next(ticks)))

    assert found.cut_off
