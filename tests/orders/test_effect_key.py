"""An effect's key and its text in the table are the same thing, whatever a payment's id looks like."""

import pytest

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


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (Ship(), "ship"),
        (PushStatus("shipped"), "push:shipped"),
        (PushStatus("cancelled"), "push:cancelled"),
        (SpendPoints(), "points:spend"),
        (ReturnPoints(), "points:return"),
        (RefundAll("t1"), "refund:t1"),
        (RefundAll("t#1"), "refund:t#1#"),
        (RefundAll("t1#"), "refund:t1##"),
        (RefundPart("t1", "rule-1"), "refund:t1#rule-1"),
        (RefundPart("t#1", "ABC"), "refund:t#1#ABC"),
    ],
    ids=str,
)
def test_a_key_is_read_as_it_was_written(key: EffectKey, text: str) -> None:
    assert (text, key) == (str(key), parse_effect_key(text))


@pytest.mark.parametrize("text", ["", "ship:2", "refund", "refund:", "push:lost", "points", "gift:t1"])
def test_any_other_text_is_an_unknown_effect_and_stays_as_it_is(text: str) -> None:
    assert (UnknownEffect(text), text) == (parse_effect_key(text), str(parse_effect_key(text)))
