"""Faults are drawn from the seed and from what they hit: the same ones in every run, in the configured shares."""

from collections import Counter

import pytest
from pydantic import ValidationError

from sandbox.simulator import faults
from sandbox.simulator.faults import CallFaults, Copy, Faults, NotificationFaults

MANY = 5_000
DEMO = Faults(
    notifications=NotificationFaults(duplicate=0.3, simultaneous=0.1, reorder=0.2, delay=0.1, drop=0.05, forge=0.03),
    calls=CallFaults(rate_limited=0.02, server_error=0.02, timeout=0.005, lost_reply=0.02, odd_reply=0.02),
    tokens_expire=0.5,
)


def drawn(wanted: Faults = DEMO) -> list[tuple[Copy, ...]]:
    return [faults.copies(wanted, f"evt_{number}", "order.paid") for number in range(MANY)]


DRAWN = drawn()


def share(hits: int, of: int = MANY) -> float:
    return hits / of


def test_notifications_are_hit_in_the_shares_requested() -> None:
    counts = Counter(copy.kind for copies in DRAWN for copy in copies)
    kept = MANY - counts["dropped"]
    duplicated = counts["duplicate"] + counts["new_event_id"] + counts["simultaneous"]
    assert share(counts["dropped"]) == pytest.approx(0.05, abs=0.015)
    assert share(duplicated, kept) == pytest.approx(0.3, abs=0.025)
    assert share(counts["simultaneous"], kept) == pytest.approx(0.1, abs=0.015)
    assert share(counts["new_event_id"], kept) == pytest.approx(0.2 * 0.2, abs=0.015)
    assert share(counts["reordered"], kept) == pytest.approx(0.2, abs=0.025)
    assert share(counts["delayed"], kept) == pytest.approx(0.1, abs=0.015)
    assert share(counts["forged_secret"] + counts["forged_timestamp"]) == pytest.approx(0.03, abs=0.009)
    assert min(counts["forged_secret"], counts["forged_timestamp"]) > 40


def test_the_same_seed_hits_the_same_notifications_and_another_seed_others() -> None:
    assert drawn() == DRAWN
    assert DRAWN != drawn(DEMO.model_copy(update={"seed": 2}))


def test_a_dropped_notification_has_no_genuine_copy() -> None:
    dropped = [copies for copies in DRAWN if copies[0].kind == "dropped"]
    assert {copy.kind for copies in dropped for copy in copies[1:]} == {"forged_secret", "forged_timestamp"}


def test_two_senders_at_one_instant_have_the_same_due_time() -> None:
    pairs = [copies for copies in DRAWN if any(copy.kind == "simultaneous" for copy in copies)]
    assert pairs
    assert all(copies[0].after == copies[1].after for copies in pairs)


def test_only_the_event_types_requested_are_hit() -> None:
    wanted = Faults(notifications=NotificationFaults(drop=1, only=("order.paid",)))
    assert faults.copies(wanted, "evt_1", "order.paid")[0].kind == "dropped"
    assert faults.copies(wanted, "evt_1", "order.completed") == (Copy("original", 0.0),)


def test_calls_are_hit_in_the_shares_requested_and_in_every_form() -> None:
    hits = Counter(faults.call_fault(DEMO, "orders.create", f"JW{number}", 1) for number in range(MANY))
    by_fault = Counter[str]()
    for hit, count in hits.items():
        by_fault[hit[0] if hit else ""] += count
    assert {hit for hit in hits if hit} == {
        (fault, form) for fault, forms in faults.CALL_FORMS.items() for form in forms
    }
    for fault, requested in DEMO.calls.model_dump(include=set(faults.CALL_FORMS)).items():
        assert share(by_fault[fault]) == pytest.approx(requested, abs=0.008)


def test_the_next_try_of_a_call_draws_anew() -> None:
    tries = [faults.call_fault(Faults(calls=CallFaults(lost_reply=0.5)), "orders.create", "JW1", n) for n in range(50)]
    assert 10 < tries.count(None) < 40


def test_only_the_calls_requested_are_hit() -> None:
    wanted = Faults(calls=CallFaults(server_error=1, only=("orders.get",)))
    assert faults.call_fault(wanted, "orders.get", "JW1", 1)
    assert faults.call_fault(wanted, "orders.create", "JW1", 1) is None


@pytest.mark.parametrize(
    "wrong",
    [{"notifications": {"drop": 1.5}}, {"calls": {"timeout": -0.1}}, {"notifications": {"dropp": 0.1}}, {"seeds": 1}],
)
def test_a_share_beyond_one_or_an_unknown_name_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Faults.model_validate(wrong)
