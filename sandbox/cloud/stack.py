"""Build and deploy the real template into the local AWS with the SAM CLI, as for AWS."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from sandbox import processes, proxies
from sandbox.cloud import environments, ministack
from sandbox.cloud.environments import ROOT, SANDBOX

NAME = "jiuwu-dev"
_ARCHITECTURE = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())


@dataclass(frozen=True)
class Stack:
    """The deployed stack: its outputs and its resources' physical names by logical id."""

    endpoint_url: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def client(self, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
        """Return a boto3 client of the local AWS."""
        return client(self.endpoint_url, service)

    def invoke(self, function: str, payload: Any) -> Any:  # noqa: ANN401 -- a function's reply is any JSON
        """Invoke a function by its name in the template, and return its reply; raise InvocationFailed."""
        name = f"{self.resources[function]}:live"
        reply = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
        body = json.loads(reply["Payload"].read())
        if "FunctionError" in reply:
            raise InvocationFailed(f"{function}: {body}")
        return body


class InvocationFailed(Exception):
    """A function ended with an error."""


def client(endpoint_url: str, service: str) -> Any:  # noqa: ANN401 -- callers annotate with the service's stub type
    """Return a boto3 client of the local AWS at `endpoint_url`, never of a real account."""
    session: Any = boto3.Session(
        aws_access_key_id=ministack.CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ministack.CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=ministack.REGION,
    )
    # an invocation may take as long as its function may; other requests are retried after some seconds
    timeouts = Config(read_timeout=310 if service == "lambda" else 10, retries={"mode": "standard"})
    return session.client(service, endpoint_url=endpoint_url, config=timeouts)


def build(folder: Path, *, check: Callable[[], None] = lambda: None) -> Path:
    """Build the template for this machine into `folder`/build, and return the built template's path.

    `check` is called meanwhile; what it raises ends the build.
    """
    log, shared = folder / "build.log", SANDBOX / "sam"
    # one place for all, because SAM keeps what it built before beside its build folder
    shared.mkdir(parents=True, exist_ok=True)
    with environments.exclusive(SANDBOX / "sam.lock"):
        # the wheels in the layer must fit this machine, not the template's default
        _build(shared / "build", shared / "cache", _ARCHITECTURE, log, check)
        shutil.copytree(shared / "build", folder / "build")
    return folder / "build/template.yaml"


def _build(into: Path, cache: Path, architecture: str, log: Path, check: Callable[[], None] = lambda: None) -> None:
    options = ["--cached", "--parallel", "--cache-dir", str(cache), "--build-dir", str(into)]
    template = ["--template-file", str(ROOT / "template.yaml")]
    # SAM keeps downloaded dependencies below the folder it is called in, and throws away those of another build there
    below = into.parent if into.is_relative_to(SANDBOX) else ROOT
    overrides = _overrides({"Architecture": architecture})
    env = _environment(proxies.outside())
    _sam("build", *template, *options, *overrides, log=log, env=env, cwd=below, check=check)
    # Unchecked hashes: zipping loses the times that Python would otherwise compare.
    compiler = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(into), "-p", "/opt", str(into)]
    processes.run([sys.executable, "-m", "compileall", *compiler], log=log, env=os.environ, cwd=into)


def deploy(
    endpoint_url: str,
    template: Path,
    parameters: Mapping[str, str],
    *,
    log: Path,
    check: Callable[[], None] = lambda: None,
) -> Stack:
    """Deploy a built template with samconfig's dev settings, `parameters` over the template's defaults."""
    options = ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "dev", "--template-file", str(template)]
    env = _environment(os.environ) | ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint_url}
    _sam(
        "deploy",
        *options,
        "--no-progressbar",
        *_overrides({**parameters, "Architecture": _ARCHITECTURE}),
        log=log,
        env=env,
        check=check,
    )
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


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    return ["--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())]


def _sam(
    *arguments: str,
    log: Path,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    check: Callable[[], None] = lambda: None,
) -> None:
    processes.run([str(environments.sam() / "sam"), *arguments], log=log, env=env, cwd=cwd, check=check)


def _environment(base: Mapping[str, str]) -> dict[str, str]:
    # SAM looks for `python3.13` on the path: ours, whatever else there is; pip's own settings stay
    path = f"{Path(sys.executable).parent}{os.pathsep}{base['PATH']}"
    kept = {key: value for key, value in base.items() if not key.startswith("AWS_")}
    settings = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1", "SAM_CLI_ENABLE_LANGUAGE_EXTENSIONS": "1"}
    return kept | {"PATH": path} | settings


def main() -> None:
    """Build what `sam deploy` ships: python -m sandbox.cloud.stack [arm64|x86_64]."""
    folder = ROOT / ".aws-sam"
    folder.mkdir(exist_ok=True)
    _build(folder / "build", folder / "cache", sys.argv[1] if len(sys.argv) > 1 else "arm64", folder / "build.log")
    sam = "sam" if shutil.which("sam") else (environments.sam() / "sam").relative_to(ROOT)
    print(f"built; next: {sam} deploy --config-env staging")


if __name__ == "__main__":
    main()
