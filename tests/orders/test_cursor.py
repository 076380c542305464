"""A list's cursor: opaque, good for its own list alone, and strict."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.cursor import CursorMalformed, CursorOfAnotherList, Position, Scope, decode, encode
from jiuwu.orders.ids import order_no_for
from tests.orders.stored import NOW

NUMBER = order_no_for("mb", "1")
SCOPE: Scope = ("merchant", 0, 0, "", "")
POSITIONS = st.builds(
    Position,
    st.integers(0, 9_999_999_999),
    st.one_of(st.just(""), st.text(max_size=8).map(lambda key: order_no_for("mb", key))),
)
SCOPES = st.tuples(st.sampled_from(["member", "merchant"]), st.integers(0, 9), st.text(max_size=4))


@given(POSITIONS, SCOPES)
def test_a_cursor_comes_back_as_its_position(position: Position, scope: Scope) -> None:
    text = encode(position, scope)

    assert position == decode(text, scope)
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@given(POSITIONS, SCOPES, SCOPES)
def test_a_cursor_is_refused_by_every_other_list(position: Position, scope: Scope, other: Scope) -> None:
    if scope != other:
        with pytest.raises(CursorOfAnotherList):
            decode(encode(position, scope), other)


@given(st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode())))
def test_whatever_a_stranger_sends_is_refused(text: str) -> None:
    with pytest.raises((CursorMalformed, CursorOfAnotherList)):
        decode(text, SCOPE)


GOOD = encode(Position(NOW, NUMBER), SCOPE)


def _with(position: bytes) -> str:
    raw = base64.urlsafe_b64decode(GOOD + "=" * (-len(GOOD) % 4))[:8] + position
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "A",
            GOOD + "=",
            GOOD + "A",
            GOOD[:-1],
            " " + GOOD,
            GOOD + "\n",
            GOOD.replace(GOOD[3], "+"),
            "游标",
            "A" * 65,
        ),
        *(_with(wrong) for wrong in (b"", b"17638", b"17638000001", b"1763800000#", b"1763800000#JW1", b"-763800000")),
        *(_with(wrong) for wrong in ("１763800000".encode(), b"1763800000 ", b"1763800000\n", b"\xff" * 10)),
        GOOD[:-1] + chr(ord(GOOD[-1]) + 1),  # the same bytes spelled otherwise, or a wrong number
    ],
)
def test_a_damaged_cursor_is_malformed(text: str) -> None:
    with pytest.raises(CursorMalformed):
        decode(text, SCOPE)
