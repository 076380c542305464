"""Functions of the money path, loaded as a cold start does, on resources of their own."""

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.functions.both_sides import COMMON, NOWHERE, Sides, resources
from tests.functions.order_processor_rig import Rig
from tests.functions.reconciler_rig import Clockwork
from tests.functions.storefront_rig import Customer
from tests.functions.trade_messages import ENVIRONMENT, capture_telemetry


@pytest.fixture
def environment(orders_table: str, effect_queue: str, order_dead_letters: str, app_secret: str) -> dict[str, str]:
    return ENVIRONMENT | {
        "ORDERS_TABLE": orders_table,
        "EFFECT_QUEUE_URL": effect_queue,
        "ORDER_DEAD_LETTER_URL": order_dead_letters,
        "APP_SECRET_NAME": app_secret,
    }


@pytest.fixture
def rig(
    load_function: Callable[..., ModuleType],
    aws: Callable[[str], Any],
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> Rig:
    return Rig(load_function("order_processor", **environment), environment, aws, capture_telemetry(capsys))


# ── Storefront and Reconciler ─────────────────────────────────────────────────────────────────────────────────────────


def warm(name: str) -> Iterator[ModuleType]:
    """A function as one warm process for a module's tests; each test serves tables of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in NOWHERE.items():
            patch.setenv(variable, value)
        sys.modules.pop(f"functions.{name}.app", None)
        yield importlib.import_module(f"functions.{name}.app")


@pytest.fixture(scope="module")
def storefront(cloud: object) -> Iterator[ModuleType]:
    yield from warm("storefront")


@pytest.fixture(scope="module")
def reconciler(cloud: object) -> Iterator[ModuleType]:
    yield from warm("reconciler")


@pytest.fixture(scope="module")
def trade_names(
    aws: Callable[[str], Any], make_table: Callable[[str], str], make_queue: Callable[[str], str]
) -> dict[str, str]:
    """The environment of Storefront and Reconciler: one set of tables for a module's tests."""
    return COMMON | resources(aws, make_table, make_queue)


@pytest.fixture
def sides(aws: Callable[[str], Any], trade_names: dict[str, str]) -> Sides:
    return Sides(aws, trade_names)


@pytest.fixture
def lan(storefront: ModuleType, sides: Sides) -> Customer:
    return Customer(storefront, sides)


@pytest.fixture(scope="module")
def junk_shop(storefront: ModuleType, aws: Callable[[str], Any], trade_names: dict[str, str]) -> Customer:
    """One member for all that ends in a refusal: none of it leaves anything behind."""
    return Customer(storefront, Sides(aws, trade_names))


@pytest.fixture
def clockwork(
    reconciler: ModuleType,
    aws: Callable[[str], Any],
    trade_names: dict[str, str],
    orders_table: str,
    reconciliation_table: str,
    reconcile_queue: str,
) -> Clockwork:
    # a tick looks at whatever is due, so each test has orders of its own
    own = {"ORDERS_TABLE": orders_table, "RECONCILIATION_TABLE": reconciliation_table}
    own["RECONCILE_QUEUE_URL"] = reconcile_queue
    return Clockwork(reconciler, Sides(aws, trade_names | own))
