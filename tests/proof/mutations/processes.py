"""Processes that begin where this one is: a mutant has one of its own, and need not load everything again."""

import contextlib
import importlib.machinery
import multiprocessing
import os
import pickle
import resource
import signal
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Lock
from pathlib import Path
from types import CodeType

# A mutant may loop or grow for ever.
_CPU_SECONDS = 60
_MEMORY_BYTES = 4 << 30


def forked[T](work: Callable[[], T], *, cpu_seconds: int = _CPU_SECONDS) -> T | None:
    """Return what the work answers in a process of its own; None when the process ended without an answer."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        status = 1
        try:
            os.close(reading)
            _limit(cpu_seconds)
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(work(), pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        return pickle.loads(answer)  # type: ignore[no-any-return]
    return None


def _limit(cpu_seconds: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + cpu_seconds, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, resource.RLIM_INFINITY))


def shared[T, R](
    jobs: Sequence[T], work: Callable[[T], R], processes: int, done: Callable[[T, R | None], None]
) -> None:
    """Have each job done by one of so many processes, the next free one, and tell what each came to as it ends."""
    queue, results, writing = os.pipe(), os.pipe(), multiprocessing.Lock()
    children = [_worker(jobs, work, queue, results, writing) for _ in range(processes)]
    os.close(queue[0])
    os.close(results[1])
    feeder = os.fork()
    if not feeder:
        os.close(results[0])
        for number in range(len(jobs)):
            os.write(queue[1], number.to_bytes(4))
        os._exit(0)
    os.close(queue[1])
    with os.fdopen(results[0], "rb") as pipe, contextlib.suppress(EOFError):
        while True:
            number, result = pickle.load(pipe)
            done(jobs[number], result)
    for child in (*children, feeder):
        os.waitpid(child, 0)


def _worker[T, R](
    jobs: Sequence[T], work: Callable[[T], R], queue: tuple[int, int], results: tuple[int, int], writing: Lock
) -> int:
    if child := os.fork():
        return child
    try:
        os.close(queue[1])
        os.close(results[0])
        while number := os.read(queue[0], 4):
            job = int.from_bytes(number)
            answer = pickle.dumps((job, work(jobs[job])))
            with writing:
                os.write(results[1], answer)
    finally:
        os._exit(0)


def load_changed(path: Path, code: CodeType) -> None:
    """From here on, who imports this file gets this code."""
    real = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        return code if Path(loader.path).resolve() == path.resolve() else real(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]


def quiet() -> None:
    """Nothing that this process prints is seen."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
