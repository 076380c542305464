"""Test the capacity figures: the document is fresh, no pass costs more per item as it grows, each limit counts."""

import msgspec
import pytest

from bench.capacity import concurrency, inputs, page_seconds, report
from bench.capacity.__main__ import DOCUMENT, with_tables
from bench.capacity.bulk_passes import BulkPass, count_passes
from bench.capacity.concurrency import functions
from bench.capacity.cost import per_million
from bench.capacity.limits import limits
from bench.capacity.order_usage import OrderUsage, count_order
from jiuwu.platform import profile
from sandbox.cloud import template

# Counted once, by fixtures that take longer than a test may on a busy machine.
pytestmark = [pytest.mark.xdist_group("capacity"), pytest.mark.timeout(120, func_only=True)]
GIVEN = inputs.load()
MILLION = 1_000_000


def at_platform_rate(times: float) -> inputs.Inputs:
    """Return the inputs with so many times the platform's rate."""
    return msgspec.structs.replace(GIVEN, configuration=GIVEN.configuration.with_platform_rate(times))


@pytest.fixture(scope="module")
def order() -> OrderUsage:
    return count_order()


@pytest.fixture(scope="module")
def passes() -> dict[str, BulkPass]:
    return count_passes()


def test_the_document_holds_what_is_counted_now(order: OrderUsage, passes: dict[str, BulkPass]) -> None:
    text = DOCUMENT.read_text("utf-8")

    # else: make capacity
    assert with_tables(text, report.render(order, passes, GIVEN, template.load())) == text


def test_the_first_limit_at_a_thousand_orders_a_second_is_the_platforms(order: OrderUsage) -> None:
    first = limits(1000, order, GIVEN, template.load())[0]

    assert first.name.startswith("platform calls")
    assert first.utilisation > 1


def test_lists_that_one_reader_goes_through_are_limits(order: OrderUsage) -> None:
    met = {limit.name for limit in limits(1000, order, GIVEN, template.load()) if limit.utilisation > 1}

    assert {"the reconciler's list of changes", "a day's statement in two hours", "platform calls, lane reading"} < met


def test_every_function_of_the_template_is_counted(order: OrderUsage) -> None:
    counted = {busy.function for busy in functions(10, order, GIVEN)}

    assert template.resources("AWS::Serverless::Function").keys() <= counted


def test_the_schedules_are_those_of_the_template() -> None:
    parameters = template.load()["Parameters"]
    names = (
        "ReconcileSchedule",
        "RefreshSchedule",
        "ProductSyncSchedule",
        "RefreshAheadSeconds",
        "ProductCheckSeconds",
    )

    # as concurrency.py has them
    assert ["rate(3 minutes)", "rate(5 minutes)", "rate(5 minutes)", 900, 2700] == [
        parameters[name]["Default"] for name in names
    ]
    assert 2700 + 300 == concurrency.PRODUCT_CHECK_SECONDS


def test_every_queue_of_the_template_is_in_the_document() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert [] == [name for name in template.resources("AWS::SQS::Queue") if f"\n| {name} | " not in text]


def test_schedules_members_and_products_are_in_no_orders_bill(order: OrderUsage, passes: dict[str, BulkPass]) -> None:
    crowded = msgspec.structs.replace(GIVEN, shop=msgspec.structs.replace(GIVEN.shop, members=10**8, products=10**6))

    expected = pytest.approx(per_million(order, passes["statement"], GIVEN, rate=10))
    assert expected == per_million(order, passes["statement"], crowded, rate=10)


def test_a_lower_price_is_a_smaller_bill(order: OrderUsage, passes: dict[str, BulkPass]) -> None:
    cheaper = msgspec.structs.replace(GIVEN, prices=msgspec.structs.replace(GIVEN.prices, write_unit=0.0))

    before, after = (per_million(order, passes["statement"], given, rate=10) for given in (GIVEN, cheaper))

    assert 0 == after["DynamoDB write units"]
    assert sum(after.values()) < sum(before.values())


@pytest.mark.parametrize("name", ["reconciled", "cancelled", "statement", "renewed"])
@pytest.mark.parametrize("rate", [1, 10], ids=["the assumed platform", "a faster platform"])
def test_what_one_item_costs_does_not_grow_with_their_number(
    name: str, rate: float, passes: dict[str, BulkPass]
) -> None:
    few, many = (passes[name].of(count, at_platform_rate(rate)) for count in (20_000, MILLION))

    assert many.dollars / MILLION <= 1.02 * few.dollars / 20_000
    assert many.usage.of("platform") <= 50 * few.usage.of("platform")


def test_an_unpaid_order_is_written_twice_however_long_it_waits(passes: dict[str, BulkPass]) -> None:
    """The reconciler sets its next check no earlier than its turn in the effect queue."""
    assert 2 == passes["cancelled"].line.per_item.units["OrdersTable", "write"]


def test_a_slow_platform_is_what_a_large_pass_waits_for(passes: dict[str, BulkPass]) -> None:
    slow, fast = (passes["reconciled"].of(MILLION, at_platform_rate(times)) for times in (1, 2))

    assert 500 == pytest.approx(slow.seconds, rel=0.02)
    assert 0.7 * slow.seconds > fast.seconds


@pytest.mark.parametrize(
    "limit",
    ["table_read_units", "table_write_units", "partition_write_units", "sqs_in_flight", "poller_concurrency"],
)
@pytest.mark.parametrize("name", ["reconciled", "renewed"])
def test_a_pass_waits_for_each_limit_of_aws(limit: str, name: str, passes: dict[str, BulkPass]) -> None:
    fast = at_platform_rate(400)
    narrow = msgspec.structs.replace(fast, limits=msgspec.structs.replace(fast.limits, **{limit: 2}))

    assert 1.5 * passes[name].of(20_000, fast).seconds < passes[name].of(20_000, narrow).seconds


def test_a_due_page_takes_the_seconds_of_the_requests_counted(passes: dict[str, BulkPass]) -> None:
    requests, seconds = passes["reconciled"].line.per_item.requests, GIVEN.seconds
    each = {
        ("dynamodb", "query"): seconds.query,
        ("platform", "orders.query"): seconds.platform,
        ("dynamodb", "batch_get_item"): seconds.batch_get,
        ("dynamodb", "batch_execute_statement"): seconds.batch_write,
    }

    assert {name for name, count in requests.items() if count} == each.keys()
    assert page_seconds.due_page(GIVEN) == pytest.approx(
        concurrency.PAGE * sum(requests[name] * taken for name, taken in each.items())
    )


def test_the_slow_lane_is_the_money_lane_alone() -> None:
    from bench.capacity.counted_passes import slow_money_lane

    before = profile.load().limits
    with slow_money_lane(2):
        during = profile.load().limits

    assert 2 == during.per_second("money")
    assert before.lanes | {"money": during.lanes["money"]} == during.lanes
    assert profile.load().limits == before
