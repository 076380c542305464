"""Every time of the platform's JSON is read by one reader, whatever form the profile gives times."""

import pytest

from jiuwu.platform.signing import Scheme
from jiuwu.platform.times import MAX_LIFETIME_SECONDS, lifetime, read_time

NOW = 1_763_800_000
FORMS = ["seconds", "milliseconds", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    [
        NOW,
        str(NOW),
        float(NOW),
        f"{NOW}.0",
        NOW * 1000 + 123,
        f"{NOW}123",
        NOW * 10**6,
        NOW * 10**9,
        float(NOW * 10**9),  # written 1.7638e+18
        "2025-11-22T08:26:40Z",
        "2025-11-22T16:26:40+08:00",
        "2025-11-22 16:26:40",
        "2025/11/22 16:26:40",
        "20251122162640",
        20251122162640,
    ],
)
def test_a_time_is_read_in_every_form_that_is_unmistakable(form: str, value: object) -> None:
    assert NOW == read_time(Scheme(timestamp_format=form), value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    [True, False, None, "", "yesterday", -1, "-1", [], {}, float("nan"), float("inf"), 2**70, "9" * 30, "0001-01-01"],
)
def test_what_is_no_time_is_none(form: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"^not a time$"):
        read_time(Scheme(timestamp_format=form), value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (7200, 7200),
        (7200.0, 7200),
        ("7200", 7200),
        ("7200.0", 7200),
        (NOW + 7200, 7200),
        (str(NOW + 7200), 7200),
        (" 7200\n", 7200),
        ((NOW + 7200) * 1000, 7200),
        ((NOW + 7200) * 10**6, 7200),
        ("20251122182640", 7200),
        (20251122182640, 7200),
        (10 * MAX_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS),
        (str(100 * MAX_LIFETIME_SECONDS), MAX_LIFETIME_SECONDS),
        (365 * 86_400_000, MAX_LIFETIME_SECONDS),
        ("2025-11-22T10:26:40Z", 7200),
        (30 * 86_400_000, 30 * 86_400),
        (MAX_LIFETIME_SECONDS + 1000, 31_537),
        (2**40, MAX_LIFETIME_SECONDS),
        (2**62, MAX_LIFETIME_SECONDS),
        (NOW + MAX_LIFETIME_SECONDS + 5, MAX_LIFETIME_SECONDS),
        *((odd, 60) for odd in (0, -1, "", "soon", True, None, [600], 0.5, float("nan"), float("inf"), "９")),
        (NOW - 5, 60),
        (NOW, 60),
    ],
)
def test_a_lifetime_is_from_a_second_to_a_year_whatever_stands_there(value: object, seconds: int) -> None:
    assert seconds == lifetime(Scheme(), value, 60, now=NOW)


YEAR_2242 = 2**33


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        ("0", 0),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01Z", 1),
        (YEAR_2242 - 1, YEAR_2242 - 1),
        (YEAR_2242, YEAR_2242 // 1000),  # counted in milliseconds from here on
        ("2242-03-16T12:56:31Z", YEAR_2242 - 1),
    ],
)
def test_times_reach_from_1970_to_2242(value: object, expected: int) -> None:
    assert expected == read_time(Scheme(), value)


@pytest.mark.parametrize("form", ["seconds", "%Y-%m-%dT%H:%M:%S%z"])
@pytest.mark.parametrize("text", ["2242-03-16T12:56:32+0000", "1969-12-31T23:59:59+0000"])
def test_times_beyond_1970_and_2242_are_none(form: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a time$"):
        read_time(Scheme(timestamp_format=form), text)


def test_a_time_in_the_schemes_own_form_is_read_by_it_alone() -> None:
    # ISO 8601 would take these digits for the first of April, and no other reader knows this order
    assert NOW == read_time(Scheme(timestamp_format="%d.%m.%Y %H:%M:%S"), "22.11.2025 16:26:40")


def test_a_time_has_sixty_four_characters_at_most() -> None:
    text = "2025-11-22T08:26:40+00:00:00." + "0" * 35
    assert 64 == len(text)

    assert NOW == read_time(Scheme(), text)
    with pytest.raises(ValueError, match=r"^not a time$"):
        read_time(Scheme(), text + "0")


def test_the_longest_life_is_a_year() -> None:
    assert 365 * 24 * 3600 == MAX_LIFETIME_SECONDS


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (MAX_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS),
        (MAX_LIFETIME_SECONDS + 1, (MAX_LIFETIME_SECONDS + 1) // 1000),  # no time near now: milliseconds
        (NOW + 2 * MAX_LIFETIME_SECONDS, MAX_LIFETIME_SECONDS),  # a time, as far from now as one may be
        (NOW + 2 * MAX_LIFETIME_SECONDS + 1, (NOW + 2 * MAX_LIFETIME_SECONDS + 1) // 1000),
        (NOW - 2 * MAX_LIFETIME_SECONDS, 60),  # a time that is over
        (1000 * MAX_LIFETIME_SECONDS + 999, MAX_LIFETIME_SECONDS),
        (2 * MAX_LIFETIME_SECONDS - 1, 63_071),
    ],
)
def test_a_number_above_a_year_is_a_time_near_now_or_years_or_milliseconds(value: object, seconds: int) -> None:
    assert seconds == lifetime(Scheme(), value, 60, now=NOW)
