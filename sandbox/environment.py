"""The whole sandbox as one value: `with Sandbox() as sandbox:` starts everything, and leaves nothing behind."""

import fcntl
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx

from jiuwu.aws.secrets import AppSecrets
from jiuwu.catalogue.repository import Rows, from_item
from jiuwu.catalogue.sync import Catalogue
from jiuwu.members.accounts import member_id_for
from jiuwu.platform import profile
from jiuwu.platform.calls.client import PlatformClient
from jiuwu.points.ledger import PointsLedger
from jiuwu_cli.products.row_writer import ProductWriter
from sandbox import processes, proxies, warehouse
from sandbox.cloud import ministack, routes, stack
from sandbox.cloud.environments import ROOT, SANDBOX
from sandbox.shop import products
from sandbox.simulator.members import TEST_MEMBERS

APP_ID = "sandbox-app"
WELCOME_POINTS = 1000
_CALLED = {"simulator": "the simulated platform", "shop": "the shop"}


class Ports:
    """The ports that the sandbox listens on: free ones, or three in a row from a given one."""

    def __init__(self, base: int | None = None) -> None:
        found = list(range(base, base + 3)) if base else list(processes.free_ports(3))
        self.front_door, self.simulator, self.aws = found


class Sandbox:
    """MiniStack, the deployed stack, the simulated platform, the front door with the shop, and a warehouse's queue.

    After start: `api_url` (also the shop's and the webhooks' address), `simulator_url`, `stack`, `warehouse_url` (the
    queue that ship requests arrive in), `app_secret`, `merchant_key` (of the back office), `folder` (logs and state),
    `seconds` (how long each step took).
    """

    stack: stack.Stack
    warehouse_url: str
    _return_origins: str

    def __init__(
        self,
        name: str = "default",
        *,
        ports: Ports | None = None,
        parameters: Mapping[str, str] | None = None,
        report: Callable[[str], None] = print,
    ) -> None:
        """Prepare; `parameters` override the template's, `report` receives each step. A name in use gets a number."""
        self._wanted, self._ports, self._parameters, self._report = name, ports or Ports(), parameters or {}, report
        self.api_url = f"http://127.0.0.1:{self._ports.front_door}"
        self.shop_url = f"{self.api_url}/shop/"
        self.simulator_url = f"http://127.0.0.1:{self._ports.simulator}"
        self.app_secret, self.merchant_key = secrets.token_hex(16), secrets.token_hex(16)
        self.seconds: dict[str, float] = {}
        self.folder = SANDBOX
        self._running = ExitStack()
        self._children: dict[str, processes.Child] = {}

    def __enter__(self) -> Self:
        proxies.set_aside()
        with ExitStack() as running:
            self.folder = running.enter_context(_folder(self._wanted))
            with self._naming_ended_parts():
                self._start(running)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._running, self._naming_ended_parts():
            if isinstance(fault, Exception):
                raise fault  # here, so that the part that has ended is named instead of errors that follow from it

    def check(self) -> None:
        """Raise ProcessFailed when a part of the sandbox has ended; its line names the part and its log."""
        for child in self._children.values():
            child.check()

    @contextmanager
    def _naming_ended_parts(self) -> Iterator[None]:
        """Raise the error of the part that has ended instead of one that follows from it."""
        try:
            yield
        except processes.ProcessFailed:
            raise
        except Exception:
            self.check()
            raise

    @property
    def state_file(self) -> Path:
        """Return the file with the URLs and credentials; the jiuwu command finds it from the folder above."""
        home = SANDBOX if self.folder.name == "default" else self.folder / ".sandbox"
        return home / "state.json"

    @property
    def pids(self) -> dict[str, int]:
        """Return the process ids by name; the functions' runtimes are children of "aws"."""
        return {name: child.pid for name, child in self._children.items()}

    def aws(self, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
        """Return a boto3 client of the local AWS."""
        return self.stack.client(service)

    def _start(self, running: ExitStack) -> None:
        with self._step("starting the local AWS and the simulated platform"):
            cloud = ministack.start(self.folder, port=self._ports.aws)
            running.callback(cloud.stop)
            self._children["aws"] = cloud.child
            self._simulator(running)
        with self._step("building"):
            template = stack.build(self.folder, check=self.check)
        with self._step("deploying"):
            self._deploy(cloud.endpoint_url, template)
        with self._step("opening the shop"):
            self._front_door(running)
            self._seed()
        self._write_state(running)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._report(f"{what} …")
        started = time.monotonic()
        yield
        self.seconds[what] = time.monotonic() - started

    def _run(self, running: ExitStack, name: str, *arguments: str) -> processes.Child:
        log = self.folder / f"{name}.log"
        module, called = f"sandbox.{name}", _CALLED[name]
        child = processes.start(sys.executable, module, *arguments, log=log, env=_environment(), cwd=ROOT, name=called)
        running.callback(child.stop)
        self._children[name] = child
        return child

    def _simulator(self, running: ExitStack) -> None:
        port, state = str(self._ports.simulator), str(self.folder / "simulator-state.json")
        identity = ("--app-id", APP_ID, "--app-secret", self.app_secret)
        child = self._run(running, "simulator", "--port", port, "--state-file", state, *identity)
        child.wait_for(f"{self.simulator_url}/healthz")
        wanted = {"webhook_url": f"{self.api_url}/webhooks/jiuwu", "redirect_uris": [f"{self.api_url}/oauth/callback"]}
        httpx.put(f"{self.simulator_url}/_sim/config", json=wanted).raise_for_status()

    def _deploy(self, endpoint_url: str, template: Path) -> None:
        for name, secret in (("jiuwu/app-secret", self.app_secret), ("jiuwu/merchant-key", self.merchant_key)):
            value = json.dumps({"current": secret})
            stack.client(endpoint_url, "secretsmanager").create_secret(Name=name, SecretString=value)
        parameters = {
            "Stage": "dev",
            "AppId": APP_ID,
            "PlatformUrl": self.simulator_url,
            "PublicUrl": self.api_url,
            "ReturnOrigins": self.api_url,
            **self._parameters,
        }
        self._return_origins = parameters["ReturnOrigins"]
        log = self.folder / "deploy.log"
        self.stack = stack.deploy(endpoint_url, template, parameters, log=log, check=self.check)
        routes.connect(self.stack)
        routes.narrow(self.stack)
        self.warehouse_url = warehouse.open_queue(self.stack)

    def _front_door(self, running: ExitStack) -> None:
        api = f"{self.stack.endpoint_url}/_aws/execute-api/{self.stack.resources['Api']}"
        port, origins = str(self._ports.front_door), self._return_origins
        child = self._run(running, "shop", "--port", port, "--api", api, "--return-origins", origins)
        child.wait_for(self.shop_url)

    def _seed(self) -> None:
        """Fill the sandbox: products on both sides, and points for the members whom the consent page offers."""
        table, dynamodb = self.stack.outputs["ProductsTable"], self.aws("dynamodb")
        app = AppSecrets(current=self.app_secret)
        platform = PlatformClient(profile.load(), base_url=self.simulator_url, app_id=APP_ID, secrets=lambda: app)
        ProductWriter(dynamodb, table).write(product.as_entry() for product in products.ALL)
        rows = Rows(dynamodb, table)
        catalogue = Catalogue(rows, lambda: platform)
        for item in rows.every():
            catalogue.keep(from_item(item))
        ledger = PointsLedger(dynamodb, self.stack.outputs["PointsTable"])
        for open_id in TEST_MEMBERS:
            ledger.grant(
                member_id_for(APP_ID, open_id), "welcome", WELCOME_POINTS, at=int(time.time()), reason="新会员"
            )

    def _write_state(self, running: ExitStack) -> None:
        state = {
            "api_url": self.api_url,
            "simulator_url": self.simulator_url,
            "shop_url": self.shop_url,
            "aws_endpoint_url": self.stack.endpoint_url,
            "app_id": APP_ID,
            "app_secret": self.app_secret,
            "merchant_key": self.merchant_key,
            "warehouse_url": self.warehouse_url,
            "stack_outputs": dict(self.stack.outputs),
            "pids": self.pids,
        }
        self.state_file.parent.mkdir(exist_ok=True)
        self.state_file.touch(mode=0o600)
        self.state_file.write_text(json.dumps(state, indent=2), "utf-8")
        running.callback(self.state_file.unlink, missing_ok=True)


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | {"PYTHONUNBUFFERED": "1"}


@contextmanager
def _folder(wanted: str) -> Iterator[Path]:
    """Yield an empty folder of our own: `wanted`, or that with a number while another sandbox has it."""
    locks = SANDBOX / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    for name in chain([wanted], (f"{wanted}-{number}" for number in count(2))):
        with (locks / name).open("w") as lock:
            if _locked(lock):
                folder = SANDBOX / "run" / name
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                yield folder
                return


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
