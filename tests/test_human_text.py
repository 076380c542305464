"""Every character that people write passes; what could forge a line or turn a text around is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.human_text import Unfit, escaped, first_hidden, first_unfit
from tests.human_texts import UNWRITTEN, WRITTEN


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_what_people_write_passes(text: str) -> None:
    assert first_unfit(text) is None


@pytest.mark.parametrize(("text", "code_point"), UNWRITTEN, ids=ascii)
def test_what_nobody_writes_is_named(text: str, code_point: str) -> None:
    position = text.index(chr(int(code_point[2:], 16))) + 1

    assert Unfit(code_point, position) == first_unfit(text)


def test_the_first_of_several_is_named() -> None:
    assert Unfit("U+202E", 2) == first_unfit("龙\u202e井\x00")
    assert Unfit("U+0000", 2) == first_unfit("龙\x00井\u202e")


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs", "Co"])))
def test_no_letter_mark_number_sign_or_space_is_refused(text: str) -> None:
    assert first_unfit(text) is None


@given(st.text())
def test_a_screen_shows_no_control_character_and_no_bidirectional_mark(text: str) -> None:
    shown = escaped(text)

    assert not set(shown) & {chr(number) for number in (*range(32), 127, 0x85, 0x2028, 0xFEFF, *range(0x202A, 0x202F))}
    assert shown == shown.encode().decode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("明前\u3000龙井\u00a0\U0001fae9", "明前\u3000龙井\u00a0\U0001fae9"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("\x1b[2J\ud83d\u202eab\u202c\u200b", "\\x1b[2J\\ud83d\\u202eab\\u202c\\u200b"),
    ],
)
def test_a_screen_shows_what_people_write_as_it_is(text: str, shown: str) -> None:
    assert shown == escaped(text)


@pytest.mark.parametrize("text", ["tea-1", "龙井", "茶 500g", "\U000323b0面", "龙井\U0001fae9"])
def test_an_id_may_hold_whatever_can_be_seen(text: str) -> None:
    assert first_hidden(text) is None


@pytest.mark.parametrize(
    "text", ["t\u200bea", "tea\u3000", "te\u00a0a", "tea\u202e", "tea\x00", "\ufffe", "\ud83d", "te\u00ada"]
)
def test_an_id_holds_nothing_that_cannot_be_told_apart_by_eye(text: str) -> None:
    assert first_hidden(text) is not None
