"""What an order's item keeps comes back as it was, whatever the effects and the history say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.codec import from_item, to_item
from jiuwu.orders.effect_key import (
    EffectKey,
    PushStatus,
    RefundAll,
    RefundPart,
    ReturnPoints,
    Ship,
    SpendPoints,
    UnknownEffect,
    parse_effect_key,
)
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Entry, Failure, HistoryEntry, Line, UnbookedRefund
from tests.orders.stored import NOW, an_order

IDS = st.text(st.characters(codec="utf-8"), min_size=1)
REQUESTS = st.from_regex(r"[A-Z2-7]{16}|rule-[1-9][0-9]?", fullmatch=True)
REFUNDS = st.builds(RefundAll, IDS) | st.builds(RefundPart, IDS, REQUESTS)
KEYS: st.SearchStrategy[EffectKey] = REFUNDS | st.sampled_from(
    [Ship(), SpendPoints(), ReturnPoints(), PushStatus("shipped"), PushStatus("cancelled")]
)


@given(KEYS)
def test_every_key_is_read_from_its_text(key: EffectKey) -> None:
    assert key == parse_effect_key(str(key))


@given(KEYS, KEYS)
def test_two_effects_of_an_order_never_go_out_under_one_id(one: EffectKey, other: EffectKey) -> None:
    assert (one == other) == (effect_id("JW1", one) == effect_id("JW1", other))


@given(KEYS, REFUNDS)
def test_an_orders_effects_and_what_refunds_answer_come_back(key: EffectKey, answered: RefundAll | RefundPart) -> None:
    order = an_order(
        effects=((key, Effect(2, NOW, 3, NOW + 1)),),
        ledger=(Entry("t1", 1234, NOW), Entry("r1", -4, NOW, of="t1", answers=answered)),
        unbooked=(UnbookedRefund("r2", 4, NOW, "t1", "failed", answered), UnbookedRefund("r3", 5, NOW, "t1", "failed")),
    )

    assert order == from_item(to_item(order))


@pytest.mark.parametrize("text", ["", "ship:x", "push:", "push:lost", "points:lend", "refund", "refund:", "invite:a"])
def test_an_effect_of_a_later_version_is_kept_as_it_stands_and_costs_no_other(text: str) -> None:
    order = an_order(effects=((UnknownEffect(text), Effect()), (Ship(), Effect())))

    assert order == from_item(to_item(order))


@given(st.builds(HistoryEntry, st.integers(1), st.text(), st.text(min_size=1), st.text(), st.text()))
def test_a_line_of_the_history_comes_back(entry: HistoryEntry) -> None:
    order = an_order(history=(entry,))

    assert order == from_item(to_item(order))


@pytest.mark.parametrize("failure", [None, Failure("poison", "BadParameters"), Failure("exhausted", "a: b")])
def test_why_an_effect_failed_comes_back(failure: Failure | None) -> None:
    order = an_order(effects=((Ship(), Effect(5, failure=failure, times_missing=2)),))

    assert order == from_item(to_item(order))


SHORT_ROWS: list[tuple[str, list[object], object]] = [
    ("lines", ["p1"], Line("p1", "", 0, 0)),
    ("ledger", ["t1"], Entry("t1", 0, 0)),
    ("effects", ["ship"], (Ship(), Effect())),
    ("history", [], HistoryEntry(0, "", "", "", "")),
    ("unbooked", ["r1"], UnbookedRefund("r1", 0, 0, "", "", None)),
    ("reasons", ["r1"], ("r1", "")),
]


@pytest.mark.parametrize(("name", "row", "value"), SHORT_ROWS, ids=[name for name, *_ in SHORT_ROWS])
def test_what_a_row_does_not_have_at_its_end_is_empty_or_zero(name: str, row: list[object], value: object) -> None:
    assert (value,) == getattr(from_item(to_item(an_order()) | {name: [row]}), name)
