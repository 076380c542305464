"""ProductSync over a table of products, with the simulated platform in this process."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from jiuwu.aws import settings
from jiuwu.aws.settings import SettingsError
from jiuwu.bootstrap import Platform
from jiuwu.catalogue.repository import Product
from jiuwu.deadline import Deadline
from jiuwu.platform import profile
from jiuwu.platform.calls.transport import http_client
from jiuwu.runtime import Runtime
from sandbox.simulator.app import Simulator
from sandbox.simulator.faults import CallFaults, Faults
from sandbox.simulator.state import App
from tests.catalogue.remote_products import a_product, row
from tests.functions.both_sides import COMMON, resources
from tests.functions.conftest import warm
from tests.functions.served import served

TICK: dict[str, Any] = json.loads((Path(__file__).parents[2] / "events" / "product_sync.json").read_text("utf-8"))
DAY = 86_400
TEA = a_product()


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class Market:
    """The function between a table and the simulator; `later` is how far its own clock has been moved."""

    def __init__(
        self,
        app: ModuleType,
        aws: Callable[[str], Any],
        names: dict[str, str],
        simulator: Simulator,
        http: httpx.Client,
    ) -> None:
        self.app, self.dynamodb, self.names = app, aws("dynamodb"), names
        self.simulator = simulator
        self.later, self._looked = 0.0, 0
        environment = settings.load(app.Settings, names)
        self.dependencies = app.build(
            environment, Platform(environment, http=http), Runtime(clock=lambda: time.time() + self.later)
        )

    def write(self, *products: Product) -> None:
        for product in products:
            self.dynamodb.put_item(TableName=self.names["PRODUCTS_TABLE"], Item=row(product))

    def update(self, expression: str, **values: Any) -> None:
        """An update of the tea as a merchant's own tool would make it."""
        self.dynamodb.update_item(
            TableName=self.names["PRODUCTS_TABLE"],
            Key={"product_id": {"S": "tea"}},
            UpdateExpression=expression,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def row(self, product_id: str = "tea") -> dict[str, Any]:
        key = {"product_id": {"S": product_id}}
        item: dict[str, Any] = self.dynamodb.get_item(TableName=self.names["PRODUCTS_TABLE"], Key=key)["Item"]
        return item

    def run(self, event: object = TICK, *, remaining: Callable[[], float] = lambda: 300.0) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handle(self.dependencies, event, Deadline(remaining))
        return answer

    @property
    def shown(self) -> dict[str, tuple[str, int, bool]]:
        there = self.simulator.state.products
        return {one.product_id: (one.title, one.price_fen, one.on_shelf) for one in there.values()}

    def calls(self) -> list[str]:
        """The calls since the last look, sorted: they overlap."""
        lines, self._looked = self.simulator.state.activity.after(self._looked), self.simulator.state.activity.newest
        return sorted(str(line["text"]) for line in lines if line["kind"] == "call")

    def drift(self, product_id: str = "tea", **changes: Any) -> None:
        """Someone changes the product at the platform."""
        products = self.simulator.state.products
        products[product_id] = replace(products[product_id], **changes)


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRODUCT_CHECK_SECONDS", str(DAY))
        yield from warm("product_sync")


@pytest.fixture(scope="module")
def names(
    aws: Callable[[str], Any], make_table: Callable[[str], str], make_queue: Callable[[str], str]
) -> dict[str, str]:
    return COMMON | resources(aws, make_table, make_queue) | {"PRODUCT_CHECK_SECONDS": str(DAY)}


@pytest.fixture
def market(
    app: ModuleType,
    aws: Callable[[str], Any],
    names: dict[str, str],
    products_table: str,
    reconciliation_table: str,
) -> Iterator[Market]:
    simulator = Simulator(App("sandbox-app", "the-secret"), profile.load())
    own = {"PRODUCTS_TABLE": products_table, "RECONCILIATION_TABLE": reconciliation_table}
    with served(simulator) as url, http_client.__wrapped__() as http:
        yield Market(app, aws, names | own | {"PLATFORM_URL": url}, simulator, http)


def test_the_example_event_runs_the_function_as_deployed(
    load_function: Callable[..., ModuleType], names: dict[str, str]
) -> None:
    answer = load_function("product_sync", **names).handler(TICK, Context())

    assert ({}, True, []) == (answer["outcomes"], answer["finished"], answer["problems"])


def test_a_catalogue_is_pushed_once_in_yuan_and_then_costs_no_call(market: Market) -> None:
    market.write(TEA, a_product(product_id="cup", title="茶杯", price_fen=100_000, on_shelf=False, price_points=900))

    assert {"pushed": 2} == market.run()["outcomes"]
    assert {"tea": ("龙井", 617, True), "cup": ("茶杯", 100_000, False)} == market.shown
    assert ["products.upsert cup → ok", "products.upsert tea → ok"] == market.calls()
    assert ({"not_compared": 2}, []) == (market.run()["outcomes"], market.calls())


def test_a_changed_row_is_pushed_with_the_next_run_and_the_others_are_left_alone(market: Market) -> None:
    market.write(TEA, a_product(product_id="cup"))
    market.run()
    market.calls()
    market.update("SET price_fen = :price", price={"N": "618"})

    assert {"pushed": 1, "not_compared": 1} == market.run()["outcomes"]
    assert (["products.upsert tea → ok"], 618) == (market.calls(), market.shown["tea"][1])


def test_points_are_the_merchants_own_matter(market: Market) -> None:
    market.write(TEA)
    market.run()
    market.update("SET price_points = :points", points={"N": "300"})

    assert {"not_compared": 1} == market.run()["outcomes"]


def test_a_row_written_over_by_hand_is_pushed_again(market: Market) -> None:
    market.write(TEA)
    market.run()
    market.write(TEA)

    assert {"pushed": 1} == market.run()["outcomes"]


def test_drift_at_the_platform_is_repaired_when_its_time_has_come(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write(TEA, a_product(product_id="cup"), a_product(product_id="pot"))
    market.run()
    market.drift("tea", price_fen=1, on_shelf=False)
    del market.simulator.state.products["cup"]

    assert {"not_compared": 3} == market.run()["outcomes"]
    market.later = DAY + 1
    answer = market.run()

    assert {"repaired": 2, "same": 1} == answer["outcomes"]
    assert {("tea", "price shelf"), ("cup", "missing")} == {
        (found["product_id"], found["detail"]) for found in answer["findings"]
    }
    assert {"tea", "cup", "pot"} == {one for one, shown in market.shown.items() if shown == ("龙井", 617, True)}
    assert [("repaired", [2.0])] == [one for one in metrics(capsys) if one[0] == "repaired"]


def test_a_product_taken_off_here_goes_off_there(market: Market) -> None:
    market.write(TEA)
    market.run()
    market.update("SET on_shelf = :off", off={"BOOL": False})
    market.run()

    assert ("龙井", 617, False) == market.shown["tea"]


def test_a_refused_product_says_why_in_its_row_and_rings_until_it_is_changed(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write(a_product(title="字" * 61))
    for _ in range(2):
        answer = market.run()
        assert [{"product_id": "tea", "outcome": "refused", "detail": "title_too_long"}] == answer["findings"]
        captured = capsys.readouterr().out
        assert '"Products":[1.0]' in captured
        assert '"outcome":"refused"' in captured
        assert "标题" not in captured

    assert "title_too_long: 标题最多 60 个字，现在是 61 个" == market.row()["refused"]["S"]
    assert 1 == len(market.calls())
    market.update("SET title = :short", short={"S": "字"})
    assert {"pushed": 1} == market.run()["outcomes"]
    assert "refused" not in market.row()


def test_refused_products_are_tried_again_on_request(market: Market) -> None:
    refused = a_product(synced_hash=TEA.digest, synced_at=int(time.time()), refused="price_too_high")
    market.write(refused)

    assert {"refused": 1} == market.run()["outcomes"]
    assert {"pushed": 1} == market.run({"retry_refused": True})["outcomes"]


def test_a_malformed_row_is_named_with_its_field_and_holds_nobody_up(market: Market) -> None:
    market.write(a_product(product_id="cup"), TEA)
    market.update("SET price_fen = :text", text={"S": "6.17"})
    answer = market.run()

    assert {"malformed": 1, "pushed": 1} == answer["outcomes"]
    assert [{"product_id": "tea", "outcome": "malformed", "detail": "price_fen"}] == answer["findings"]


def test_all_products_are_compared_now_on_request(market: Market) -> None:
    market.write(TEA, a_product(product_id="cup"))
    market.run()
    market.drift("tea", price_fen=1)

    assert {"repaired": 1, "same": 1} == market.run({"full": True})["outcomes"]


def test_a_pass_that_is_requested_skips_nothing_while_the_schedules_pass_goes_on(market: Market) -> None:
    market.write(*(a_product(product_id=f"p{number:03}") for number in range(150)))
    market.run()
    steps = iter([300.0] * 25)  # a page of 100 products
    cut = market.run({"full": True}, remaining=lambda: next(steps, 0.0))
    market.run(remaining=lambda: 0.0)
    rest = market.run({"full": True, "after": cut["next"]})

    assert ({"same": 100}, False, "p099") == (cut["outcomes"], cut["finished"], cut["next"])
    assert ({"same": 50}, True) == (rest["outcomes"], rest["finished"])


def test_some_products_are_compared_now_when_named(market: Market) -> None:
    market.write(TEA, a_product(product_id="cup"))
    market.run()
    market.calls()
    market.drift("tea", price_fen=1)
    answer = market.run({"product_ids": ["tea", "gone"]})

    assert ({"repaired": 1}, ["gone"], True) == (answer["outcomes"], answer["unknown"], answer["finished"])
    assert ["products.get tea → ok", "products.upsert tea → ok"] == market.calls()


# ── Trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_platform_that_is_down_is_left_alone_until_the_next_run(market: Market) -> None:
    market.write(*(a_product(product_id=f"p{number}") for number in range(20)))
    market.simulator.state.faults = Faults(calls=CallFaults(server_error=1.0))
    answer = market.run()

    assert (False, 1) == (answer["finished"], len(answer["problems"]))
    assert "products.upsert" in answer["problems"][0]
    assert answer["outcomes"]["failed"] <= 4
    market.simulator.state.faults = Faults()
    assert ({"pushed": 20}, True) == ((again := market.run())["outcomes"], again["finished"])


def test_lost_replies_and_overload_cost_repeats_and_nothing_else(market: Market) -> None:
    products = [a_product(product_id=f"p{number}", price_fen=100 + number) for number in range(12)]
    market.write(*products)
    market.simulator.state.faults = Faults(seed=3, calls=CallFaults(lost_reply=0.3, rate_limited=0.1, hold_seconds=0))
    for _ in range(20):
        if market.run()["outcomes"] == {"not_compared": 12}:
            break

    assert {one.product_id: ("龙井", one.price_fen, True) for one in products} == market.shown


def test_a_run_that_is_cut_off_goes_on_where_it_was(market: Market) -> None:
    market.write(*(a_product(product_id=f"p{number:03}") for number in range(150)))
    # a page of 100 products is 25 steps; then six more
    steps = iter([300.0] * 31)
    cut = market.run(remaining=lambda: next(steps, 0.0))

    assert ({"pushed": 124}, False, []) == (cut["outcomes"], cut["finished"], cut["problems"])
    rest = market.run()
    assert ({"pushed": 26, "not_compared": 24}, True) == (rest["outcomes"], rest["finished"])
    assert ("p099", "") == (cut["next"], rest["next"])
    assert {"not_compared": 150} == market.run()["outcomes"]


def test_without_time_nothing_is_begun(market: Market) -> None:
    market.write(TEA)

    assert ({}, False, []) == ((cut := market.run(remaining=lambda: 29.0))["outcomes"], cut["finished"], market.calls())


def test_two_runs_at_once_come_to_the_same_end(market: Market) -> None:
    market.write(*(a_product(product_id=f"p{number}") for number in range(12)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: market.run(), range(2)))

    assert ({"not_compared": 12}, 12) == (market.run()["outcomes"], len(market.shown))


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"product_id": "tea"},
        {"retry_refused": 1},
        {"full": "yes"},
        {"after": 7},
        {"after": None},
        {"product_ids": "tea"},
        {"product_ids": []},
        {"product_ids": [7]},
        {"product_ids": [""]},
        {"product_ids": ["x" * 65]},
        {"product_ids": ["x"] * 101},
    ],
)
def test_a_payload_that_is_none_of_ours_is_refused_in_words(market: Market, event: object) -> None:
    with pytest.raises(market.app.WrongPayload, match="expected"):
        market.run(event)


@pytest.mark.parametrize("missing", ["PRODUCTS_TABLE", "RECONCILIATION_TABLE", "PRODUCT_CHECK_SECONDS"])
def test_a_missing_setting_is_named_at_start(
    load_function: Callable[..., ModuleType], names: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("product_sync", **names | {missing: ""})


def metrics(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, list[float]]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return [(line["outcome"], line["Products"]) for line in lines if "Products" in line]
