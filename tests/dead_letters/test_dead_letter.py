"""What a dead letter is: a pure function of the failures of a message."""

import base64
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.dead_letters import repository
from jiuwu.dead_letters.dead_letter import DeadLetter, dead_letter_id, keep
from jiuwu.dead_letters.failed_message import COMMUNITY, EFFECTS, INTAKE, ORDERS, FailedMessage, Kind
from tests.dead_letters.failed_messages import NOW, ORDER_NO, a_failed_message

MAX_BODY_BYTES = 262_144  # bytes that the intake takes in


def dead_letter(*messages: FailedMessage) -> DeadLetter:
    found: DeadLetter | None = None
    for one in messages:
        found = keep(found, one) or found
    assert found is not None
    return found


def test_what_sqs_gave_up_by_itself_is_exhausted_with_the_tries_it_had() -> None:
    found = a_failed_message(received=6)

    assert (Kind.EXHAUSTED, 5, "gave_up") == (found.kind, found.attempts, found.reason.split(":")[0])


def test_who_gave_up_says_the_kind_the_reason_and_the_tries() -> None:
    found = a_failed_message(
        kind="poison", reason="order_unknown: out_order_no", function="OrderProcessor", attempts="3", received=2
    )

    expected = (Kind.POISON, "order_unknown: out_order_no", "OrderProcessor", 3)
    assert expected == (found.kind, found.reason, found.function, found.attempts)


def test_a_kind_that_we_do_not_know_is_poison() -> None:
    assert Kind.POISON is a_failed_message(kind="mystery").kind


@pytest.mark.parametrize(
    ("source", "body", "expected"),
    [
        (ORDERS, json.dumps({"data": {"out_order_no": ORDER_NO}}), ORDER_NO),
        (EFFECTS, json.dumps({"order_no": ORDER_NO}), ORDER_NO),
        (EFFECTS, json.dumps({"data": {"out_order_no": ORDER_NO}}), ""),
        (COMMUNITY, json.dumps({"data": {"open_id": "ou_1"}}), ""),
        (ORDERS, json.dumps({"data": {"out_order_no": "订单"}}), ""),
        (ORDERS, json.dumps({"data": {"out_order_no": "x" * 129}}), ""),
        (ORDERS, json.dumps({"data": {"out_order_no": 7}}), ""),
        (ORDERS, "[" * 100_000, ""),
        (INTAKE, "no JSON", ""),
    ],
)
def test_a_dead_letter_knows_the_order_that_it_is_about(source: str, body: str, expected: str) -> None:
    assert expected == a_failed_message(body, source=source).order_no


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"{", "茶\ufffe".encode()])
def test_bytes_that_no_text_can_carry_are_kept_as_they_came(body: bytes) -> None:
    assert body == a_failed_message(base64.b64encode(body).decode() or "=", source=INTAKE, encoding="base64").body


def test_a_body_that_only_says_it_is_base64_is_kept_as_it_is() -> None:
    assert b"%%%" == a_failed_message("%%%", encoding="base64").body


def test_the_same_thing_dying_again_is_the_same_dead_letter_with_its_tries_summed() -> None:
    first = a_failed_message(attempts="1", kind="poison", reason="a: b")
    again = a_failed_message(message="m-2", received=6, now=NOW + 60)

    found = dead_letter(first, again)

    assert dead_letter_id(first) == dead_letter_id(again) == found.dead_letter_id
    assert (2, 6, 1_763_800_000, NOW + 60) == (found.failures, found.attempts, found.first_at, found.last_at)
    assert Kind.EXHAUSTED is found.kind


def test_another_body_under_the_same_event_id_is_another_dead_letter() -> None:
    assert dead_letter_id(a_failed_message("{}")) != dead_letter_id(a_failed_message("{ }"))


def test_an_effect_is_one_dead_letter_whatever_its_message_says_besides() -> None:
    one, two = (
        a_failed_message(json.dumps({"order_no": ORDER_NO, "n": n}), source=EFFECTS, effect="ship") for n in (1, 2)
    )
    other = a_failed_message(json.dumps({"order_no": ORDER_NO}), source=EFFECTS, effect="push:shipped")

    assert dead_letter_id(one) == dead_letter_id(two) != dead_letter_id(other)


def test_the_same_event_on_another_queue_is_another_dead_letter() -> None:
    assert dead_letter_id(a_failed_message(source=ORDERS)) != dead_letter_id(a_failed_message(source=COMMUNITY))


def test_a_dead_letter_is_redriven_until_it_dies_again() -> None:
    waiting = dead_letter(a_failed_message())
    sent = replace(waiting, redrives=1, redriven_after=waiting.failures, redriven_as="redrive-1", redriven_at=NOW)
    again = keep(sent, a_failed_message(message="m-2", redriven_from=waiting.dead_letter_id))

    assert ("waiting", "redriven") == (waiting.state, sent.state)
    assert again is not None
    assert "failed again" == again.state


def test_one_that_died_before_its_redrive_was_noted_still_says_so() -> None:
    assert (
        "failed again" == dead_letter(a_failed_message(), a_failed_message(message="m-2", redriven_from="dl_x")).state
    )


FAILURES = st.lists(
    st.builds(
        lambda n, at, tries: a_failed_message(message=f"m-{n}", now=NOW + at, attempts=str(tries)),
        st.integers(0, 9),
        st.integers(0, 999),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=40,
)


@given(FAILURES)
def test_however_often_a_message_comes_each_failure_counts_once(failures: list[FailedMessage]) -> None:
    once = {one.message_id: one for one in reversed(failures)}

    found = dead_letter(*failures)

    assert len(once) == found.failures
    assert sum(one.attempts for one in once.values()) == found.attempts
    assert found == dead_letter(*failures, *failures)


@given(FAILURES, st.binary(max_size=2000))
def test_a_dead_letter_comes_back_from_its_item_as_it_went(failures: list[FailedMessage], body: bytes) -> None:
    found = replace(dead_letter(*failures), body=body, redrives=3, redriven_as="redrive-1", version=7)

    assert found == repository.from_item(repository.to_item(found))


@pytest.mark.parametrize("text", ["\ufffe\uffff" * 43_690, "\ufffe" * 87_381, "茶" * 87_381, "x" * MAX_BODY_BYTES])
def test_the_largest_body_fits_into_an_item_though_its_escapes_are_longer(text: str) -> None:
    body = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    assert len(text.encode()) <= MAX_BODY_BYTES

    item = repository.to_item(dead_letter(a_failed_message(body)))

    assert len(item["body"]) + len(json.dumps({k: v for k, v in item.items() if k != "body"})) < 400_000
    assert body.encode() == repository.from_item(item).body


@pytest.mark.parametrize("escaped", [1_000, 10_000, 40_000])
def test_a_body_mixed_of_escapes_and_what_cannot_be_shortened_fits_too(escaped: int) -> None:
    alphabet = [*map(chr, range(0x4E00, 0x9FFF)), *("\ufffe\uffff" * escaped)]
    text = "".join(random.Random(escaped).choices(alphabet, k=MAX_BODY_BYTES // 3))
    body = text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")

    assert len(repository.to_item(dead_letter(a_failed_message(body)))["body"]) < 380_000
