"""Cold starts of the built functions: a process that imports one, over one that only makes the clients it uses."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import Ratio, alternate, wall_milliseconds
from sandbox.cloud import ministack
from sandbox.environment import Sandbox

_ROUNDS = 9
# Prints the names of the clients that a function makes at import.
_CLIENT_PROBE = """
import boto3, json, sys
made, real = [], boto3.client
boto3.client = lambda service, **options: (made.append(service), real(service, **options))[1]
import app
json.dump(made, sys.stderr)
"""


def run(sandbox: Sandbox) -> list[Ratio]:
    """Return one ratio per function. The intake's floor makes the SQS client only, the others' make all of theirs."""
    functions = sorted(path.parent.name for path in (sandbox.folder / "build").glob("*/app.py"))
    return [_ratio(sandbox, function) for function in functions]


def _ratio(sandbox: Sandbox, function: str) -> Ratio:
    env, folder = environment(sandbox, function), sandbox.folder / "build" / function
    clients = ["sqs"] if function == "WebhookIntake" else _clients(env, folder)
    floor = f"import boto3; [boto3.client(name) for name in {clients!r}]"
    times = alternate(lambda: start("import app", env, folder), lambda: start(floor, env, folder), _ROUNDS)
    budget = 1.15 if function == "WebhookIntake" else 1.5
    return Ratio(f"{function}, cold ÷ client{'s' * (len(clients) > 1)} of {', '.join(clients)}", *times, "ms", budget)


def _clients(env: Mapping[str, str], folder: Path) -> Sequence[str]:
    ended = _python(_CLIENT_PROBE, env, folder)
    clients: list[str] = json.loads(ended.stderr.splitlines()[-1])
    return clients


def start(code: str, env: Mapping[str, str], folder: Path) -> float:
    """Return the milliseconds that a fresh process takes to run `code` in a function's folder."""
    return wall_milliseconds(lambda: _python(code, env, folder))


def _python(code: str, env: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    # the interpreter without our environment's packages: only what the layer ships is on the path
    interpreter = str(Path(sys.base_prefix) / "bin" / "python3.13")
    return subprocess.run([interpreter, "-c", code], env=env, cwd=folder, check=True, capture_output=True)


def environment(sandbox: Sandbox, function: str) -> dict[str, str]:
    """Return the environment of a function as deployed, with only the layer on Python's path."""
    name = sandbox.stack.resources[function]
    deployed = sandbox.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    layer = sandbox.folder / "build" / "JiuwuLayer" / "python"
    here = {"PYTHONPATH": str(layer), "AWS_ENDPOINT_URL": sandbox.stack.endpoint_url, "PATH": os.environ["PATH"]}
    return dict(deployed) | ministack.CREDENTIALS | here
