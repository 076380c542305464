"""Tasks on a queue, the functions that take them, and the limits that make these wait. Time is simulated; nothing is
read or written. What tasks ask for is in the modules of the passes.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from sandbox.capacity.inputs import Inputs

# Something that goes on from a time to a later one.
type Stretch = Callable[[float], float]

_READ_UNIT = 4096  # bytes, of which an eventually consistent read costs half a unit


class Bucket:
    """A rate limit that makes callers wait: `take` returns when a request of this size may go."""

    def __init__(self, per_second: float) -> None:
        self._per_second, self._free_at = per_second, 0.0

    def take(self, now: float, amount: float = 1.0) -> float:
        """The time, `now` or later, at which `amount` is there."""
        start = max(now, self._free_at)
        self._free_at = start + amount / self._per_second
        return start


@dataclass(slots=True)
class Pass:
    """A pass over `items`, what it took and what it may take.

    `requests` are by (service, operation) and `units` DynamoDB's by (table or table/index, kind), as the in-memory AWS
    counts them; `seconds` is how long it lasts, `lambda_seconds` how long functions ran.
    """

    items: int
    inputs: Inputs
    seconds: float = 0.0
    lambda_seconds: float = 0.0
    invocations: int = 0
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: dict[tuple[str, str], float] = field(default_factory=dict)
    _limits: dict[tuple[str, ...], Bucket] = field(default_factory=dict)

    def ask(self, service: str, operation: str, times: int = 1) -> None:
        """Counts requests."""
        self.requests[service, operation] += times

    def call(self, now: float, lane: str, operation: str, times: int = 1) -> float:
        """So many calls of the platform beside each other: when the last reply is there."""
        self.ask("platform", operation, times)
        per_second = self.inputs.setup.calls_per_second[lane]
        first = self._limit(per_second, "lane", lane).take(now, times)
        return first + (times - 1) / per_second + self.inputs.seconds.platform

    def spend(self, now: float, name: str, kind: str, units: float, key: str = "") -> float:
        """Counts units of a table or an index, all of one partition if it has a `key`: when they are there."""
        self.units[name, kind] = self.units.get((name, kind), 0.0) + units
        limits = self.inputs.limits
        table, partition = (
            (limits.table_read_units, limits.partition_read_units)
            if kind == "read"
            else (limits.table_write_units, limits.partition_write_units)
        )
        then = self._limit(table, name, kind).take(now, units)
        return max(then, self._limit(partition, name, kind, key).take(now, units)) if key else then

    def query(self, now: float, index: str, key: str, entries: int, entry_bytes: int) -> float:
        """A page of an index's keys: when it is there."""
        self.ask("dynamodb", "query")
        units = max(1, -(-entries * entry_bytes // _READ_UNIT)) / 2
        return self.spend(now, index, "read", units, key) + self.inputs.seconds.query

    def add(self, other: "Pass") -> None:
        """What another pass took, beside this one."""
        self.requests += other.requests
        for name, units in other.units.items():
            self.units[name] = self.units.get(name, 0.0) + units
        self.invocations += other.invocations
        self.lambda_seconds += other.lambda_seconds

    def of(self, service: str) -> int:
        """Requests to a service."""
        return sum(times for (name, _), times in self.requests.items() if name == service)

    @property
    def dollars(self) -> float:
        """What it costs, the lanes' own reads and writes included."""
        prices, shop, calls = self.inputs.prices, self.inputs.shop, self.of("platform")
        written = sum(units for (_, kind), units in self.units.items() if kind == "write")
        read = sum(units for (_, kind), units in self.units.items() if kind == "read")
        return (
            (written + calls * shop.lane_write_units) * prices.write_unit
            + (read + calls * shop.lane_read_units) * prices.read_unit
            + self.of("kms") * prices.kms_request
            + self.of("sqs") * prices.sqs_request
            + self.invocations * prices.lambda_invocation
            + self.lambda_seconds * shop.memory_gb * prices.lambda_gb_second
        )

    def _limit(self, per_second: float, *name: str) -> Bucket:
        if name not in self._limits:
            self._limits[name] = Bucket(per_second)
        return self._limits[name]


@dataclass(slots=True)
class Task:
    """A message of a queue: `left` items, up to `page` at a time, each page by `step` (how many, now) → its end; the
    last page is one of fewer than `ends_below` (by default, than `page`). `opening` is what each invocation begins
    with, `closing` what it ends with."""

    left: int
    page: int
    step: Callable[[int, float], float]
    opening: Stretch = lambda now: now
    closing: Callable[["Task", float], float] = lambda _task, now: now
    ends_below: int = 0
    done: bool = False

    def go_on(self, now: float) -> float:
        """One page; the time at its end."""
        size = min(self.page, self.left)
        self.left -= size
        self.done = not self.left and size < (self.ends_below or self.page)
        return self.step(size, now)


@dataclass(frozen=True, slots=True)
class Source:
    """A queue that a function reads one message at a time: MaximumConcurrency, and how long a task goes on before it
    queues its rest (seconds)."""

    most: int
    task_seconds: float


def work(done: Pass, tasks: Iterable[Task], source: Source, begun: float = 0.0) -> float:
    """The tasks, all queued at `begun`, a page at a time in the sequence of time; when the last of them ends."""
    waiting, number = deque(tasks), count()
    running: list[tuple[float, int, float, Task]] = []  # (now, number, started, task)
    ended = begun
    while waiting or running:
        while waiting and len(running) < most_at_once(source, done.inputs):
            started = max(ended, begun + polled_after(len(running) + 1, done.inputs)) + done.inputs.seconds.queue
            task = waiting.popleft()
            heapq.heappush(running, (_invoke(done, task, started), next(number), started, task))
        now, _, started, task = heapq.heappop(running)
        if not task.done and now - started < source.task_seconds:
            heapq.heappush(running, (task.go_on(now), next(number), started, task))
            continue
        ended = task.closing(task, now)
        done.lambda_seconds += ended - started
        if not task.done:
            done.ask("sqs", "send_message_batch")
            waiting.append(task)
    return ended


def most_at_once(source: Source, inputs: Inputs) -> int:
    """How many of a function one queue may ever keep busy: each message is in flight while it is worked on."""
    limits = inputs.limits
    return min(source.most, limits.poller_concurrency, limits.concurrency, limits.sqs_in_flight)


def polled_after(at_once: int, inputs: Inputs) -> float:
    """How long after messages came Lambda reads a queue for so many at once (seconds)."""
    limits = inputs.limits
    return max(0, at_once - limits.poller_start) * 60 / limits.poller_growth


def _invoke(done: Pass, task: Task, now: float) -> float:
    done.ask("sqs", "lambda_receive")
    done.ask("sqs", "lambda_delete")
    done.invocations += 1
    return task.opening(now)
