"""Lines for people fit 80 columns, and words and times stay whole."""

import pytest
from rich.cells import cell_len

from jiuwu_cli.terminal.output import wrap


def test_a_line_for_people_fits_80_columns_and_breaks_no_word() -> None:
    text = "  06:28:56  notification  order.paid evt_6213ddad435f64ac608f 熊猫马克杯熊猫马克杯熊猫马克杯 " + "x" * 70

    lines = wrap(text, width=80, hang=26)

    assert text.split() == " ".join(lines).split()
    assert [True, True, False] == [cell_len(line) <= 80 for line in lines]
    assert all(line.startswith(" " * 26) for line in lines[1:])
    assert [""] == wrap("", width=80, hang=2)


@pytest.mark.parametrize("width", [44, 50, 54, 60])
def test_a_line_does_not_break_within_a_moment(width: int) -> None:
    at = "2026-11-24 16:00:00 +08:00"

    lines = wrap(f"JW  held, 12.34 yuan, next time checked {at}", width=width, hang=6)

    assert ["JW  held, 12.34 yuan, next time checked", f"      {at}"] == lines
