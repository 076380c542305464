"""A world: a merchant's whole stack beside the simulated platform, on virtual time."""

import importlib.util
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from jiuwu.platform import profile
from sandbox.simulation.aws.account import Account
from sandbox.simulation.aws.sqs import Queue, QueuedMessage
from sandbox.simulation.world import events
from sandbox.simulation.world.clock import Clock, TimedOut
from sandbox.simulation.world.patches import CapturedTelemetry, Patches, patched
from sandbox.simulation.world.platform import URL, Platform
from sandbox.simulation.world.wiring import Function, Source, Wiring, next_tick
from sandbox.simulator.state import App

START = 1_763_800_000.0
APP_ID, SECRET_NAME, APP_SECRET = "simulated-app", "jiuwu/app-secret", "the-simulated-app-secret"
MERCHANT_KEY_NAME, MERCHANT_KEY = "jiuwu/merchant-key", "the-merchant-key-of-the-simulation"
PARAMETERS = {
    "AppId": APP_ID,
    "AppSecretName": SECRET_NAME,
    "MerchantKeyName": MERCHANT_KEY_NAME,
    "PlatformUrl": URL,
    "PublicUrl": "https://api.example",
    "ReturnOrigins": "https://shop.example",
}
# Lambda receives a message within some milliseconds.
_LATENCY_SECONDS = 0.02
# Pauses before the two retries of an asynchronous event.
_RETRY_SECONDS = (60.0, 120.0)


class Killed(BaseException):
    """The process crashes here. No `except Exception` catches it, and nothing runs after it."""


class InvocationError(Exception):
    """An invocation that a caller waited for failed or crashed; `kind` names the error."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.kind = type(cause).__name__


class Context:
    """Lambda's context."""

    function_name = "simulated"
    memory_limit_in_mb = 512
    aws_request_id = "simulated-request"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def get_remaining_time_in_millis(self) -> int:
        return int((self._clock.ends - self._clock.now) * 1000)


type Handler = Callable[[Any, Context], Any]


