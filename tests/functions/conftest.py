"""Functions of the money path, loaded as a cold start does, on resources of their own."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.functions.order_processor_rig import Rig
from tests.functions.trade_messages import ENVIRONMENT, listen


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
    return Rig(load_function("order_processor", **environment), environment, aws, listen(capsys))
