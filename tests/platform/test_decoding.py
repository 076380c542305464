"""One bad value costs itself: what stands beside it is read."""

import json

import pytest

from jiuwu.platform.decoding import decode, readable

ODD = [
    pytest.param(b'{"id":"P1","x":"abc\\ud83d"}', "abc\ufffd", id="half an emoji"),
    pytest.param(b'{"id":"P1","x":"\\udc00\\ud83d\\ude00"}', "\ufffd😀", id="half an emoji before a whole one"),
    pytest.param(b'{"id":"P1","x":"a\xff\xfe"}', "a\ufffd\ufffd", id="no UTF-8"),
    pytest.param(b'{"id":"P1","x":"\xed\xa0\xbd"}', "\ufffd\ufffd\ufffd", id="a surrogate as bytes"),
    pytest.param(b'\xef\xbb\xbf{"id":"P1","x":"y"}', "y", id="a byte order mark"),
    pytest.param(b'{"id":"P1","x":"a\x00\x1bb"}', "a\ufffd\ufffdb", id="control characters"),
    pytest.param(b'{"id":"P1","x":"a\n\tb"}', "a\n\tb", id="a line break as it is"),
    pytest.param(b'{"id":"P1","x":1e400}', float("inf"), id="beyond all numbers"),
    pytest.param(b'{"id":"P1","x":-Infinity}', float("-inf"), id="infinity"),
    pytest.param(b'{"id":"P1","x":' + b"9" * 5000 + b"}", float("inf"), id="5,000 digits"),
]


@pytest.mark.parametrize(("body", "value"), ODD)
def test_an_odd_value_costs_itself_only(body: bytes, value: object) -> None:
    assert {"id": "P1", "x": value} == decode(body)


@pytest.mark.parametrize(("body", "value"), ODD)
def test_what_a_queue_keeps_as_text_says_the_same_again(body: bytes, value: object) -> None:
    text = readable(body)
    assert {"id": "P1", "x": value} == decode(text)
    assert all(char in "\t\n\r" or " " <= char < "\ufffe" for char in text)


def test_half_an_emoji_in_a_name_is_read_like_one_in_a_value() -> None:
    assert {"a\ufffd": [{"\ufffd": 1}]} == decode(rb'{"a\ud83d":[{"\udfff":1}]}')


def test_an_id_of_many_digits_is_exact() -> None:
    assert {"id": 123456789012345678901234567890} == decode(b'{"id":123456789012345678901234567890}')


def test_the_last_of_two_names_counts_with_and_without_an_odd_value() -> None:
    assert 2 == decode(b'{"a":1,"a":2}')["a"] == decode(b'{"a":1,"a":2,"x":"\\ud83d"}')["a"]  # type: ignore[index]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"\x00{}",
        b'{"a":\x01 1}',
        b"<xml/>",
        b"[" * 100_000,
        b"[" * 5000 + b'"\\ud83d"' + b"]" * 5000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_refused_and_not_shown(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(not JSON|nests too deeply)$") as caught:
        decode(body)
    assert caught.value.__context__ is None


def test_what_is_in_order_is_kept_as_it_came() -> None:
    body = json.dumps({"a": "茶\ud83d\ude00"}, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16")
    assert body == readable(body.encode())
