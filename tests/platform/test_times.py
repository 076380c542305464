"""Every time of the platform's JSON is read by one reader, whatever form the profile gives times."""

import pytest

from jiuwu.platform.signing import Scheme
from jiuwu.platform.times import LONGEST_LIFE, lifetime, read_time

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
        (10 * LONGEST_LIFE, LONGEST_LIFE),
        (str(100 * LONGEST_LIFE), LONGEST_LIFE),
        (365 * 86_400_000, LONGEST_LIFE),
        ("2025-11-22T10:26:40Z", 7200),
        (30 * 86_400_000, 30 * 86_400),
        (LONGEST_LIFE + 1000, 31_537),
        (2**40, LONGEST_LIFE),
        (2**62, LONGEST_LIFE),
        (NOW + LONGEST_LIFE + 5, LONGEST_LIFE),
        *((odd, 60) for odd in (0, -1, "", "soon", True, None, [600], 0.5, float("nan"), float("inf"), "９")),
        (NOW - 5, 60),
        (NOW, 60),
    ],
)
def test_a_lifetime_is_from_a_second_to_a_year_whatever_stands_there(value: object, seconds: int) -> None:
    assert seconds == lifetime(Scheme(), value, 60, now=NOW)
