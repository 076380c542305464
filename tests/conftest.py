"""One local AWS per test process, and fresh resources per test, made as template.yaml defines them."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import boto3
import pytest
from hypothesis import HealthCheck, settings

from jiuwu.aws import clients
from sandbox import proxies
from sandbox.cloud import ministack, template
from sandbox.cloud.environments import ROOT
from sandbox.environment import Sandbox

# The local AWS, the simulator and the tests' own servers are on this machine.
proxies.set_aside()
# No test reaches a real account: until the local AWS runs, the endpoint is the loopback's discard port.
os.environ |= ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
for _name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
    os.environ.pop(_name, None)
# How long an input takes to make says nothing about us on a machine that is busy with other tests.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
# What Powertools wants to know wherever it is used.
os.environ |= {"POWERTOOLS_SERVICE_NAME": "tests", "POWERTOOLS_METRICS_NAMESPACE": "Jiuwu"}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ministack.MiniStack]:
    """The local AWS of this test process; AWS_ENDPOINT_URL points at it from here on."""
    running = ministack.start(tmp_path_factory.mktemp("cloud"))
    os.environ["AWS_ENDPOINT_URL"] = running.endpoint_url
    clients.client.cache_clear()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def aws(cloud: ministack.MiniStack) -> Callable[[str], Any]:
    """aws("sqs") is a boto3 client of the local AWS."""
    session: Any = boto3.Session()  # the stubs want each service's name spelled out
    return lambda service: session.client(service, endpoint_url=cloud.endpoint_url)


def _unique(name: str) -> str:
    return f"{name}-{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def make_table(aws: Callable[[str], Any]) -> Callable[[str], str]:
    """make_table("OrdersTable") makes an empty table as the template defines that one, and returns its name."""

    def make(logical_id: str) -> str:
        properties, name = template.resources("AWS::DynamoDB::Table")[logical_id], _unique(logical_id)
        taken_over = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        aws("dynamodb").create_table(
            TableName=name, **{key: properties[key] for key in taken_over if key in properties}
        )
        return name

    return make


@pytest.fixture(scope="session")
def make_queue(aws: Callable[[str], Any]) -> Callable[[str], str]:
    """make_queue("OrderQueue") makes an empty queue with the template's visibility timeout, and returns its URL."""

    def make(logical_id: str) -> str:
        timeout = template.resources("AWS::SQS::Queue")[logical_id].get("VisibilityTimeout", 30)
        attributes = {"VisibilityTimeout": str(timeout)}
        url: str = aws("sqs").create_queue(QueueName=_unique(logical_id), Attributes=attributes)["QueueUrl"]
        return url

    return make


@pytest.fixture
def orders_table(make_table: Callable[[str], str]) -> str:
    return make_table("OrdersTable")


@pytest.fixture
def members_table(make_table: Callable[[str], str]) -> str:
    return make_table("MembersTable")


@pytest.fixture
def logins_table(make_table: Callable[[str], str]) -> str:
    return make_table("LoginsTable")


@pytest.fixture
def limits_table(make_table: Callable[[str], str]) -> str:
    return make_table("LimitsTable")


@pytest.fixture
def products_table(make_table: Callable[[str], str]) -> str:
    return make_table("ProductsTable")


@pytest.fixture
def points_table(make_table: Callable[[str], str]) -> str:
    return make_table("PointsTable")


@pytest.fixture
def reconciliation_table(make_table: Callable[[str], str]) -> str:
    return make_table("ReconciliationTable")


@pytest.fixture
def dead_letters_table(make_table: Callable[[str], str]) -> str:
    return make_table("DeadLettersTable")


@pytest.fixture
def order_queue(make_queue: Callable[[str], str]) -> str:
    return make_queue("OrderQueue")


@pytest.fixture
def community_queue(make_queue: Callable[[str], str]) -> str:
    return make_queue("CommunityQueue")


@pytest.fixture
def effect_queue(make_queue: Callable[[str], str]) -> str:
    return make_queue("EffectQueue")


@pytest.fixture
def reconcile_queue(make_queue: Callable[[str], str]) -> str:
    return make_queue("ReconcileQueue")


@pytest.fixture
def refresh_queue(make_queue: Callable[[str], str]) -> str:
    return make_queue("RefreshQueue")


@pytest.fixture
def order_dead_letters(make_queue: Callable[[str], str]) -> str:
    return make_queue("OrderDeadLetters")


@pytest.fixture
def token_key(aws: Callable[[str], Any]) -> str:
    """A KMS key's id."""
    key_id: str = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    return key_id


@pytest.fixture
def app_secret(aws: Callable[[str], Any]) -> str:
    """The name of a secret in rotation: {"current": "app-secret-current", "previous": "app-secret-previous"}."""
    value = json.dumps({"current": "app-secret-current", "previous": "app-secret-previous"})
    name: str = aws("secretsmanager").create_secret(Name=_unique("app"), SecretString=value)["Name"]
    return name


@pytest.fixture
def event_bus(aws: Callable[[str], Any]) -> str:
    """The name of an event bus without rules."""
    name = _unique("merchant")
    aws("events").create_event_bus(Name=name)
    return name


@pytest.fixture
def load_function(cloud: ministack.MiniStack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """load_function("storefront", ORDERS_TABLE=…) imports functions/storefront/app.py afresh, as a cold start does."""

    def load(name: str, **environment: str) -> ModuleType:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        clients.client.cache_clear()
        module = f"functions.{name}.app"
        sys.modules.pop(module, None)
        return importlib.import_module(module)

    return load


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The whole sandbox, built and deployed once.

    For tests marked xdist_group("sandbox"), so that they share it, and timeout(…, func_only=True): starting it may take
    minutes on a busy machine.
    """
    with Sandbox("tests", report=lambda _: None) as running:
        yield running


@pytest.fixture
def project() -> Path:
    """The repository's folder."""
    return ROOT