class World:
    """All functions of the template on one clock. Make it with `simulated_world()`.

    `calls.on_call` and `calls.throttle` see every call; Killed, raised there, ends the invocation like a crash of its
    process.
    """

    def __init__(self, clock: Clock, account: Account, wiring: Wiring, patched: Patches) -> None:
        self.clock, self.account, self.wiring = clock, account, wiring
        self.calls, self.functions = account.calls, wiring.functions()
        self.calls.alive = clock.check
        self.platform: Platform
        self.telemetry: CapturedTelemetry
        self.invocations: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()  # (function, kind of error)
        self.failed_runs: Counter[str] = Counter()  # scheduled runs, by what ended them
        self.running = ""  # the function that runs now
        self.repeat_delivery: Callable[[Queue], bool] = lambda _queue: False
        self._patches = patched
        self._modules: dict[str, ModuleType] = {}

    def start(self, *, off: Sequence[str] = ()) -> None:
        """Switch the event sources on: queues and schedules."""
        for function in self.functions.values():
            if function.name in off:
                continue
            for source in function.mappings:
                _Poller(self, function, source)
            for expression, payload in function.schedules:
                self._plan(function, expression, payload)

    def stop(self) -> None:
        """Switch all event sources off, cancel planned actions and end all processes; requests still work."""
        self.clock.forget()
        self.end_processes()
        for queue in self.account.queues.values():
            queue.on_sent = lambda _visible_at: None

    def end_processes(self) -> None:
        """End all processes: the next invocation of each function is a cold start."""
        self._modules.clear()

    def http(self, method: str, path: str, *, body: object = None, query: str = "", **headers: str) -> dict[str, Any]:
        """Send an API Gateway request and return the reply; 500 when the function fails or crashes."""
        found = next(
            (function, route, match)
            for function in self.functions.values()
            for route in function.routes
            if route.method in {method, "ANY"} and (match := route.path.fullmatch(path))
        )
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body, ensure_ascii=False)
        try:
            reply: dict[str, Any] = self.invoke(
                found[0].name, events.http_event(method, path, text, query, headers, found[1].key)
            )
        except InvocationError:
            return {"statusCode": 500, "headers": {}, "body": '{"message":"Internal Server Error"}'}
        return reply

    def receive_notification(self, headers: dict[str, str], body: str) -> tuple[int, str] | None:
        """Receive a notification of the platform; return HTTP status and body."""
        reply = self.http("POST", "/webhooks/jiuwu", body=body, **headers)
        return int(reply["statusCode"]), str(reply.get("body", ""))

    def invoke(self, name: str, event: object) -> Any:  # noqa: ANN401 -- JSON
        """Invoke a function and return its result; raise Failed."""
        function, clock = self.functions[name], self.clock
        self.invocations[name] += 1
        outer, ends, self.running, clock.ends = self.running, clock.ends, name, clock.now + function.timeout
        # an instance serves one invocation at a time; a concurrent one gets another instance
        instance = self._modules.pop(name, None) or self._cold_start(function)
        try:
            answer = instance.handler(event, Context(clock))
            clock.check()  # a result after the timeout is none
            self._modules[name] = instance
            return answer
        except (Killed, TimedOut) as ending:
            self.errors[name, type(ending).__name__] += 1
            # the process is gone with its instance; the next invocation is a cold start
            raise InvocationError(ending) from None
        except Exception as error:
            self.errors[name, type(error).__name__] += 1
            self._modules[name] = instance
            raise InvocationError(error) from error
        finally:
            self.running, clock.ends = outer, ends

    def process(self, name: str) -> Handler:
        """Return the handler of a function in another process, besides the one that `invoke` keeps warm."""
        return self._cold_start(self.functions[name]).handler  # type: ignore[no-any-return]

    def batch(self, queue: Queue, batch: Sequence[QueuedMessage]) -> dict[str, Any]:
        """Return the event of a batch of a queue's messages."""
        return {"Records": [events.record(queue, held) for held in batch]}

    def deliver(self, function: Function, queue: Queue, batch: Sequence[QueuedMessage]) -> None:
        """Deliver a batch to a function; delete the messages that did not fail."""
        try:
            answer = self.invoke(function.name, self.batch(queue, batch))
        except InvocationError:
            return
        failed = {one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures", ())}
        for held in batch:
            if held.message_id not in failed and not self.repeat_delivery(queue):
                queue.messages.pop(held.message_id, None)

    def _cold_start(self, function: Function) -> ModuleType:
        saved = dict(os.environ)
        spec, code = _code_of(function.module)
        module = sys.modules[function.module] = importlib.util.module_from_spec(spec)
        try:
            os.environ.update(function.environment)
            with self._patches.loading():
                exec(code, vars(module))
        finally:
            os.environ.clear()
            os.environ.update(saved)
        self._patches.apply_permanently(module)
        return module

    def _plan(self, function: Function, expression: str, payload: object) -> None:
        def tick() -> None:
            self._plan(function, expression, payload)
            named = events.TICK | {"id": f"{function.name} {self.clock.now:.0f}"}
            self._tick(function, json.loads(payload) if isinstance(payload, str) else named, 0)

        self.clock.at(next_tick(expression, self.clock.now), tick)

    def _tick(self, function: Function, event: object, retry: int) -> None:
        """Try what a schedule asks for; Lambda retries after a minute, and again after two."""
        try:
            self.invoke(function.name, event)
        except InvocationError as failed:
            if retry < function.retries:
                again = partial(self._tick, function, event, retry + 1)
                self.clock.at(self.clock.now + _RETRY_SECONDS[retry], again)
            else:
                self._note_failure(function, failed)

    def _note_failure(self, function: Function, failed: InvocationError) -> None:
        self.failed_runs[failed.kind] += 1
        if function.on_failure:
            queue, body = self.account.queue(function.on_failure), json.dumps({"error": str(failed)})
            number = sum(self.errors.values())
            queue.put(QueuedMessage(f"failed-{number}", body, {}, self.clock.now, self.clock.now), number)


@cache
def _code_of(name: str) -> tuple[ModuleSpec, CodeType]:
    """Return a function's module, compiled once for all its cold starts."""
    spec = importlib.util.find_spec(name)
    code = spec.loader.get_code(name) if spec and isinstance(spec.loader, SourceLoader) else None
    if not spec or not code:
        raise ModuleNotFoundError(name)
    return spec, code


class _Poller:
    """Lambda's poller of a queue: receives what is visible, up to a batch at a time."""

    def __init__(self, world: World, function: Function, source: Source) -> None:
        self._world, self._function, self._source = world, function, source
        self._queue = world.account.queue(source.queue)
        self._planned = float("inf")
        self._queue.on_sent = self.wake

    def wake(self, visible_at: float) -> None:
        """Plan a receive for when the message is visible and the batching window has passed."""
        when = max(visible_at, self._world.clock.now) + max(self._source.window, _LATENCY_SECONDS)
        if when < self._planned:
            self._planned = when
            self._world.clock.at(when, lambda: self._read(when))

    def _read(self, planned: float) -> None:
        if planned != self._planned:
            return  # an earlier receive was planned since, and did this one's work
        self._planned = float("inf")
        sqs = self._world.account.client("sqs")
        self._world.calls.counts["sqs", "lambda_receive"] += 1
        if batch := sqs.take(self._queue, self._source.batch, self._queue.visibility):
            self._world.deliver(self._function, self._queue, batch)
            self._world.calls.counts["sqs", "lambda_delete"] += 1
        if self._queue.heap:
            self.wake(self._queue.heap[0][0])


@contextmanager
def simulated_world(
    *, seed: int = 1, parameters: Mapping[str, str] | None = None, start: float = START
) -> Iterator[World]:
    """Yield a new world; its event sources are still off."""
    clock, captured = Clock(start), CapturedTelemetry()
    account = Account.of_template(clock)
    account.secrets[SECRET_NAME] = json.dumps({"current": APP_SECRET})
    account.secrets[MERCHANT_KEY_NAME] = json.dumps({"current": MERCHANT_KEY})
    wiring = Wiring(account, PARAMETERS | dict(parameters or {}))
    ways: list[Platform] = []
    with (
        patched(clock, random.Random(seed), account, lambda: ways[0].http(), captured) as patches,  # noqa: PLW0108 -- made below
        _function_modules_restored(wiring),
    ):
        built = World(clock, account, wiring, patches)
        app = App(APP_ID, APP_SECRET)
        built.platform = Platform(
            app, profile.load(), clock=clock, calls=account.calls, post=built.receive_notification
        )
        built.telemetry = captured
        ways.append(built.platform)
        yield built


@contextmanager
def _function_modules_restored(wiring: Wiring) -> Iterator[None]:
    names = [function.module for function in wiring.functions().values()]
    saved = {name: sys.modules[name] for name in names if name in sys.modules}
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(saved)
