"""Test that the line through two small counts meets what the real functions use with many more items."""

import pytest

from bench.capacity import counted_passes
from bench.capacity.usage import Line, Usage
from jiuwu.platform import profile

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600), pytest.mark.xdist_group("capacity")]
COUNT = 20_000


def assert_uses(line: Line, counted: Usage, *, rel: float) -> None:
    expected = line.at(COUNT)
    for name, count in counted.requests.items():
        assert count == pytest.approx(expected.requests.get(name, 0), rel=rel, abs=40), name
    for name, units in counted.units.items():
        assert units == pytest.approx(expected.units.get(name, 0), rel=rel, abs=40), name


def test_a_tick_with_many_due_orders_uses_what_the_line_says() -> None:
    assert_uses(counted_passes.count_reconciled(), counted_passes.reconciled(COUNT), rel=0.01)


def test_a_statement_of_many_orders_uses_what_the_line_says() -> None:
    assert_uses(counted_passes.count_statement(), counted_passes.statement(COUNT, shards=32), rel=0.03)


def test_many_members_use_what_the_line_says() -> None:
    assert_uses(counted_passes.count_renewed(), counted_passes.renewed(COUNT, shards=8), rel=0.01)


def test_many_unpaid_orders_at_the_platforms_own_rate_cost_what_the_line_says() -> None:
    """The list of changes names the orders of the last minutes once or twice more, which the line leaves out."""
    seconds = COUNT / profile.load().limits.per_second("money") + 1_000  # until the list is quiet
    caused = counted_passes.cancelled(COUNT, seconds=seconds).less(counted_passes.cancelled(0, seconds=seconds))
    expected = counted_passes.count_cancelled().at(COUNT)

    assert expected.kind("write") == pytest.approx(caused.kind("write"), rel=0.01)
    assert expected.kind("read") == pytest.approx(caused.kind("read"), rel=0.25)
    for service in ("platform", "dynamodb", "sqs"):
        assert expected.of(service) == pytest.approx(caused.of(service), rel=0.07), service
