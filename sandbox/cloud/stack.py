"""The real template in the local AWS: built and deployed by the SAM CLI, as it is for AWS."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from sandbox import processes
from sandbox.cloud import environments, ministack
from sandbox.cloud.environments import ROOT, SANDBOX

NAME = "jiuwu-dev"


@dataclass(frozen=True)
class Stack:
    """The deployed stack: its outputs and its resources' physical names by logical id."""

    endpoint_url: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def client(self, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
        """A boto3 client of the local AWS."""
        return client(self.endpoint_url, service)

    def invoke(self, function: str, payload: Any) -> Any:  # noqa: ANN401 -- a function's reply is any JSON
        """Invokes a function by its name in the template and returns its reply; raises InvocationFailed."""
        name = f"{self.resources[function]}:live"
        reply = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        body = json.loads(reply["Payload"].read())
        if "FunctionError" in reply:
            raise InvocationFailed(f"{function}: {body}")
        return body


class InvocationFailed(Exception):
    """A function ended with an error."""


def client(endpoint_url: str, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
    """A boto3 client of the local AWS at `endpoint_url`, never of a real account."""
    session: Any = boto3.Session(
        aws_access_key_id=ministack.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ministack.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=ministack.REGION,
    )
    return session.client(service, endpoint_url=endpoint_url)


def build(folder: Path) -> Path:
    """Builds the template into `folder`/build, what is imported compiled; returns the built template's path."""
    log, shared = folder / "build.log", SANDBOX / "sam"
    # one place for all, because SAM keeps what it built before beside its build folder
    shared.mkdir(parents=True, exist_ok=True)
    with environments.exclusive(SANDBOX / "sam.lock"):
        options = ["--cached", "--parallel", "--cache-dir", str(shared / "cache"), "--build-dir", str(shared / "build")]
        _sam("build", *options, *_overrides(_local()), log=log, env=_environment())
        _compile(shared / "build", log)
        shutil.copytree(shared / "build", folder / "build")
    return folder / "build/template.yaml"


def deploy(endpoint_url: str, template: Path, parameters: Mapping[str, str], *, log: Path) -> Stack:
    """Deploys a built template with samconfig's dev settings, `parameters` over the template's defaults."""
    options = ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "dev", "--template-file", str(template)]
    env = _environment() | ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint_url}
    _sam("deploy", *options, "--no-progressbar", *_overrides({**parameters, **_local()}), log=log, env=env)
    return _describe(endpoint_url)


def _describe(endpoint_url: str) -> Stack:
    cloudformation = client(endpoint_url, "cloudformation")
    outputs = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
    resources = cloudformation.describe_stack_resources(StackName=NAME)["StackResources"]
    return Stack(
        endpoint_url,
        {output["OutputKey"]: output["OutputValue"] for output in outputs},
        {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
    )


def _local() -> Mapping[str, str]:
    # the wheels in the layer must fit this machine, not the template's default
    machine = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    return {"Architecture": machine}


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    return ["--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())]


def _sam(*arguments: str, log: Path, env: Mapping[str, str]) -> None:
    processes.run([str(environments.sam() / "sam"), *arguments], log=log, env=env, cwd=ROOT)


def _environment() -> dict[str, str]:
    # SAM looks for `python3.13` on the path: ours, whatever else there is; pip's own settings stay
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return kept | {"PATH": path, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}


def _compile(built: Path, log: Path) -> None:
    # Unchecked hashes: zipping loses the times that Python would otherwise compare. Halves cold starts.
    options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(built), "-p", "/opt"]
    command = [sys.executable, "-m", "compileall", *options, str(built)]
    processes.run(command, log=log, env=os.environ, cwd=built)
