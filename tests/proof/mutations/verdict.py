"""What became of a mutant in the warm process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """`mutant` is its number; `killed` by a test, of those that come to its line (`tests`, the fastest first). `error`
    is why it could not be tried there; it was not `tried` at all when there was no time."""

    mutant: int
    killed: bool
    tests: tuple[str, ...]
    error: str = ""
    tried: bool = True
