"""What a statement says of one order, and that sums of parts are the sums of the whole."""

from dataclasses import astuple, replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.events import EffectFailed, EffectMissingRemotely, PaymentsDoubted, Placed
from jiuwu.orders.order import Failure, HistoryEntry, Order, Status
from jiuwu.platform.models import RemoteOrder
from jiuwu.reconciliation.decide import decide, hold
from jiuwu.statements.totals import (
    Discrepancy,
    SideSnapshot,
    Sums,
    Totals,
    of_pair,
    seen_here,
    seen_there,
    total,
    uncompared,
)
from tests.orders.lives import (
    ALL,
    CANCELLED,
    COMPLETED,
    CREATED,
    HELD,
    NOW,
    PAID,
    PLACED,
    PUSHED,
    REFUND,
    REFUNDED,
    SHIPPED,
    after,
    cancelled,
    paid,
)
from tests.reconciliation.sides import payment, refund, remote

FRESH = 360
LATER = NOW + 100 + FRESH  # the last change on either side is as old as a difference must be
PAY, BACK = [payment()], [refund()]


def totals(local: Order | None, there: RemoteOrder | None, *, now: int = LATER) -> Totals:
    return of_pair(local, there, now=now, policy=REFUND, fresh_seconds=FRESH)


# ── One order ─────────────────────────────────────────────────────────────────────────────────────────────────────────

EQUAL: dict[str, tuple[Order, RemoteOrder | None]] = {
    "placed": (PLACED, remote()),
    "placed there, and we have yet to hear it": (CREATED, remote()),
    "paid": (PAID, remote("paid", PAY)),
    "shipped": (PUSHED, remote("shipped", PAY)),
    "completed": (COMPLETED, remote("completed", PAY)),
    "cancelled": (CANCELLED, remote("cancelled")),
    "refunded": (REFUNDED, remote("refunded", PAY, BACK)),
    "cancelled before the platform ever knew it": (after(CREATED, cancelled()), None),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_equal_sides_are_counted_and_nothing_is_listed(pair: tuple[Order, RemoteOrder | None]) -> None:
    found = totals(*pair)

    assert (1, 0, 0, {}) == (total(found.here).orders, found.differing, found.waiting, found.classes)
    assert found.complete


def test_money_is_summed_by_side_and_state() -> None:
    found = totals(REFUNDED, remote("refunded", PAY, BACK)) + totals(HELD, remote("paid", [payment(fen=1000)]))

    assert {"refunded": Sums(1, 1234, 1234, 1234), "held": Sums(1, 1234, 1000, 0)} == found.here
    assert {"refunded": Sums(1, 1234, 1234, 1234), "paid": Sums(1, 1234, 1000, 0)} == found.there
    assert Sums(2, 2468, 2234, 1234) == total(found.here) == total(found.there)


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.REFUNDED])
def test_points_of_an_order_that_was_refused_or_ended_are_the_members_and_not_counted(status: Status) -> None:
    ended = replace(CREATED, amount_fen=0, points=1234, status=status)

    assert 0 == total(totals(ended, None).here).points


def test_points_are_counted_here_and_make_no_difference_to_an_order_of_nothing_there() -> None:
    local = replace(PLACED, amount_fen=0, points=1234)

    found = totals(local, remote(amount_fen=0))

    assert ({"created": Sums(1, points=1234)}, {"created": Sums(1)}) == (found.here, found.there)
    assert 0 == found.differing + found.waiting


def test_a_status_push_that_failed_permanently_is_no_longer_on_its_way() -> None:
    given_up = after(SHIPPED, EffectFailed(NOW + 70, PushStatus("shipped"), failure=Failure("poison", "BadParameters")))

    assert {"platform_behind": 1} == totals(given_up, remote("paid", PAY)).classes


DIFFERENT: dict[str, tuple[Order | None, RemoteOrder | None, str]] = {
    "a missed payment notification": (PLACED, remote("paid", PAY), "missed_notification"),
    "a payment that is not there": (PAID, remote(), "platform_behind"),
    "an order that is not here": (None, remote("paid", PAY), "missing_here"),
    "an order that is not there": (CREATED, None, "missing_there"),
    "an order of another amount": (PLACED, remote(amount_fen=1), "amount_differs"),
    "an order of another member": (PLACED, remote(open_id="ou_other"), "state_impossible"),
    "an order of another origin": (None, remote(out_order_no="4711"), "state_impossible"),
}


