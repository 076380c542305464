"""Lends the real modules another time, another chance and another AWS, for as long as a town lives.

Functions take their clock as an argument whose default is `time.time`, and Lambda's entry points use that default. To
run these very entry points on virtual time, the defaults are exchanged in the loaded modules, and given back at the
end. Threads become calls in sequence, so that one seed gives one story.
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
from sandbox.simulation.aws.account import Account
from sandbox.simulation.world.clock import Clock

_OURS = ("jiuwu.", "functions.", "sandbox.simulator.")

type Undo = Callable[[], None]


class InSequence:
    """A pool that does what it is given at once, in the calling thread."""

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers

    def __enter__(self) -> "InSequence":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs any more."""

    def submit(self, call: Callable[..., Any], /, *given: object, **named: object) -> "Future[Any]":
        """A future that has its result already; the end of the process goes through it, as it ends all threads."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*given, **named))
        except Exception as error:  # noqa: BLE001 -- the future hands it on
            future.set_exception(error)
        return future

    def map(self, call: Callable[..., Any], *columns: Any) -> Iterator[Any]:  # noqa: ANN401 -- as the real one
        """The results, in sequence."""
        return iter([call(*row) for row in zip(*columns, strict=False)])


class _Module(types.ModuleType):
    """A module of which some names are others."""

    def __init__(self, real: types.ModuleType, **others: object) -> None:
        super().__init__(real.__name__)
        self._real = real
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- as the real one
        return getattr(self._real, name)


class Lent:
    """What is lent to the modules, and what has to be given back."""

    def __init__(self, clock: Clock, dice: random.Random, http: Callable[[], object], said: "Said") -> None:
        self._times: dict[str, object] = {
            "time": clock,
            "sleep": clock.sleep,
            "monotonic": clock,
            "perf_counter": clock,
        }
        real = [(getattr(time, name), other) for name, other in self._times.items()]
        self._others: list[tuple[object, object]] = [*real, (random.random, dice.random)]
        self._modules: list[tuple[object, object]] = [
            (time, _Module(time, **self._times)),
            (random, _Module(random, random=dice.random)),
            (ThreadPoolExecutor, InSequence),
            (transport.http_client, http),
            (telemetry.logger, said),
            (telemetry.count, said.count),
            (telemetry.milliseconds, said.milliseconds),
        ]
        self._undo: list[Undo] = []
        self._seen: set[str] = set()

    def lend(self) -> None:
        """To every module of ours that is loaded and has not got it yet."""
        for name, module in list(sys.modules.items()):
            if name.startswith(_OURS) and name not in self._seen:
                self._seen.add(name)
                self._lend_to(module)

    def lend_for_good(self, module: types.ModuleType) -> None:
        """To a module that ends with the town."""
        owed = len(self._undo)
        self._lend_to(module)
        del self._undo[owed:]

    def give_back(self) -> None:
        """Everything as it was."""
        while self._undo:
            self._undo.pop()()
        self._seen.clear()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """While a function's module is loaded: what it makes then, it makes with the time of the town.

        Only the calendar's: an event loop of another thread would plan its next step by the other, and wait for ever.
        """
        saved = {name: getattr(time, name) for name in ("time", "sleep")}
        try:
            vars(time).update({name: self._times[name] for name in saved})
            yield
        finally:
            vars(time).update(saved)

    def replace(self, holder: object, name: str, other: object) -> None:
        """holder.name is `other` until it is given back."""
        self._undo.append(partial(setattr, holder, name, getattr(holder, name)))
        setattr(holder, name, other)

    def _lend_to(self, module: types.ModuleType) -> None:
        for name, found in list(vars(module).items()):
            for real, other in self._modules:
                if found is real:
                    self.replace(module, name, other)
            if getattr(found, "__module__", "") == module.__name__:
                for function in _functions(found):
                    self._lend_defaults(function)

    def _lend_defaults(self, function: types.FunctionType) -> None:
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
def lent(
    clock: Clock, dice: random.Random, account: Account, http: Callable[[], object], said: "Said"
) -> Iterator[Lent]:
    """All modules of the layer on this clock, this chance, this account and this way to the platform."""
    for found in pkgutil.walk_packages(jiuwu.__path__, "jiuwu."):
        importlib.import_module(found.name)
    loans = Lent(clock, dice, http, said)
    session = boto3.DEFAULT_SESSION
    try:
        # boto3.client goes by this session, and jiuwu.aws.clients by boto3.client
        boto3.DEFAULT_SESSION = account  # type: ignore[assignment]
        clients.client.cache_clear()
        loans.lend()
        yield loans
    finally:
        loans.give_back()
        boto3.DEFAULT_SESSION = session
        clients.client.cache_clear()


class Said:
    """What the functions log and count: metrics by name and labels, and the lines from warning up, or all lines when
    it `keeps_all`."""

    def __init__(self) -> None:
        self.keeps_all = False
        self.metrics: dict[tuple[str, ...], float] = {}
        self.lines: list[tuple[str, str, Mapping[str, object]]] = []

    def count(self, name: str, value: float = 1, *, also: str = "", **dimensions: str) -> None:
        """In place of telemetry.count."""
        for metric in filter(None, (name, also)):
            key = (metric, *(f"{label}={said}" for label, said in dimensions.items()))
            self.metrics[key] = self.metrics.get(key, 0.0) + value

    def milliseconds(self, name: str, _value: float, **dimensions: str) -> None:
        """In place of telemetry.milliseconds: how often, as virtual calls take no time."""
        self.count(name, 1, **dimensions)

    def info(self, message: str, **told: object) -> None:
        if self.keeps_all:
            self._keep("info", message, told)

    debug = info

    def warning(self, message: str, **told: object) -> None:
        self._keep("warning", message, told)

    def error(self, message: str, **told: object) -> None:
        self._keep("error", message, told)

    exception = error

    def _keep(self, level: str, message: str, told: Mapping[str, object]) -> None:
        self.lines.append((level, message, told))
