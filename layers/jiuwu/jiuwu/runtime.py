"""Clock, sleep and randomness of a process as one value, which tests and the simulation replace."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Runtime:
    """`clock` gives Unix seconds, `monotonic` seconds since some moment; `random` gives a number in [0, 1)."""

    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random


SYSTEM = Runtime()
