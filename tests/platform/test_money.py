from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.platform.money import MAX_FEN, MoneyError, fen, yuan

# A busy machine is slow, not wrong.
MOST = 9_999_999_999_999


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0.00", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("12.34", 1234),
        ("12.3", 1230),
        ("12", 1200),
        ("0.29", 29),  # 28 by way of floats
        ("1.15", 115),  # 114
        ("1000000.00", 100_000_000),
        ("99999999999.99", MOST),
    ],
)
def test_yuan_text_becomes_fen(text: str, expected: int) -> None:
    assert expected == fen(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "-", "12.345", "12.340", "0.001", ".5", "12.", "1,234.00", "1_000", "+1.00", "-1.00", "-0.01",
        " 1.00", "1.00 ", "1.00\n", "1 .00", "1e3", "1E3", "1e-2", "NaN", "nan", "Infinity", "-inf", "0x10",
        "12.3４", "١٢", "12。34", "¥12.34", "12.34元", "007.00", "00", "100000000000.00", "9" * 5000, "1.2.3", "--1",
        "１２.３４", "½", "²", "\x001", "\ud800",
    ],
)  # fmt: skip
def test_text_that_is_not_an_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        fen(text)


@pytest.mark.parametrize("value", [12.34, 12, True, None, Decimal("12.34"), b"12.34", ["12.34"], {"amount": "1"}])
def test_what_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(MoneyError, match="expected an amount in yuan as text"):
        fen(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-1, MOST + 1, 12.0, True, "12", None, Decimal(12)])
def test_what_is_not_whole_fen_in_range_is_refused(value: object) -> None:
    with pytest.raises(MoneyError):
        yuan(value)  # type: ignore[arg-type]


def test_a_refusal_does_not_show_the_amount() -> None:
    with pytest.raises(MoneyError) as refused:
        fen("666.6666")
    assert "666" not in str(refused.value)


@given(st.integers(min_value=0, max_value=MOST))
def test_fen_survive_the_way_to_text_and_back(amount: int) -> None:
    assert amount == fen(yuan(amount))


@given(st.integers(min_value=0, max_value=MOST))
def test_the_text_is_what_decimal_arithmetic_says(amount: int) -> None:
    assert str(Decimal(amount).scaleb(-2).quantize(Decimal("0.01"))) == yuan(amount)


@given(st.text(alphabet="0123456789.-+eE １", max_size=16))
def test_text_is_taken_exactly_or_refused(text: str) -> None:
    try:
        amount = fen(text)
    except MoneyError:
        return
    assert Decimal(text) * 100 == amount


def test_the_largest_amount_has_thirteen_digits_of_fen() -> None:
    assert MOST == MAX_FEN
    assert "99999999999.99" == yuan(MOST)
