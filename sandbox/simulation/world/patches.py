"""Patch the real modules to use a world's clock, random source and AWS; undo the patches when the world ends.

Functions take their clock as an argument whose default is `time.time`, and Lambda's entry points use that default. To
run these very entry points on virtual time, the defaults are replaced in the loaded modules and restored at the end.
Thread pools run their calls in sequence, so that one seed gives one run.
"""

import importlib
import pkgutil
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3

import jiuwu
from jiuwu.aws import clients, telemetry
from jiuwu.platform.calls import transport
from jiuwu.runtime import SYSTEM, Runtime
from sandbox.simulation.aws.account import Account
from sandbox.simulation.world.clock import Clock

_OURS = ("jiuwu.", "functions.", "sandbox.simulator.")

type Undo = Callable[[], None]


class SynchronousExecutor:
    """A ThreadPoolExecutor that runs each call at once in the calling thread."""

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers

    def __enter__(self) -> "SynchronousExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing runs any more."""

    def submit(self, call: Callable[..., Any], /, *given: object, **named: object) -> "Future[Any]":
        """Return a finished future; a BaseException passes through, as the end of a process ends all threads."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*given, **named))
        except Exception as error:  # noqa: BLE001 -- the future hands it on
            future.set_exception(error)
        return future

    def map(self, call: Callable[..., Any], *columns: Any) -> Iterator[Any]:  # noqa: ANN401 -- as the real one
        """Return the results in sequence."""
        return iter([call(*row) for row in zip(*columns, strict=False)])


class _Module(types.ModuleType):
    """A module with some names replaced."""

    def __init__(self, real: types.ModuleType, **others: object) -> None:
        super().__init__(real.__name__)
        self._real = real
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- as the real one
        return getattr(self._real, name)


class Patches:
    """The patches of one world, and how to undo them."""

    def __init__(
        self, clock: Clock, rng: random.Random, http: Callable[[], object], captured: "CapturedTelemetry"
    ) -> None:
        self._times: dict[str, object] = {
            "time": clock,
            "sleep": clock.sleep,
            "monotonic": clock,
            "perf_counter": clock,
        }
        runtime = Runtime(clock, clock, clock.sleep, rng.random)
        real = [(getattr(time, name), other) for name, other in self._times.items()]
        self._others: list[tuple[object, object]] = [*real, (random.random, rng.random), (SYSTEM, runtime)]
        self._modules: list[tuple[object, object]] = [
            (time, _Module(time, **self._times)),
            (random, _Module(random, random=rng.random)),
            (SYSTEM, runtime),
            (ThreadPoolExecutor, SynchronousExecutor),
            (transport.http_client, http),
            (telemetry.logger, captured),
            (telemetry.count, captured.count),
            (telemetry.milliseconds, captured.milliseconds),
        ]
        self._undo: list[Undo] = []
        self._seen: set[str] = set()

    def apply(self) -> None:
        """Patch every loaded module of this project that is not patched yet."""
        for name, module in list(sys.modules.items()):
            if name.startswith(_OURS) and name not in self._seen:
                self._seen.add(name)
                self._apply_to(module)

    def apply_permanently(self, module: types.ModuleType) -> None:
        """Patch a module that is discarded with the world; `undo` leaves it alone."""
        owed = len(self._undo)
        self._apply_to(module)
        del self._undo[owed:]

    def undo(self) -> None:
        """Restore everything."""
        while self._undo:
            self._undo.pop()()
        self._seen.clear()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Replace `time.time` and `time.sleep` while a function's module is loaded, for what it creates at import.

        Monotonic time stays real: an event loop of another thread would schedule by it, and wait for ever.
        """
        saved = {name: getattr(time, name) for name in ("time", "sleep")}
        try:
            vars(time).update({name: self._times[name] for name in saved})
            yield
        finally:
            vars(time).update(saved)

    def replace(self, holder: object, name: str, other: object) -> None:
        """Set `holder.name` to `other` until `undo`."""
        self._undo.append(partial(setattr, holder, name, getattr(holder, name)))
        setattr(holder, name, other)

    def _apply_to(self, module: types.ModuleType) -> None:
        for name, found in list(vars(module).items()):
            for real, other in self._modules:
                if found is real:
                    self.replace(module, name, other)
            if getattr(found, "__module__", "") == module.__name__:
                for function in _functions(found):
                    self._apply_to_defaults(function)

    def _apply_to_defaults(self, function: types.FunctionType) -> None:
        if (
            function.__defaults__
            and (changed := tuple(map(self._other, function.__defaults__))) != function.__defaults__
        ):
            self.replace(function, "__defaults__", changed)
        named = function.__kwdefaults__
        if named and any(self._other(value) is not value for value in named.values()):
            self.replace(function, "__kwdefaults__", {name: self._other(value) for name, value in named.items()})

    def _other(self, found: object) -> object:
        return next((other for real, other in self._others if found is real), found)


def _functions(found: object) -> Iterator[types.FunctionType]:
    if isinstance(found, types.FunctionType):
        yield found
    elif isinstance(found, type):
        for part in vars(found).values():
            inner = part.__func__ if isinstance(part, (staticmethod, classmethod)) else part
            if isinstance(inner, types.FunctionType):
                yield inner


@contextmanager
def patched(
    clock: Clock, rng: random.Random, account: Account, http: Callable[[], object], captured: "CapturedTelemetry"
) -> Iterator[Patches]:
    """Patch all modules of the layer to use this clock, random source, account and HTTP client."""
    for found in pkgutil.walk_packages(jiuwu.__path__, "jiuwu."):
        importlib.import_module(found.name)
    patches = Patches(clock, rng, http, captured)
    session = boto3.DEFAULT_SESSION
    try:
        # boto3.client goes by this session, and jiuwu.aws.clients by boto3.client
        boto3.DEFAULT_SESSION = account  # type: ignore[assignment]
        clients.client.cache_clear()
        patches.apply()
        yield patches
    finally:
        patches.undo()
        boto3.DEFAULT_SESSION = session
        clients.client.cache_clear()


class CapturedTelemetry:
    """What the functions log and count: metrics by name and labels, and log lines from warning up.

    With `keep_all` it keeps all lines.
    """

    def __init__(self) -> None:
        self.keep_all = False
        self.metrics: dict[tuple[str, ...], float] = {}
        self.lines: list[tuple[str, str, Mapping[str, object]]] = []

    def count(self, name: str, value: float = 1, *, also: str = "", **dimensions: str) -> None:
        """Count a metric, in place of `telemetry.count`."""
        for metric in filter(None, (name, also)):
            key = (metric, *(f"{label}={captured}" for label, captured in dimensions.items()))
            self.metrics[key] = self.metrics.get(key, 0.0) + value

    def milliseconds(self, name: str, _value: float, **dimensions: str) -> None:
        """Count how often, in place of `telemetry.milliseconds`: virtual calls take no time."""
        self.count(name, 1, **dimensions)

    def info(self, message: str, **fields: object) -> None:
        if self.keep_all:
            self._keep("info", message, fields)

    debug = info

    def warning(self, message: str, **fields: object) -> None:
        self._keep("warning", message, fields)

    def error(self, message: str, **fields: object) -> None:
        self._keep("error", message, fields)

    exception = error

    def _keep(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        self.lines.append((level, message, fields))