@pytest.mark.parametrize(("local", "there", "class_"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_difference_is_listed_with_its_class_and_both_values(
    local: Order | None, there: RemoteOrder | None, class_: str
) -> None:
    found = totals(local, there)

    assert ({class_: 1}, 1, 0) == (found.classes, found.differing, found.waiting)
    assert [(seen_here(local), seen_there(there))] == [(line.here, line.there) for line in found.differences]
    assert found.differences[0].evidence


def test_an_order_that_a_side_lacks_is_none_of_its_orders() -> None:
    found = totals(CREATED, None) + totals(None, remote(out_order_no="4711"))

    assert (1, 1) == (found.here["absent"].orders, found.there["absent"].orders)
    assert (1, 1) == (total(found.here).orders, total(found.there).orders)


def test_two_differences_of_one_class_in_one_order_are_one_line() -> None:
    found = totals(PLACED, remote("refunded", PAY, BACK))

    assert ({"missed_notification": 1}, 1) == (found.classes, len(found.differences))
    assert "paid:t1; refunded:r1" == found.differences[0].evidence


# ── In flight ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_that_is_still_to_be_pushed_is_in_flight_however_old() -> None:
    found = totals(SHIPPED, remote("paid", PAY), now=LATER + 10**6)

    assert (0, 1) == (found.differing, found.waiting)
    assert "pending: push:shipped" == found.in_flight[0].evidence


@pytest.mark.parametrize(("age", "differing"), [(FRESH - 1, 0), (FRESH, 1)])
def test_a_missed_payment_is_in_flight_until_its_notification_had_its_time(age: int, differing: int) -> None:
    found = totals(PLACED, remote("paid", PAY, updated_at=NOW + 5000), now=NOW + 5000 + age)

    assert (differing, 1 - differing) == (found.differing, found.waiting)


@pytest.mark.parametrize(("age", "differing"), [(FRESH - 1, 0), (FRESH, 1)])
def test_a_payment_that_is_not_there_is_in_flight_while_ours_is_of_this_moment(age: int, differing: int) -> None:
    booked = after(PLACED, replace(paid(at=NOW + 5000), paid_at=NOW + 5000))

    assert differing == totals(booked, remote(), now=NOW + 5000 + age).differing


def test_trying_again_and_again_does_not_make_a_difference_young() -> None:
    tried = after(
        PUSHED, EffectMissingRemotely(LATER - 1, PushStatus("shipped")), EffectFailed(LATER - 1, PushStatus("shipped"))
    )
    there = remote(amount_fen=1)

    assert 1 == totals(tried, there).differing


def test_no_change_of_this_moment_explains_another_amount() -> None:
    assert {"amount_differs": 1} == totals(PLACED, remote(amount_fen=1, updated_at=LATER)).classes


def test_a_platforms_clock_far_ahead_explains_nothing() -> None:
    assert 1 == totals(PLACED, remote("paid", PAY, updated_at=LATER + 86_400)).differing


THERE = [
    None,
    remote(),
    remote("paid", PAY),
    remote("paid", [payment(fen=1000)]),
    remote("shipped", PAY),
    remote("completed", PAY),
    remote("cancelled"),
    remote("cancelled", PAY, BACK),
    remote("refunded", PAY, BACK),
]


def test_an_order_that_ended_before_the_platform_had_it_is_counted_and_explained() -> None:
    ended, missing = totals(CANCELLED, None), totals(PLACED, None)

    assert (1, 0, 1) == (ended.never_placed, missing.never_placed, (ended + missing).never_placed)


@pytest.mark.parametrize(("local", "there"), list(product(ALL, THERE)))
def test_no_pair_that_differs_is_passed_over_in_silence(local: Order, there: RemoteOrder | None) -> None:
    found, findings = totals(local, there), decide(local, there, now=LATER, policy=REFUND).findings
    never_placed = there is None and local.status == "cancelled"

    assert {finding.class_.value for finding in findings} <= set(found.classes)
    assert seen_here(local) == seen_there(there) or never_placed or found.differing + found.waiting == 1


def test_an_order_held_for_a_person_differs_though_the_amounts_agree_by_now() -> None:
    found = totals(hold(PLACED, "another amount", at=NOW + 2), remote())

    assert ({"state_impossible": 1}, 0) == (found.classes, found.waiting)
    assert "held with 0 fen paid" in found.differences[0].evidence


def untrue_push(seconds: int) -> Order:
    """An order shipped for a payment that the platform does not show, whose push just failed once more."""
    order = after(SHIPPED, paid("t2"))
    return replace(order, history=(*order.history, HistoryEntry(NOW + seconds, "", "effect_redriven", "push")))


@pytest.mark.parametrize("seconds", [FRESH + 60, 4000])
def test_money_that_is_here_and_not_there_is_a_difference_after_a_fixed_age_whatever_effects_do(seconds: int) -> None:
    now = NOW + seconds  # the payments moved at NOW + 50
    found = totals(untrue_push(seconds), remote("created", updated_at=now), now=now)

    assert (1, 0, {"platform_behind": 1}) == (found.differing, found.waiting, found.classes)
    assert "payment t1 is not there; payment t2 is not there" in found.differences[0].evidence


def test_money_that_only_we_know_of_is_in_flight_while_it_is_young() -> None:
    found = totals(SHIPPED, remote("created"), now=NOW + 50 + FRESH - 1)

    assert (0, 1) == (found.differing, found.waiting)


def test_money_that_moves_in_the_future_is_a_difference_at_once() -> None:
    order = after(PLACED, replace(paid(), paid_at=NOW + 10**6))

    assert 1 == totals(order, remote("created"), now=NOW + 60).differing


def test_a_payment_in_doubt_is_a_difference_while_the_platform_does_not_show_it() -> None:
    order = after(PAID, PaymentsDoubted(NOW + 300, ("t1",)))

    assert {"platform_behind": 1} == totals(order, remote("created")).classes


def test_an_order_paid_in_part_waits_and_is_no_difference() -> None:
    found = totals(HELD, remote("paid", [payment(fen=1000)]), now=NOW + 10**6)

    assert (0, 1) == (found.differing, found.waiting)
    assert "waits for the rest: 234 of 1234 fen are missing" in found.in_flight[0].evidence


# ── Parts and the whole ───────────────────────────────────────────────────────────────────────────────────────────────

FIGURES = st.builds(Sums, *[st.integers(0, 10**13)] * 5)
SEEN = st.builds(SideSnapshot, st.sampled_from(["created", "paid", "absent"]), FIGURES)
LINES = st.builds(
    Discrepancy, st.text("JW234", min_size=1), st.sampled_from(["missing_there", "in_flight"]), st.text(), SEEN, SEEN
)
BY_STATE = st.dictionaries(st.sampled_from(["created", "paid", "absent"]), FIGURES)
TOTALS = st.builds(
    Totals,
    BY_STATE,
    BY_STATE,
    st.dictionaries(st.sampled_from(["missing_there", "amount_differs"]), st.integers(1, 10**6)),
    *[st.integers(0, 10**6)] * 3,
    differences=st.lists(LINES, max_size=3).map(tuple),
    in_flight=st.lists(LINES, max_size=3).map(tuple),
    problems=st.lists(st.text(), max_size=3).map(tuple),
)


def whole(parts: list[Totals]) -> Totals:
    return sum(parts, Totals())


@given(st.lists(TOTALS, max_size=6), st.data())
def test_any_split_in_any_sequence_comes_to_the_same_whole(parts: list[Totals], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))

    split = whole(mixed[:cut]) + whole(mixed[cut:])

    assert plain(whole(parts)) == plain(split)


def plain(one: Totals) -> tuple[object, ...]:
    """Lines of one order and class may stand in either sequence."""
    lines = (sorted(map(repr, lines)) for lines in (one.differences, one.in_flight))
    return one.here, one.there, one.classes, one.differing, one.waiting, one.uncompared, *lines, one.problems


def test_a_million_orders_take_no_more_room_than_their_listed_lines() -> None:
    pair = totals(CREATED, None)
    lines = tuple(replace(pair.differences[0], order_no=f"JW{number:06}") for number in range(350))
    much = replace(pair, differing=len(lines), differences=lines)

    kept = (much.capped() + replace(pair, differing=1)).capped()

    assert (300, 351) == (len(kept.differences), kept.differing)
    assert kept.capped() == kept


def test_orders_that_could_not_be_read_make_a_statement_incomplete() -> None:
    found = totals(PLACED, remote()) + uncompared(["JW1: order.status: expected one of …", "JW2: no JSON"])

    assert (2, False, 1) == (found.uncompared, found.complete, total(found.here).orders)


def test_nothing_comes_to_nothing() -> None:
    assert (0, 0, 0, 0, 0) == astuple(Sums())
    assert ({}, {}, {}, 0, 0, 0, (), (), ()) == astuple(Totals())
    assert (("absent", astuple(Sums())), ("absent", astuple(Sums()))) == (
        astuple(seen_here(None)),
        astuple(seen_there(None)),
    )


def test_sums_are_added_and_taken_off_figure_by_figure() -> None:
    more, less = Sums(50, 41, 32, 23, 14), Sums(1, 2, 3, 4, 5)

    assert Sums(51, 43, 35, 27, 19) == more + less
    assert Sums(49, 39, 29, 19, 9) == more - less


def test_totals_are_added_figure_by_figure() -> None:
    one = Totals(classes={"missing_there": 2}, differing=3, waiting=5, uncompared=7)
    other = Totals(classes={"missing_there": 1, "amount_differs": 4}, differing=10, waiting=20, uncompared=30)

    added = one + other

    assert ({"amount_differs": 4, "missing_there": 3}, 13, 25, 37) == (
        added.classes,
        added.differing,
        added.waiting,
        added.uncompared,
    )


def test_a_statement_without_a_problem_or_an_uncompared_order_is_complete() -> None:
    complete = (Totals().complete, Totals(uncompared=1).complete, Totals(problems=("no reply",)).complete)

    assert (True, False, False) == complete


def test_as_many_lines_are_kept_as_fit_into_the_bytes_of_an_item() -> None:
    half, a_byte_more = "a" * 169_997, "a" * 169_998  # with quotes and a comma 170,000 bytes and one more

    kept = Totals(problems=(half, half, "b")).capped(), Totals(problems=(half, a_byte_more, "b")).capped()

    assert ((half, half), (half, "b")) == tuple(totals.problems for totals in kept)


def test_differences_leave_what_is_in_flight_the_room_that_is_over() -> None:
    line = totals(CREATED, None).differences[0]
    long = replace(line, evidence="a" * 339_000)

    kept = Totals(differences=(long,), in_flight=(long, line)).capped()

    assert ((long,), (line,)) == (kept.differences, kept.in_flight)


@pytest.mark.parametrize("updated_at", [NOW, LATER], ids=["differs", "in flight"])
def test_evidence_is_cut_after_300_characters(updated_at: int) -> None:
    found = totals(PLACED, remote("paid", [payment(f"t{n}", 40) for n in range(100)], updated_at=updated_at))

    assert [300] == [len(line.evidence) for line in (*found.differences, *found.in_flight)]


@pytest.mark.parametrize(("age", "differing"), [(FRESH - 1, 0), (FRESH, 1)])
def test_money_that_only_we_know_of_is_a_difference_from_its_age_on(age: int, differing: int) -> None:
    now = NOW + 50 + age

    assert differing == totals(SHIPPED, remote("created", updated_at=now), now=now).differing


def test_a_line_in_flight_counts_once_however_much_is_on_its_way() -> None:
    found = totals(SHIPPED, remote("paid", PAY))

    assert (("in_flight", SHIPPED.order_no), {}) == (
        (found.in_flight[0].class_, found.in_flight[0].order_no),
        found.classes,
    )
    assert (1, 1) == (found.here["shipped"].orders, found.there["paid"].orders)


def test_how_many_never_were_placed_is_not_told_where_not_all_lines_are_kept() -> None:
    ended, missing = totals(CANCELLED, None), totals(PLACED, None)
    both = ended + missing

    assert 0 == replace(both, differing=2).never_placed
    assert 0 == replace(both, waiting=2).never_placed
    assert 0 == missing.never_placed == Totals().never_placed


def test_placing_that_is_left_to_do_is_no_difference_of_money() -> None:
    assert Placed in [type(action) for action in decide(CREATED, remote(), now=LATER, policy=REFUND).actions]
    assert 0 == totals(CREATED, remote()).differing


def test_an_order_that_only_the_platform_has_since_a_moment_is_in_flight_under_its_number() -> None:
    [line] = totals(None, remote("paid", PAY, updated_at=LATER)).in_flight

    assert (CREATED.order_no, "in_flight") == (line.order_no, line.class_)
    assert line.evidence.startswith("changed 0 s ago: ")
