"""SIGKILL of Lambda runtimes in the middle of their work, in the whole sandbox: everything settles, nothing is lost."""

import gc
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.progress import Progress

from sandbox.demo.__main__ import PARAMETERS, Demo
from sandbox.environment import Sandbox
from sandbox.invariants.checks import violations

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.proof,
    pytest.mark.xdist_group("sandbox"),
    pytest.mark.timeout(600),
    # the demo leaves closing its connections to the end of its process
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
VICTIMS = {"OrderProcessor": "OrderQueue", "EffectDispatcher": "EffectQueue"}  # and the queue each reads
KILLS = 4  # of each
# A message of a killed process comes again when its visibility ends; six times the function's timeout is long to wait.
VISIBLE_AGAIN_SECONDS = "15"


@pytest.fixture
def busy() -> Iterator[Sandbox]:
    """A sandbox of its own: who kills processes here kills nobody else's."""
    with Sandbox("killed", parameters=PARAMETERS, report=lambda _: None) as running:
        for queue in VICTIMS.values():
            attributes = {"VisibilityTimeout": VISIBLE_AGAIN_SECONDS}
            running.aws("sqs").set_queue_attributes(QueueUrl=running.stack.outputs[queue], Attributes=attributes)
        yield running


class Killer(threading.Thread):
    """Ends runtimes that are at work, until each victim died often enough: those that have used the processor since the
    last look, while a message of their queue is in someone's hands."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(daemon=True)
        self.above, self.killed, self.over = sandbox.pids["aws"], Counter[str](), threading.Event()
        self._sqs, self._outputs = sandbox.aws("sqs"), sandbox.stack.outputs

    def run(self) -> None:
        """Looks every few milliseconds at who has used the processor since."""
        used: dict[int, int] = {}
        while not self.over.is_set() and min(self.killed[name] for name in VICTIMS) < KILLS:
            for pid in descendants(self.above):
                now, name = processor_ticks(pid), function_of(pid)
                wanted = name in VICTIMS and self.killed[name] < KILLS and now > used.get(pid, now)
                if wanted and self._in_hand(VICTIMS[name]):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[name] += 1
                    time.sleep(1)  # its next process may start, and do some work
                used[pid] = now
            time.sleep(0.005)

    def _in_hand(self, queue: str) -> bool:
        name = "ApproximateNumberOfMessagesNotVisible"
        reply = self._sqs.get_queue_attributes(QueueUrl=self._outputs[queue], AttributeNames=[name])
        return int(reply["Attributes"][name]) > 0


def descendants(above: int) -> Iterator[int]:
    """The processes that a process started, and those that these started."""
    for children in Path(f"/proc/{above}/task").glob("*/children"):
        try:
            found = [int(pid) for pid in children.read_text().split()]
        except OSError:
            continue
        for pid in found:
            yield pid
            yield from descendants(pid)


def processor_ticks(pid: int) -> int:
    """How much of the processor the process has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def function_of(pid: int) -> str:
    """The function, by its logical id, that this process is a runtime of."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = next(
        (one.partition(b"=")[2].decode() for one in environment if one.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")), ""
    )
    return next((victim for victim in VICTIMS if victim in name), "")


def test_runtimes_killed_at_work_lose_nothing_and_do_nothing_twice(busy: Sandbox) -> None:
    killer = Killer(busy)
    killer.start()

    facts = Demo(seed=7, orders=150, progress=Progress(disable=True)).play(busy)[2]
    gc.collect()  # its connections end here, where nobody minds that it did not close them
    killer.over.set()
    killer.join()

    assert [] == violations(facts)
    assert dict.fromkeys(VICTIMS, KILLS) == dict(killer.killed)
