"""The whole sandbox: the real template deployed, reached through its front door, and gone without a trace."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.catalogue.repository import from_item
from sandbox.cloud import template
from sandbox.cloud.environments import ROOT
from sandbox.environment import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(300, func_only=True)]

READY = "What happens from now on ("
_LINE = "WebhookIntake     notification order.cancelled accepted"


def eventually[T](look: Callable[[], T], *, seconds: float = 60.0) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def routes() -> list[tuple[str, str]]:
    functions = template.resources("AWS::Serverless::Function").values()
    events = [event for function in functions for event in function.get("Events", {}).values()]
    found = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    return [(event["Method"], event["Path"].replace("{order_no}", "JW1")) for event in found]


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_of_the_template_reaches_its_function(sandbox: Sandbox, method: str, path: str) -> None:
    reply = httpx.request(method.replace("ANY", "DELETE"), sandbox.api_url + path, timeout=30)

    assert reply.status_code < 500
    assert reply.text != '{"message":"Not Found"}'


def test_a_path_that_the_template_has_not_is_refused_by_the_gateway(sandbox: Sandbox) -> None:
    reply = httpx.get(f"{sandbox.api_url}/admin")

    assert (reply.status_code, reply.json()) == (404, {"message": "Not Found"})


def test_the_deployed_alarms_and_outputs_are_those_of_the_expanded_template(sandbox: Sandbox) -> None:
    alarms = sandbox.aws("cloudwatch").get_paginator("describe_alarms").paginate().build_full_result()["MetricAlarms"]
    deployed = sorted((one["AlarmDescription"], one["Threshold"]) for one in alarms)
    expected = template.resources("AWS::CloudWatch::Alarm").values()

    assert sorted((one["AlarmDescription"], one["Threshold"]) for one in expected) == deployed
    assert template.load()["Outputs"].keys() == sandbox.stack.outputs.keys()


def notify(simulator_url: str) -> list[tuple[str, int]]:
    """Has the platform send a notification; what became of its attempts, once one was acknowledged."""
    button = f"{simulator_url}/_sim/orders/JWNONE/notify"
    httpx.post(button, json={"event_type": "order.cancelled"}).raise_for_status()

    def attempts() -> list[tuple[str, int]]:
        sent = httpx.get(f"{simulator_url}/_sim/notifications").json()["notifications"]
        outcomes = [(one["outcome"], one["status"]) for one in sent if one["order_no"] == "JWNONE"]
        return outcomes if ("accepted", 200) in outcomes else []

    return eventually(attempts, seconds=120)


def test_the_simulated_platforms_notification_is_acknowledged(sandbox: Sandbox) -> None:
    assert notify(sandbox.simulator_url)


def test_a_ship_request_on_the_merchants_bus_reaches_the_warehouse(sandbox: Sandbox) -> None:
    detail = json.dumps({"effect_id": "test"})
    entry = {"Source": "jiuwu-connect", "DetailType": "ship.requested", "Detail": detail}
    sandbox.aws("events").put_events(Entries=[entry | {"EventBusName": sandbox.stack.outputs["TradeBusName"]}])
    sqs = sandbox.aws("sqs")

    def arrived() -> bool:
        # other tests order too
        messages = sqs.receive_message(QueueUrl=sandbox.warehouse_url, MaxNumberOfMessages=10).get("Messages", [])
        return "test" in [json.loads(message["Body"])["detail"]["effect_id"] for message in messages]

    assert eventually(arrived)


def test_products_are_for_sale_on_both_sides(sandbox: Sandbox) -> None:
    listed = {product["product_id"] for product in httpx.get(f"{sandbox.shop_url}products.json").json()}

    rows = sandbox.aws("dynamodb").scan(TableName=sandbox.stack.outputs["ProductsTable"])["Items"]

    assert {row["product_id"]["S"] for row in rows} == listed
    assert [] == [row for row in rows if from_item(unmarshal_fields(row)).changed or "refused" in row]


@pytest.fixture
def products(sandbox: Sandbox) -> Iterator[Callable[..., str]]:
    """products("list") runs the command on this sandbox; what it made is gone afterwards."""
    table, dynamodb = sandbox.stack.outputs["ProductsTable"], sandbox.aws("dynamodb")
    before = {row["product_id"]["S"] for row in dynamodb.scan(TableName=table)["Items"]}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JIUWU_")}
    environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'layers/jiuwu'}"

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "jiuwu_cli.main", "products", *arguments]
        # the command finds a sandbox's state from the folder it stands in
        folder = sandbox.state_file.parents[1]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
        return done.stdout + done.stderr

    yield run
    for row in dynamodb.scan(TableName=table)["Items"]:
        if row["product_id"]["S"] not in before:
            dynamodb.delete_item(TableName=table, Key={"product_id": row["product_id"]})


def test_a_price_list_goes_to_the_platform_and_back_comes_what_it_refused(
    sandbox: Sandbox, products: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("product_id,title,price\ntest-tea,龙井,6.17\ntest-fake,高仿手表,6.17\n", "utf-8")

    said = products("push", str(file))
    assert "platform: 1 pushed, 1 refused" in said, said
    assert "title_forbidden: 标题含有禁用词“高仿”" in said
    assert "title_forbidden" in products("list", "--refused")
    httpx.put(f"{sandbox.simulator_url}/_sim/products/test-tea", json={"price": "0.01"}).raise_for_status()
    assert "repaired  test-tea  price" in products("sync")
    assert "platform: 2 pushed" in products("unpublish", "test-fake", "test-tea")


def test_a_second_sandbox_runs_beside_the_first_and_ends_without_a_trace(sandbox: Sandbox, tmp_path: Path) -> None:
    output = tmp_path / "output"
    # as a shell runs what it has in the background: without SIGINT, which `up` wants all the same
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "sandbox.up", "--name", "tests"]
    with output.open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as second:
        try:
            eventually(lambda: READY in output.read_text() or second.poll() is not None, seconds=200)
            assert READY in output.read_text()
            # it says which name was free: other workers of this run may have sandboxes too
            state_file = ROOT / re.findall(r"(?m)^ +state +(\S+)", output.read_text())[0]
            state = json.loads(state_file.read_text())
            assert stat.S_IMODE(state_file.stat().st_mode) == 0o600
            eventually(lambda: notify(state["simulator_url"]) and _LINE in output.read_text())
        finally:
            second.send_signal(signal.SIGINT)
        assert second.wait(30) == 0

    assert _LINE in output.read_text()
    # the adopter of a killed process takes a moment to reap it
    assert eventually(lambda: not any(alive(group) for group in state["pids"].values()), seconds=5)
    assert not state_file.exists()
    assert httpx.get(sandbox.shop_url).status_code == 200


HOSTILE = {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9", "PYTHONIOENCODING": "ascii"}


@pytest.mark.parametrize(("part", "name"), [("simulator", "the simulated platform"), ("aws", "the local AWS")])
def test_a_part_that_dies_is_named_at_once_behind_any_proxy_and_on_any_terminal(
    tmp_path: Path, part: str, name: str
) -> None:
    output = tmp_path / "output"
    command = [sys.executable, "-m", "sandbox.up", "--name", "tests"]
    with (
        output.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=os.environ | HOSTILE) as up,
    ):
        try:
            eventually(lambda: READY in output.read_text() or up.poll() is not None, seconds=200)
            state = json.loads((ROOT / re.findall(r"(?m)^ +state +(\S+)", output.read_text())[0]).read_text())
            os.killpg(state["pids"][part], signal.SIGKILL)
            assert 1 == up.wait(20)
        finally:
            up.kill()

    last = output.read_text().splitlines()[-1]
    assert re.fullmatch(
        rf"the sandbox ends: {name} has ended \(killed by SIGKILL\); its log is \.sandbox/.*\.log", last
    )
    assert "Traceback" not in output.read_text()
    assert eventually(lambda: not any(alive(group) for group in state["pids"].values()), seconds=5)
